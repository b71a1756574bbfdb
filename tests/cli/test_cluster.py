"""`--cluster`: the bytes of one machine, whatever becomes of the workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from orchestrion import cluster, rendering
from orchestrion.cli.app import cli
from orchestrion.ensemble import split_parts
from orchestrion.score import Note, Part, Score

N = 8
distributed = pytest.importorskip("distributed")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `N` scores in ``scores``: one has two parts, one is broken."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scores").mkdir()
    for n in range(N):
        notes = tuple(Note(0.3 * i, 0.3 * i + 0.2, 52 + n + i, 80) for i in range(3))
        Score((Part("", 0, notes),), title=f"Number {n}").write(tmp_path / "scores" / f"s{n}.mid")
    (tmp_path / "scores" / "s2.mid").write_bytes(b"no score")
    return tmp_path


@contextmanager
def threads() -> Iterator[str]:
    """A cluster of two workers within this process."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as local:
        yield local.scheduler_address


def invoke(tiny: Path, *arguments: object, status: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["render", "scores", "-i", str(tiny), "--device", "cpu", *map(str, arguments)])
    assert result.exit_code == status, (result.output, result.exception)
    return result


def audio(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}


def test_the_cluster_writes_the_bytes_of_one_machine(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "STREAMED_FROM_S", 0.9)  # some are streamed
    (folder / "scores" / "s3.mid").write_bytes((folder / "scores" / "s3.mid").read_bytes())
    more = ["--format", "flac", "--count", 2, "--pan", 0.5]
    here, alone = invoke(tiny, "-o", "here", status=1), invoke(tiny, "-o", "panned", *more, status=1)
    with threads() as address:
        there = invoke(tiny, "-o", "there", "--cluster", address, status=1)
        invoke(tiny, "-o", "panned-there", *more, "--cluster", address, status=1)
        assert audio(folder / "there") == audio(folder / "here") and len(audio(folder / "there")) == N - 1
        assert audio(folder / "panned-there") == audio(folder / "panned")
        for result in (here, there):
            assert f"{N - 1} of {N} played, 1 failed" in result.stderr and result.stderr.count("Failed: scores/s2.mid") == 1
        again = invoke(tiny, "-o", "there", "--cluster", address, status=1)
        assert "0 of 8 played, 7 finished before" in again.stderr
        # Finished is finished, wherever it was played; and one that changed is played alone.
        (folder / "there" / "s5.wav").write_bytes(b"")
        assert invoke(tiny, "-o", "there", status=1).stdout.startswith("there/s5.wav")
    assert "Failed" in alone.stderr
    facts = [json.loads((folder / name / "s0.wav.json").read_text()) for name in ("here", "there")]
    assert facts[0]["checksums"] == facts[1]["checksums"] and facts[0]["instruments"] == facts[1]["instruments"]


def test_a_group_with_a_score_that_cannot_be_played_loses_only_that_one(tiny: Path) -> None:
    from orchestrion.options import AudioFormat, Playing
    from orchestrion.renderer.instrument import Instrument

    good = Score((Part("", 0, (Note(0.0, 0.1, 60, 80),)),))
    two = Score((Part("a", 0, (Note(0.0, 0.1, 60, 80),)), Part("b", 0, (Note(0.0, 0.1, 64, 80),))))
    assert len(split_parts(two)) == 2
    played = rendering.play_files([(good, 0, ".wav"), (two, 0, ".wav")], [Instrument.load(tiny)] * 2, Playing(device="cpu"), AudioFormat(), False)
    assert "2 instruments but 1 part" in str(played[0]) and isinstance(played[1], rendering.PlayedFile)


def test_usage(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECTING_S", 0.3)
    assert "--cluster is for many scores" in invoke(tiny, "-o", "a.wav", "--cluster", "tcp://127.0.0.1:1", status=2).stderr
    assert "--resume keeps a journal" in invoke(tiny, "-o", "a", "--resume", "--cluster", "tcp://127.0.0.1:1", status=2).stderr
    for address in ("tcp://127.0.0.1:1", "nonsense", "x://y", "tcp://host:port"):
        sentence = invoke(tiny, "-o", "a", "--cluster", address, status=1).stderr
        assert sentence == f"Error: No scheduler answers at {address}; start one: dask scheduler\n"
    assert not (folder / "a").exists()


def test_workers_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with threads() as address, cluster.connected(address, said.append) as connection:
        monkeypatch.setattr(cluster, "_call", lambda version, *rest: CALL("0.0.0", *rest))
        ((label, error),) = connection.run(abs, [("a", (-1,))])
        monkeypatch.undo()
        results = dict(connection.run(divmod, [("b", (7, 2)), ("c", (1, 0)), ("d", None)]))
    assert label == "a" and "A worker has Orchestrion" in str(error) and "0.0.0" in str(error)
    assert results["b"] == (3, 1) and "ZeroDivisionError" in str(results["c"]) and results["d"] is None and not said


CALL = cluster._call


@contextmanager
def processes(folder: Path, n: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and ``n`` workers as users start them."""
    where = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    started = [subprocess.Popen([*dask, "scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", where], stderr=subprocess.DEVNULL)]
    try:
        while not where.exists():
            assert started[0].poll() is None
            time.sleep(0.1)
        address = json.loads(where.read_text())["address"]
        more = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
        for _ in range(n):
            worker = [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", folder]
            started.append(subprocess.Popen(worker, stderr=subprocess.DEVNULL, env={**os.environ, **more}))
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_worker_that_is_killed_half_way_costs_nothing(tiny: Path, folder: Path) -> None:
    for n in range(24):
        notes = tuple(Note(0.5 * i, 0.5 * i + 0.4, 52 + (n + i) % 20, 80) for i in range(24))
        Score((Part("", 0, notes),)).write(folder / "scores" / f"long{n}.mid")
    (folder / "scores" / "s2.mid").unlink()
    invoke(tiny, "-o", "here")
    expected = audio(folder / "here")
    with processes(folder, 2) as (address, workers):
        command = [sys.executable, "-m", "orchestrion", "render", "scores", "-i", tiny, "--device", "cpu", "-o", "there", "--cluster", address]
        running = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while len(list((folder / "there").glob("*.wav")) if (folder / "there").exists() else []) < 4:
            assert running.poll() is None, running.communicate()
            time.sleep(0.02)
        workers[0].kill()
        n_then = len(audio(folder / "there"))
        out, err = running.communicate(timeout=600)
    assert running.returncode == 0, err
    assert n_then < len(expected), "the worker died too late to matter"
    assert audio(folder / "there") == expected and len(out.splitlines()) == len(expected) and "failed" not in err


def recordings(folder: Path) -> None:
    """Three recordings with notes, three songs, and one of each that cannot be read."""
    rate = 16000
    (folder / "takes").mkdir()
    for n in range(3):
        t = np.arange(rate) / rate
        notes = [Note(0.1, 0.4, 60 + n, 80), Note(0.5, 0.9, 64 + n, 80)]
        hz = [440 * 2 ** ((note.pitch - 69) / 12) for note in notes]
        tone = sum(0.3 * np.sin(2 * np.pi * f * t) * ((t >= note.onset_s) & (t < note.offset_s)) for f, note in zip(hz, notes, strict=True))
        soundfile.write(folder / "takes" / f"t{n}.wav", tone, rate)
        Score((Part("", 0, tuple(notes)),)).write(folder / "takes" / f"t{n}.mid")
    (folder / "songs").mkdir()
    for n in range(3):
        soundfile.write(folder / "songs" / f"s{n}.wav", 0.1 * np.random.default_rng(n).standard_normal(rate), rate)
    (folder / "songs" / "s3.wav").write_bytes(b"no audio")
    (folder / "hummed").mkdir()
    for path in (folder / "takes").glob("*.wav"):
        (folder / "hummed" / path.name).write_bytes(path.read_bytes())
    (folder / "hummed" / "broken.wav").write_bytes(b"no audio")


COMMANDS = {
    "prepare": ["data", "prepare", "pairs", "takes", "-o", "OUT"], "songs": ["data", "prepare", "songs", "-o", "OUT"],
    "label": ["data", "label", "hummed", "--method", "pyin", "-o", "OUT"], "transcribe": ["transcribe", "hummed", "-o", "OUT"],
    "evaluate": ["evaluate", "renderer", "-i", "TINY", "--data", "set", "--split", "all", "--seconds", "1", "--json"],
}  # fmt: skip


def of_files(folder: Path) -> dict[str, bytes]:
    """Every file but dataset.json's and settings' own names and times."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().replace(folder.name.encode(), b"OUT")
        for path in folder.rglob("*") if path.is_file() and path.suffix != ".png" and not path.name.endswith(".mid.json")
    }  # fmt: skip


def run_all(tiny: Path, where: str, *more: str) -> dict[str, object]:
    """What each command says and writes."""
    found: dict[str, object] = {}
    for name, words in COMMANDS.items():
        target = Path(f"{where}-{name}")
        command = [str({"OUT": target, "TINY": tiny}.get(word, word)) for word in words]
        result = CliRunner().invoke(cli, [*command, *more])
        assert result.exit_code == (1 if name in ("label", "transcribe") else 0), (name, result.output, result.exception)
        if name in ("label", "transcribe"):
            assert "broken.wav" in result.stderr
        if name == "evaluate":
            found[name] = json.loads(result.stdout)
        else:
            found[name] = of_files(target)
            assert len(found[name]) >= 3, found[name].keys()
    return found


@pytest.mark.parametrize("kind", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_other_commands_make_the_same_there(kind: str, tiny: Path, folder: Path) -> None:
    recordings(folder)
    assert CliRunner().invoke(cli, ["data", "prepare", "pairs", "takes", "-o", "set"]).exit_code == 0
    here = run_all(tiny, "here")
    with threads() if kind == "threads" else processes(folder, 2) as started:
        address = started if isinstance(started, str) else started[0]
        there = run_all(tiny, "there", "--cluster", address)
        again = CliRunner().invoke(cli, ["data", "label", "hummed", "--method", "pyin", "-o", "there-label", "--cluster", address])
        assert again.stdout.count("(was there)") == 3
        assert "for many recordings" in CliRunner().invoke(cli, ["transcribe", "hummed/t0.wav", "-o", "a.mid", "--cluster", address]).stderr
    assert there == here


def test_a_worker_that_sees_no_such_files_is_named(tmp_path: Path) -> None:
    from orchestrion.errors import OrchestrionError

    with threads() as address, cluster.connected(address, print) as connection:
        connection.must_see(tmp_path)
        with pytest.raises(OrchestrionError, match="sees no .*nowhere; give files on a disk that all machines have"):
            connection.must_see(tmp_path / "nowhere")
        ((_, error),) = connection.run(cluster._in_folder, [("a", (tmp_path / "nowhere", abs, -1))])
        assert "sees no" in str(error)
        with pytest.warns(UserWarning, match="heard there"):
            assert dict(cluster.spread(connection, warned, [("a", (3,)), ("b", (-1,))]))["a"] == 3
        assert list(cluster.spread(None, abs, [("a", (-1,))])) == [("a", 1)]


def warned(n: int) -> int:
    import warnings

    warnings.warn("heard there", stacklevel=1)
    return n
