"""Fault: rendering is killed, again and again. It must go on from where it was, to the bytes of one run, and come to an end.

In parallel playing, where a two-minute score is one block, the pieces under way are kept half-way.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import orchestrion
from orchestrion.bridge import ConditioningSeries
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.parallel import ParallelStream
from orchestrion.renderer.resuming import resumable
from orchestrion.score import Note, Part, Score
from tests.invoking import run

CONFIG = WaveNetConfig(
    layers=6, cycle=5, residual=8, skip=12, head=16, harmonics=0, conditioning_channels=6, context_channels=8
)


@pytest.fixture
def start():
    """Starts a parallel stream of 20 s, some pieces of which are under way when others have not begun."""
    torch.manual_seed(0)
    model = WaveNet(CONFIG).eval()
    notes = [Note(i / 2, i / 2 + 0.4, 60 + i, 90) for i in range(40)]
    series = ConditioningSeries.from_notes(notes, tail_s=0.1)

    def stream(state, threads=1, kind=ParallelStream):
        return kind(model, series, threads=threads, state=state)

    return stream


def whole(stream) -> np.ndarray:
    return np.concatenate(list(stream))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_parallel_stream_goes_on_from_any_pause(start, threads: int) -> None:
    expected = whole(start(None))
    state, pauses, made = None, 0, []
    while True:
        stream = start(state, threads)
        stream.pause_s = 0.0
        block = next(iter(stream), None)
        if block is None:
            break
        made.append(block)
        state, pauses = stream.state, pauses + (not len(block))
    assert pauses >= 3
    assert np.array_equal(np.concatenate(made), expected)


class Killed(Exception):
    pass


class OneStep(ParallelStream):
    """Is killed after its first block or pause."""

    def __iter__(self):
        for block in super().__iter__():
            yield block
            raise Killed


def test_killed_after_every_save_it_comes_to_an_end(start, tmp_path: Path) -> None:
    expected, kills = whole(start(None)), 0
    while True:
        try:
            made = list(resumable(tmp_path / "out.wav", {}, lambda state: start(state, kind=OneStep), save_every_s=0.0))
            break
        except Killed:
            kills += 1
            assert len(list(tmp_path.iterdir())) == 2
    assert kills >= 3 and np.array_equal(np.concatenate(made), expected)
    assert not list(tmp_path.iterdir())


def test_two_processes_never_share_a_journal(start, tmp_path: Path) -> None:
    first = resumable(tmp_path / "out.wav", {}, start, save_every_s=0.0)
    next(first)
    with pytest.raises(OrchestrionError, match="Another process"):
        next(resumable(tmp_path / "out.wav", {}, start))
    first.close()
    assert len(np.concatenate(list(resumable(tmp_path / "out.wav", {}, start)))) == len(whole(start(None)))


def test_killed_before_anything_was_kept_leaves_nothing(start, tmp_path: Path) -> None:
    def fail(state):
        raise Killed

    with pytest.raises(Killed):
        list(resumable(tmp_path / "out.wav", {}, fail))
    assert not list(tmp_path.iterdir())


def test_a_process_killed_in_parallel_playing_goes_on(tiny: Path, tmp_path: Path) -> None:
    """Really killed, in the middle of a block of four minutes."""
    notes = tuple(Note(i / 2, i / 2 + 0.4, 50 + i % 20, 80) for i in range(2 * 60 * 4))
    Score((Part("", 0, notes),)).write(tmp_path / "long.mid")
    command = ["render", tmp_path / "long.mid", "-i", tiny, "--device", "cpu"]
    run(*command, "-o", tmp_path / "whole.wav")
    output, state = tmp_path / "out.wav", tmp_path / ".out.wav.resume.state"
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrion", *map(str, command), "--resume", "-o", str(output)],
        env=os.environ | {"PYTHONPATH": str(Path(orchestrion.__file__).parent.parent)},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not state.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and not output.exists()
    run(*command, "--resume", "-o", output)
    assert output.read_bytes() == (tmp_path / "whole.wav").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
