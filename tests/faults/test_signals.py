"""Ctrl-C and SIGTERM, wherever they fall."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from orchestrion import weights
from orchestrion.audio import Waveform
from orchestrion.audio.audiostream import read_blocks
from orchestrion.cli import signals
from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.training.loop import CHECKPOINT, MODEL, fit
from tests.training.test_loop import SETTINGS, Line


class Stop(Exception):
    """What the handler of the signal raises."""


def test_a_signal_while_flac_is_read_is_never_lost(tmp_path: Path) -> None:
    """libsndfile called Python back to read, swallowed the signal's exception there, and the user's file was "cut off".

    At whatever moment it comes, the signal must end the reading, and never as an error of the file.
    """
    target = tmp_path / "song.flac"
    Waveform(np.random.default_rng(0).uniform(-0.5, 0.5, 2_000_000), 44_100).write(target)
    started = time.monotonic()
    for _ in read_blocks(target, 44_100):
        pass
    whole_s = time.monotonic() - started

    def stop(number: int, frame: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    try:
        stopped = 0
        for delay_s in np.linspace(0.1, 0.9, 60) * whole_s:
            try:
                signal.setitimer(signal.ITIMER_REAL, delay_s)
                for _ in read_blocks(target, 44_100):
                    pass
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                stopped += 1
        assert stopped >= 30
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("number", "status", "word"), [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "Terminated.")])
def test_what_a_signal_breaks_is_not_called_an_error(
    number: int, status: int, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a library turns the signal's exception into an error of its own, the command must still end by the signal."""

    def find(*given: object) -> None:
        monkeypatch.setattr(signals, "_received", [number])
        raise OrchestrionError("song.flac is not audio that can be read.")

    monkeypatch.setattr("orchestrion.shipped.find", find)
    result = CliRunner().invoke(cli, ["models", "info", "piano"])
    assert result.exit_code == status and result.stderr.strip() == f"{word} Nothing half-written was kept."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_main_prints_no_traceback(number: int) -> None:
    """Importing takes a second, in which Ctrl-C printed a page of traceback. The command must just end."""
    program = f"""
import os, sys, orchestrion.cli
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "orchestrion.cli.app":
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Finder())
orchestrion.cli.main()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == {signal.SIGINT: 130, signal.SIGTERM: -signal.SIGTERM}[signal.Signals(number)]
    assert not done.stdout and not done.stderr


class Signalled(Line):
    """Is sent a signal as its twelfth batch is made."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number

    def batch(self, step: int, rank: int, world: int) -> dict[str, torch.Tensor]:
        if step == 12:
            signal.raise_signal(self.number)
        return super().batch(step, rank, world)


def test_sigterm_leaves_a_checkpoint_as_ctrl_c_does(tmp_path: Path) -> None:
    """Schedulers send SIGTERM, which ended a training without a checkpoint. Resumed, it must end in the same weights."""
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    for run in (straight, stopped):
        run.mkdir()
    before = signal.getsignal(signal.SIGTERM)
    fit(Line(), straight, SETTINGS)
    with pytest.raises(SystemExit) as stop:
        fit(Signalled(signal.SIGTERM), stopped, SETTINGS)
    assert stop.value.code == 143 and "--resume goes on" in stop.value.__notes__[0]
    assert signal.getsignal(signal.SIGTERM) == before
    assert 11 <= weights.load(stopped / CHECKPOINT)[1]["progress"]["step"] <= 13
    fit(Line(), stopped, SETTINGS, resume=True)
    one, two = weights.load(straight / MODEL)[0], weights.load(stopped / MODEL)[0]
    assert all(torch.equal(one[key], two[key]) for key in one)
