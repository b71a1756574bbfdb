"""Atomic writing: whole or not at all, whatever goes wrong."""

import json
import threading
import time

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write, find_files, lock, sha256, write_json


def test_the_file_appears_whole_and_alone(tmp_path):
    write_json(tmp_path / "a.json", {"ü": 1})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"ü": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("wrong", [RuntimeError, KeyboardInterrupt])
def test_what_was_there_is_still_there_when_writing_fails(tmp_path, wrong):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(wrong), atomic_write(target) as temporary:
        temporary.write_text("half of the n")
        raise wrong
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_folder_or_a_missing_folder_is_one_sentence(tmp_path):
    for target in (tmp_path, tmp_path / "nowhere" / "a.txt"):
        with pytest.raises(OrchestrionError, match="Cannot write"), atomic_write(target):
            pytest.fail("the block must not run")


def test_new_files_have_the_usual_permissions(tmp_path):
    write_json(tmp_path / "a.json", {})
    (tmp_path / "b").touch()
    assert (tmp_path / "a.json").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_lock_lets_one_in_at_a_time(tmp_path):
    inside: list[str] = []

    def work(name):
        with lock(tmp_path / ".lock"):
            inside.append(f"{name} in")
            time.sleep(0.05)
            inside.append(f"{name} out")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry[0] for entry in inside] in (list("aabb"), list("bbaa"))


def test_files_are_found_by_suffix_and_depth_and_hidden_ones_are_not(tmp_path):
    for name in ("b.WAV", "a.wav", "c.txt", "._d.wav", "in/e.wav", "in/deep/f.wav", ".hidden/g.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()

    def found(depth=None):
        return [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path, (".wav",), depth)]

    assert found() == ["a.wav", "b.WAV", "in/deep/f.wav", "in/e.wav"]
    assert found(0) == ["a.wav", "b.WAV"] and found(1) == ["a.wav", "b.WAV", "in/e.wav"]


def test_the_checksum_of_a_changed_file_is_another(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    before = sha256(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"four")
    assert before != sha256(tmp_path / "a") and len(before) == 64
    with pytest.raises(OrchestrionError, match="Cannot read"):
        sha256(tmp_path / "none")
