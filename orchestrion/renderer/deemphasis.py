"""Emphasised audio to audio: the inverse of `Coding.emphasise`, x[n] = y[n] / gain + p·x[n-1]."""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.renderer.coding import Coding


class Deemphasis:
    """Emphasised audio to audio, block after block; ``last`` is the sample before the next block's first."""

    def __init__(self, coding: Coding, last: float = 0.0):
        self._coding, self.last = coding, last

    def __call__(self, emphasised: np.ndarray) -> np.ndarray:
        """The next block, float32 [n]; the same in one block or many."""
        c = self._coding
        if not c.preemphasis or not len(emphasised):
            return emphasised
        x = np.asarray(emphasised, np.float64) * (1 / c.gain)
        _integrate(x, c.preemphasis, self.last)
        self.last = float(x[-1])
        return np.clip(x, -1.0, 1.0).astype(np.float32)


@compiled(nogil=True)
def _integrate(x: np.ndarray, share: float, last: float) -> None:  # pragma: no cover - compiled
    """x[n] += share * x[n - 1], in place; ``last`` stands before the first."""
    for n in range(len(x)):
        last = x[n] + share * last
        x[n] = last


def decode(codes: np.ndarray, coding: Coding) -> np.ndarray:
    """Codes ``[n]`` from the beginning of a piece to audio, float32 [n]."""
    return Deemphasis(coding)(coding.amplitudes(codes))
