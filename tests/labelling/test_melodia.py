"""Melodia through essentia: here with a stand-in of the same interface, since essentia is an optional extra."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.datasets.checking.flux import FRAME_S
from orchestrion.errors import OrchestrionError
from orchestrion.labelling.melodia import HOP, RATE, melodia
from tests.labelling.sounds import line, played


@pytest.fixture
def essentia(monkeypatch):
    """An essentia whose melody is 220 Hz in the first half of the audio and nothing (or unvoiced) in the second."""

    def extract(samples):
        assert samples.dtype == np.float32
        n = len(samples) // HOP + 1
        return np.where(np.arange(n) < n // 2, 220.0, -1.0).astype(np.float32), np.zeros(n, dtype=np.float32)

    standard = ModuleType("essentia.standard")
    standard.EqualLoudness = lambda sampleRate: lambda samples: samples
    standard.PredominantPitchMelodia = lambda **settings: extract if settings["sampleRate"] == RATE else None
    package = ModuleType("essentia")
    package.log, package.standard = SimpleNamespace(infoActive=True), standard
    monkeypatch.setitem(sys.modules, "essentia", package)
    monkeypatch.setitem(sys.modules, "essentia.standard", standard)
    return package


def test_its_frames_come_to_our_clock(essentia):
    track = melodia(Waveform(0.1 * np.ones(2 * 16000, dtype=np.float32), 16000))
    assert len(track.hz) == 201 and not essentia.log.infoActive
    assert track.voiced[: round(0.97 / FRAME_S)].all() and not track.voiced[round(1.03 / FRAME_S) :].any()
    assert (track.hz[track.voiced] == 220).all() and (track.hz[~track.voiced] == 0).all()


def test_without_essentia_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "essentia", None)
    with pytest.raises(OrchestrionError, match=r'AGPL.*pip install "orchestrion\[melodia\]"'):
        melodia(played(line([60])))
