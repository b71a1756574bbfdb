"""The conditioning inputs that the GPU makes of a score, against those of the processor."""

import dataclasses

import numpy as np
import pytest
import torch

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.noise import AFTER, BEFORE, N_FINE, N_SHAPE
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.features import Features
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Note

pytest.importorskip("triton", reason="Triton is not installed (it is in the dev extra, for Linux)")

from orchestrion.renderer.gpu.source import GpuSource, overlapped

NOTES = [Note(0.0, 0.05, 60, 90), Note(0.012, 0.03, 67, 50), Note(0.03, 0.2, 61, 127), Note(0.035, 0.06, 60, 20)]


@pytest.fixture(scope="module", params=["piano", "violin", "tables of older files", "what moves, shapes, tones aside"])
def features(request):
    """Recorded attacks and several layers; contours."""
    config = PRESETS["small"]
    series = ConditioningSeries.from_notes(NOTES, tail_s=0.0, sample_rate=config.sample_rate, hop=config.hop)
    known = request.param if request.param in ("piano", "violin") else "violin"
    source = Instrument.load(known).source
    assert source is not None
    moves = dict.fromkeys(("modulation_db", "modulation_share", "noise_modulation_db", "noise_modulation_share", "noise_shape_db", "ratio"))
    if request.param == "what moves, shapes, tones aside":
        rng, n = np.random.default_rng(0), len(source.pitch)
        sizes = {"modulation_db": (n, 3, 5), "modulation_share": (int(source.n_partials.sum()), 3), "noise_modulation_db": (n, 2, 4), "noise_modulation_share": (n, N_FINE, 2),
                 "noise_shape_db": (len(source.velocity), n, N_SHAPE), "ratio": (int(source.n_partials.sum()),)}  # fmt: skip
        moves = {name: (rng.uniform(-1, 1, size) * (1 if name.endswith("share") else 12)).astype(np.float32) for name, size in sizes.items()}
        moves["ratio"] = 1 + np.abs(moves["ratio"])
    return Features(series, config, source if request.param == known else dataclasses.replace(source, **moves))


@pytest.fixture(scope="module")
def source(features, device):
    return GpuSource(features.source, features.config, device)


@pytest.mark.parametrize("start, stop", [(-3, 6), (10, 16)])
def test_features_are_the_processors(features, source, start, stop):
    values, _ = source.frames(start, stop)
    assert values.shape == (stop - start, features.config.input_channels)
    assert np.allclose(values.cpu(), features.frames(start, stop), atol=2e-5)


@pytest.mark.parametrize("start, stop", [(-1, 5), (13, 18)])
def test_audio_is_the_processors(features, source, start, stop):
    _, spectra = source.frames(start - BEFORE, stop + AFTER)
    made = source.partials(start, stop).flatten() + overlapped(spectra[None], features.config.hop)[0]
    expected = features.source.samples(start, stop)
    assert np.abs(expected).max() > 1e-3
    assert np.allclose(made.cpu(), expected, atol=1e-4 * np.abs(expected).max())


def test_frames_do_not_depend_on_the_block(source):
    values, spectra = source.frames(0, 12)
    some, bins = source.frames(5, 8)
    assert torch.equal(values[5:8], some) and torch.equal(spectra[5:8], bins)
    assert torch.equal(source.partials(0, 12)[5:8], source.partials(5, 8))


def test_a_score_without_notes_is_silent(features, device):
    empty = dataclasses.replace(features.series, notes=features.series.notes.overlapping(10**6, 10**6 + 1))
    source = GpuSource(Features(empty, features.config, features.source.source).source, features.config, device)
    values, spectra = source.frames(0, 3)
    assert not values.any() and not spectra.any() and not source.partials(0, 3).any()
