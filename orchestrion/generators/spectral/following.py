"""What a spectral network predicts of audio that it is shown, step by step (Nayebi & Vitelli 2015, Figure 3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from orchestrion.generators.spectral.network import Spectral
from orchestrion.generators.spectral.transform import Dft


@dataclass(frozen=True, slots=True, eq=False)
class MeanSpectra:
    """Mean magnitudes [s, k] of what came and of what was predicted, over many examples; ``hz`` [k], ``step_s``."""

    true: np.ndarray
    predicted: np.ndarray
    hz: np.ndarray
    step_s: float


@torch.no_grad()
def mean_spectra(model: Spectral, clips: Iterable[Tensor]) -> MeanSpectra:
    """Predict each step of ``clips`` (each ``[b, t]``, as long) from the true ones before it, and average the magnitudes.

    The network is the transform's: bins from 0 to half the sample rate.
    """
    totals, n = [torch.zeros(()), torch.zeros(())], 0
    for clip in clips:
        vectors = model.normal.analyse(clip)
        for index, each in enumerate((vectors[:, 1:], model.following(vectors[:, :-1]))):
            totals[index] = totals[index] + _magnitudes(model, model.normal.restored(each)).sum(0)
        n += len(clip)
    true, predicted = (np.asarray((total / max(n, 1)).numpy()) for total in totals)
    hz = np.linspace(0, model.sample_rate / 2, true.shape[1])
    return MeanSpectra(true, predicted, hz, model.block / model.sample_rate)


def _magnitudes(model: Spectral, spectra: Tensor) -> Tensor:
    """``[b, s, d]`` to ``[b, s, k]``: of a whole DFT without its mirror image."""
    sizes = model.transform.magnitudes(spectra)
    return sizes[..., : sizes.shape[-1] // 4 + 1] if isinstance(model.transform, Dft) else sizes[..., : model.transform.window // 2]
