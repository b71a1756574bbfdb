"""An interrupted rendering goes on to the same bytes, and leaves no half file."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from orchestrion.audio.audiofiles import write_blocks
from orchestrion.bridge import ConditioningSeries
from orchestrion.errors import OrchestrionError
from orchestrion.renderer import parallel
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.resuming import interrupted, resumable
from orchestrion.renderer.streaming import Stream
from orchestrion.score import Note

CONFIG = WaveNetConfig(
    layers=6, cycle=5, residual=8, skip=12, head=16, harmonics=0, conditioning_channels=6, context_channels=8
)
DRIVEN = replace(CONFIG, source_window=4, mixtures=3, history=5, preemphasis=0.85, gain=2.0)


class Interrupted(Exception):
    pass


@pytest.fixture(params=itertools.product(["exact", "parallel"], [CONFIG, DRIVEN]), ids=["exact", "exact-driven", "parallel", "parallel-driven"])
def start(request, monkeypatch):
    how, config = request.param
    torch.manual_seed(0)
    model = WaveNet(config).eval()
    # In parallel as many as make several pieces; in one run each block is saved, which takes its time.
    notes = [Note(i / 2, i / 2 + 0.4, 60 + i, 90) for i in range(24 if how == "parallel" else 3)]
    series = ConditioningSeries.from_notes(notes, tail_s=0.1)
    if how == "exact":
        return lambda state: Stream(model, series, state=state)
    monkeypatch.setattr(parallel, "VOICES_PER_BATCH", 1)
    return lambda state: parallel.ParallelStream(model, series, threads=1, state=state)


def write(path, start, settings, after=None):
    def blocks():
        for n, block in enumerate(resumable(path, settings, start, save_every_s=0.0)):
            if n == after:
                raise Interrupted
            yield block

    write_blocks(path, blocks(), 16000)


def test_resumed_bytes_are_the_same(start, tmp_path):
    whole, resumed = tmp_path / "whole.wav", tmp_path / "resumed.wav"
    write(whole, start, {})
    for after in (1, 2):
        with pytest.raises(Interrupted):
            write(resumed, start, {"seed": 1}, after)
        assert interrupted(resumed) and not resumed.exists()
    write(resumed, start, {"seed": 1})
    assert resumed.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["resumed.wav", "whole.wav"]


def test_other_settings_are_refused(start, tmp_path):
    with pytest.raises(Interrupted):
        write(tmp_path / "a.wav", start, {"seed": 1}, 1)
    with pytest.raises(OrchestrionError, match="other settings"):
        write(tmp_path / "a.wav", start, {"seed": 2})


def test_a_truncated_journal_is_refused(start, tmp_path):
    with pytest.raises(Interrupted):
        write(tmp_path / "a.wav", start, {}, 1)
    (tmp_path / ".a.wav.resume.f32").write_bytes(b"")
    with pytest.raises(OrchestrionError, match="not whole"):
        write(tmp_path / "a.wav", start, {})


def test_samples_beyond_the_state_are_made_again(start, tmp_path):
    path = tmp_path / "a.wav"
    write(path, start, {})
    expected = path.read_bytes()
    with pytest.raises(Interrupted):
        write(path, start, {}, 2)
    with open(tmp_path / ".a.wav.resume.f32", "ab") as file:
        file.write(np.ones(77, dtype=np.float32).tobytes())
    write(path, start, {})
    assert path.read_bytes() == expected
