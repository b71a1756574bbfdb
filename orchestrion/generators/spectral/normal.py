"""Spectra with mean 0 and deviation 1 in every dimension, measured once over the training audio."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from orchestrion.generators.spectral.transform import Transform

FLOOR = 1e-8  # N&V's program: a dimension that never changes must not be divided by 0
FIRST_LEVEL = 0.1


SOFT = 0.1  # magnitudes this far below a bin's deviation are alike


class Normal(nn.Module):
    """The transform with a z-score after it.

    Args:
        compression: power that magnitudes are raised to before, phases kept.

    Attributes:
        mean, deviation: of every dimension over the training audio, ``[d]`` (N&V's program, which keeps the deviation under
            the name of the variance).
        level: RMS of the training audio; how loud a seed of noise is.
    """

    mean: Tensor
    deviation: Tensor
    level: Tensor

    def __init__(self, transform: Transform, compression: float = 1.0):
        super().__init__()
        self.transform, self.compression = transform, compression
        self.register_buffer("mean", torch.zeros(transform.dimensions))
        self.register_buffer("deviation", torch.ones(transform.dimensions))
        self.register_buffer("level", torch.tensor(FIRST_LEVEL))

    @property
    def loudness(self) -> float:
        return float(self.level)

    @torch.no_grad()
    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure ``clips``, each audio ``[b, t]``, in one pass and in double precision."""
        n_vectors = n_samples = 0
        total = squares = power = torch.zeros((), dtype=torch.float64)
        for clip in clips:
            audio = clip.double()
            vectors = self._compressed(audio).flatten(0, 1)
            n_vectors, n_samples = n_vectors + len(vectors), n_samples + audio.numel()
            total, squares = total + vectors.sum(0), squares + vectors.square().sum(0)
            power = power + audio.square().sum()
        mean = total / n_vectors
        self.mean.copy_(mean)
        self.deviation.copy_((squares / n_vectors - mean.square()).clamp(min=0).sqrt().clamp(min=FLOOR))
        self.level.copy_((power / n_samples).sqrt())

    def analyse(self, audio: Tensor) -> Tensor:
        """``[b, t]`` to z-scores ``[b, s, d]``."""
        return (self._compressed(audio) - self.mean) / self.deviation

    def restored(self, vectors: Tensor) -> Tensor:
        """z-scores to spectra."""
        spectra = vectors * self.deviation + self.mean
        return spectra if self.compression == 1 else spectra * self._size(spectra) ** (1 / self.compression - 1)

    def magnitude_error(self, predicted: Tensor, true: Tensor) -> Tensor:
        """Mean |ln| of the ratio of magnitudes, each bin's in units of its own deviation; both z-scores ``[…, d]``."""
        sizes = (self.transform.magnitudes(vectors + self.mean / self.deviation) for vectors in (predicted, true))
        one, other = (torch.log(size + SOFT) for size in sizes)
        return (one - other).abs().mean()

    def _compressed(self, audio: Tensor) -> Tensor:
        spectra = self.transform.analyse(audio)
        return spectra if self.compression == 1 else spectra * self._size(spectra) ** (self.compression - 1)

    def _size(self, spectra: Tensor) -> Tensor:
        return self.transform.magnitudes(spectra).clamp(min=FLOOR)

    def synthesise(self, vectors: Tensor) -> np.ndarray:
        """z-scores ``[s, d]`` to the audio that follows what came before, float32 [t], clipped to [-1, 1]."""
        return self.transform.synthesise(self.restored(vectors)).clamp(-1, 1).numpy().astype(np.float32)
