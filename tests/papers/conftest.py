from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.evaluation.judge.reference import additive
from orchestrion.options import Reproducing
from orchestrion.papers import lab, planning
from orchestrion.score import Note, Part, Score

RATE = 16000


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs of seventeen seconds: tones that change every quarter of a second, with a little noise."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    for number in range(3):
        hz = np.repeat(220 * 2 ** (rng.integers(0, 12, 68) / 12), RATE // 4)
        sound = 0.3 * np.sin(2 * np.pi * np.cumsum(hz) / RATE) + rng.normal(0, 0.003, len(hz))
        Waveform(sound.astype(np.float32), RATE).write(folder / f"song{number}.wav")
    return folder


@pytest.fixture(scope="session")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of eight seconds, half-second notes, with their tables."""
    folder = tmp_path_factory.mktemp("noted")
    rng = np.random.default_rng(1)
    for number in range(3):
        pitches = rng.choice([48, 50, 52, 53, 55, 57, 60], 16)
        notes = [Note(0.5 * i, 0.5 * i + 0.45, int(pitch), 80) for i, pitch in enumerate(pitches)]
        additive(Score((Part("x", 42, tuple(notes)),)), 42, tail_s=0.05).write(folder / f"piece{number}.wav")
        write_notes(folder / f"piece{number}.tsv", notes)
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, recordings: Path) -> Reproducing:
    """Batches of two, four steps each."""
    monkeypatch.setattr(lab, "EQUAL_BATCH", 2)
    monkeypatch.setattr(planning, "TIMED_STEPS", 1)
    return Reproducing(minutes=1e-4, data=(str(recordings), str(recordings)), seconds=1.0, clips=1, threads=1)
