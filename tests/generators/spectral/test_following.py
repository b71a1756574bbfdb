"""Mean spectra of what came and of what a network predicts of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from orchestrion.generators.spectral.config import SpectralConfig
from orchestrion.generators.spectral.following import mean_spectra
from orchestrion.generators.spectral.network import Spectral

RATE, BLOCK, HZ = 8000, 200, 1000.0


@pytest.mark.parametrize("transform", ["dft", "rfft", "overlap", "mdct"])
def test_a_tone_stands_at_its_frequency_and_the_network_predicts_from_true_steps(transform: str) -> None:
    torch.manual_seed(0)
    model = Spectral(SpectralConfig(sample_rate=RATE, block=BLOCK, transform=transform, hidden=4, steps=8))
    audio = torch.sin(2 * torch.pi * HZ * torch.arange(model.clip_samples) / RATE).repeat(3, 1)
    model.calibrate([audio * torch.tensor([[1.0], [0.5], [0.2]])])
    found = mean_spectra(model, [audio[:2], audio[2:]])
    assert found.true.shape == found.predicted.shape == (8, len(found.hz)) and found.step_s == BLOCK / RATE
    assert found.hz[0] == 0 and found.hz[-1] == RATE / 2
    loudest = found.hz[found.true.mean(0).argmax()]
    assert abs(loudest - HZ) < 2 * RATE / BLOCK / 2
    with torch.no_grad():
        vectors = model.normal.analyse(audio)
        one_step = model.normal.restored(model.following(vectors[:, :-1]))
    np.testing.assert_allclose(
        found.predicted, model.transform.magnitudes(one_step).mean(0)[:, : len(found.hz)].numpy(), rtol=1e-5, atol=1e-6
    )
