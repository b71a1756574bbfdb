from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.options import Reproducing
from orchestrion.papers import lab, planning

RATE = 16000


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five songs of ten seconds: tones that change every quarter of a second, with a little noise."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    for number in range(5):
        hz = np.repeat(220 * 2 ** (rng.integers(0, 12, 40) / 12), RATE // 4)
        sound = 0.3 * np.sin(2 * np.pi * np.cumsum(hz) / RATE) + rng.normal(0, 0.003, len(hz))
        Waveform(sound.astype(np.float32), RATE).write(folder / f"song{number}.wav")
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, recordings: Path) -> Reproducing:
    """Batches of two, four steps each."""
    monkeypatch.setattr(lab, "EQUAL_BATCH", 2)
    monkeypatch.setattr(planning, "TIMED_STEPS", 1)
    return Reproducing(minutes=1e-4, data=(str(recordings), str(recordings)), seconds=1.0, clips=1, threads=1)
