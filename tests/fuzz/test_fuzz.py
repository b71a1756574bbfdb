"""Some dozens of mutants a reader in every run of the tests; `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from orchestrion.errors import OrchestrionError
from tests.fuzz import readers, worker
from tests.fuzz.__main__ import Tally, replay, save, table
from tests.fuzz.mutating import MAX_BYTES, mutant
from tests.fuzz.reader import Reader, seeds
from tests.fuzz.readers import READERS
from tests.fuzz.worker import READ, REFUSED, Outcome, Worker

N = 24
# What compiles, or takes a tenth of a second an attempt, is fuzzed by `make fuzz` alone.
SLOW = ("journal", "answers", "checkpoint", "request", "urmp", "soundfont")


def test_mutants_are_read_or_refused(tmp_path: Path) -> None:
    names = [name for name in READERS if name not in SLOW]
    tallies, refused = {}, 0
    with Worker(*names) as process:
        for name in names:
            sound, tally = seeds(READERS[name], tmp_path / name), Tally()
            for number in range(N):
                draw = Random(f"tests/{name}/{number}")
                tally.count(process.attempt(name, mutant(sound[number % len(sound)], draw, sound)))
            tallies[name], refused = tally, refused + tally.refused
    assert not any(tally.faults for tally in tallies.values()), table(tallies)
    assert refused > len(names) * N / 10, table(tallies)


def test_the_same_numbers_make_the_same_mutants(tmp_path: Path) -> None:
    for name in ("sfz", "bank", "notes", "weights", "mxl", "songs", "wav"):
        sound = seeds(READERS[name], tmp_path / name)
        one, other = ([mutant(sound[0], Random(f"0/{n}"), sound) for n in range(50)] for _ in range(2))
        assert one == other and sum(files != sound[0] for files in one) > 45
        assert all(len(content) <= max(MAX_BYTES, len(sound[0].get(file, b""))) for files in one for file, content in files.items())


@pytest.fixture
def bad(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A reader with a fault of each kind, told by the content."""
    monkeypatch.setattr(worker, "LIMIT_S", 0.5)
    monkeypatch.setattr(worker, "_serve", _serve_bad)
    with Worker("bad") as process:
        yield process


def _serve_bad(names, connection, scratch) -> None:
    """Run in the worker's process."""
    readers.READERS = {"bad": Reader((_write,), _read)}
    worker.LIMIT_S = 0.5
    SERVE(names, connection, scratch)


SERVE = worker._serve


def _write(folder: Path) -> None:
    (folder / "a").write_text("good")


def _read(folder: Path) -> None:
    import ctypes
    import warnings

    match (folder / "a").read_text():
        case "refused":
            raise OrchestrionError("No.")
        case "lines":
            raise OrchestrionError("No.\nNo!")
        case "error":
            raise KeyError("x")
        case "time":
            while True:
                time.perf_counter()
        case "memory":
            bytes(2 * worker.LIMIT_BYTES)
        case "crash":
            ctypes.string_at(0)
        case "warning":
            warnings.warn("x", RuntimeWarning, stacklevel=1)
        case "noise":
            print("x", flush=True)


def test_each_kind_of_fault_is_noticed(bad: Worker) -> None:
    found = {said: bad.attempt("bad", {"a": said.encode()}).status for said in (
        "good", "refused", "lines", "error", "time", "memory", "crash", "warning", "noise", "good",
    )}  # fmt: skip
    assert found == {
        "good": READ, "refused": REFUSED, "lines": "no sentence", "error": "KeyError", "time": "time", "memory": "MemoryError",
        "crash": "crash (SIGSEGV)", "warning": "RuntimeWarning", "noise": "noise",
    }  # fmt: skip


def test_a_fault_is_kept_and_can_be_replayed(tmp_path: Path) -> None:
    outcome = Outcome("KeyError", "a.py:f", "Traceback")
    folder = save(tmp_path / "notes-0-1", {"a.tsv": b"no table", "b/c": b"y"}, "notes", 0, 1, outcome)
    assert json.loads((folder / "fault.json").read_text())["status"] == "KeyError" and (folder / "files" / "b" / "c").read_bytes() == b"y"
    assert replay(folder).status == REFUSED
    tally = Tally()
    assert [tally.count(outcome), tally.count(outcome)] == [True, False] and "KeyError in a.py:f (2 times)" in table({"notes": tally})
