"""Fault: a process is killed while it writes. Its temporary file must go when the file is next written, and no other must.

No half file may stand under the final name either, and a living process keeps what it is writing.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import orchestrion
from orchestrion.files import atomic_write

WRITE_AND_WAIT = """
import sys, time
from orchestrion.files import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def start_writing(target: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(target)], stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(orchestrion.__file__).parent.parent)},
    )  # fmt: skip
    assert process.stdout.readline() == b"writing\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("name", ["song.wav", "a name as long as this one may be, and longer.flac", "bare", ".hidden.json"])
def test_what_killed_processes_left_goes_with_the_next_writing(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    target.write_text("before")
    # Two at once, so that their names differ.
    processes = [start_writing(target), start_writing(target)]
    assert len(list(tmp_path.iterdir())) == 3
    for process in processes:
        kill(process)
    assert target.read_text() == "before" and len(list(tmp_path.iterdir())) == 3
    with atomic_write(target) as temporary:
        temporary.write_text("after")
    assert target.read_text() == "after" and list(tmp_path.iterdir()) == [target]


def test_a_living_process_keeps_its_file(tmp_path: Path) -> None:
    target = tmp_path / "song.wav"
    process = start_writing(target)
    (theirs,) = tmp_path.iterdir()
    with atomic_write(target) as temporary:
        assert temporary != theirs
        temporary.write_text("ours")
    assert theirs.read_text() == "half" and target.read_text() == "ours"
    kill(process)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """A name that another target's temporary file has, and one that somebody planted as a link."""
    other = start_writing(tmp_path / "song.wav2")
    kill(other)
    (left,) = tmp_path.iterdir()
    with atomic_write(tmp_path / "song.wav") as temporary:
        planted = temporary.name
    assert left.exists()
    (tmp_path / "victim").write_text("precious")
    (tmp_path / planted).symlink_to(tmp_path / "victim")
    with atomic_write(tmp_path / "song.wav") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "victim").read_text() == "precious" and (tmp_path / "song.wav").read_text() == "new"


def test_nothing_is_left_where_the_file_system_has_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    for text in ("one", "two"):
        with atomic_write(tmp_path / "song.wav") as temporary:
            temporary.write_text(text)
    assert (tmp_path / "song.wav").read_text() == "two" and len(list(tmp_path.iterdir())) == 1


def test_a_name_lost_between_making_and_locking_is_left_to_its_new_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process takes the new file for abandoned, and a third one makes its own under that name: it must stay."""
    flock, third = fcntl.flock, []

    def overtaken(descriptor: int, how: int) -> None:
        if not third:
            path = next(tmp_path.iterdir())
            path.unlink()
            path.write_text("the third one's")
            third.append(path)
            raise BlockingIOError
        flock(descriptor, how)

    monkeypatch.setattr("fcntl.flock", overtaken)
    with atomic_write(tmp_path / "song.wav") as temporary:
        temporary.write_text("ours")
        assert temporary != third[0] and third[0].read_text() == "the third one's"


def write_many(target: Path, text: str) -> None:
    for _ in range(200):
        with atomic_write(target) as temporary:
            temporary.write_text(text * 1000)


def test_many_writers_of_one_file_never_mix(tmp_path: Path) -> None:
    target = tmp_path / "song.wav"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(target, text)) for text in "abcd"]
    for writer in writers:
        writer.start()
    deadline = time.monotonic() + 60
    while any(writer.is_alive() for writer in writers) and time.monotonic() < deadline:
        if target.exists():
            assert len(set(target.read_text())) == 1 and target.stat().st_size == 1000
    for writer in writers:
        writer.join(10)
        assert writer.exitcode == 0
    assert list(tmp_path.iterdir()) == [target]
