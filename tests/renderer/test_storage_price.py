"""What narrow weights cost a shipped instrument, in bits a sample of what it plays itself."""

from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels import packing, rounding
from orchestrion.renderer.kernels.batch import Batch, VoiceState
from orchestrion.renderer.kernels.conditioner import BLOCK, Conditioner, gather
from orchestrion.renderer.output import bits_of_levels
from orchestrion.renderer.sampler import generate_codes, prepare
from orchestrion.score import Note, Part, Score

SECONDS = 0.5


@pytest.fixture(scope="module")
def piano():
    """One that was trained for hours, whose network ends in a softmax (see ``weights/README.md``)."""
    return Instrument.load(Path(__file__).parent / "weights" / "disklavier-16k.safetensors")


def drawn_from(player, series, codes, storage):
    """What each sample is drawn from ``[samples, outputs]``, after the samples before it; and the series' conditioner."""
    model, packed = prepare(player.model, storage)
    conditioner, batch = Conditioner(model, packed, series), Batch(packed, [VoiceState.silent(packed, 0)])
    out, rows = np.empty((BLOCK * series.hop, 1), dtype=np.int32), []
    for start in range(0, series.n_frames, BLOCK):
        n = min(BLOCK, series.n_frames - start)
        given = codes[start * series.hop : (start + n) * series.hop]
        block = gather(packed, [conditioner], [start], n, [given])
        for t in range(len(given)):
            batch.run(block, t, 1, out)
            rows.append(batch.logits[0])
    return np.array(rows), conditioner


def raw_outputs(player, series, codes, storage):
    """As `drawn_from`, and the mixtures' centres."""
    rows, conditioner = drawn_from(player, series, codes, storage)
    centres = conditioner.centre(0, series.n_frames).reshape(-1)
    return torch.from_numpy(rows), torch.from_numpy(centres)


@pytest.mark.parametrize("storage, most", [("bfloat16", 0.003), ("int8", 0.02)])
def test_narrow_weights_cost_a_driven_instrument_next_to_nothing(storage, most):
    player = Instrument.load("piano")
    chord = tuple(Note(0.0, 0.3, pitch, 90) for pitch in (48, 64, 67, 72))
    series = player.series(Score((Part("chord", 0, chord),)), duration_s=0.3, tail_s=0.0)
    (codes,) = generate_codes(player.model, [series], storage="float32", seed=1)
    exact, narrow = (
        bits_of_levels(*raw_outputs(player, series, codes, name), torch.from_numpy(codes).long()).mean() for name in ("float32", storage)
    )
    assert abs(float(narrow - exact)) < most


@pytest.fixture(scope="module")
def series(piano):
    chord = [Note(0.0, SECONDS, pitch, 90) for pitch in (48, 64, 67, 72)]
    return piano.series(Score((Part("chord", 0, tuple(chord)),)), duration_s=SECONDS, tail_s=0.0)


@pytest.fixture(scope="module")
def played(piano, series):
    (levels,) = generate_codes(piano.model, [series], storage="float32", seed=1)
    return levels


def log_chances(piano, series, levels, storage):
    """``[samples, levels]`` in bits, of every sample after those before it."""
    logits = drawn_from(piano, series, levels, storage)[0].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))) / np.log(2)


def price(piano, series, played, storage):
    """Mean Kullback-Leibler divergence from the distribution of float32."""
    exact, narrow = (log_chances(piano, series, played, name) for name in ("float32", storage))
    return float((2**exact * (exact - narrow)).sum(axis=1).mean())


@pytest.mark.parametrize("storage, most", [("bfloat16", 0.002), ("int8", 0.01)])
def test_narrow_weights_cost_next_to_nothing(piano, series, played, storage, most):
    assert 0 <= price(piano, series, played, storage) < most


def test_plain_rounding_would_cost_more(piano, series, played, monkeypatch):
    def nearest(tensors, greatest):
        w = tensors["w_out"]
        scale = np.abs(w).max(axis=0) / greatest
        return np.rint(w / scale), scale

    careful = price(piano, series, played, "int8")
    monkeypatch.setattr(rounding, "rounded_out", nearest)
    monkeypatch.setattr(packing, "_remembered", {})
    assert price(piano, series, played, "int8") > 2 * careful
