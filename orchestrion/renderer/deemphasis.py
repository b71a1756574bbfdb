"""Emphasised audio to audio: the inverse of `Coding.emphasise`, x[n] = y[n] / gain + p·x[n-1], and a high-pass.

A network's mean may stand a little beside zero. Without the high-pass 1 / (1 - p) of that is heard: under soft notes an offset that was
up to 10 dB louder than they.
"""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.renderer.coding import Coding

SILENT = (0.0, 0.0)


class Deemphasis:
    """Emphasised audio to audio, block after block.

    Attributes:
        last: the sample before the next block's first, before the high-pass and after it.
    """

    def __init__(self, coding: Coding, last: tuple[float, float] = SILENT):
        self._coding, self.last = coding, last

    def __call__(self, emphasised: np.ndarray) -> np.ndarray:
        """The next block, float32 [n]; the same in one block or many."""
        c = self._coding
        if not c.preemphasis or not len(emphasised):
            return emphasised
        x = np.asarray(emphasised, np.float64) * (1 / c.gain)
        self.last = _filtered(x, c.preemphasis, c.highpass, *self.last)
        return np.clip(x, -1.0, 1.0).astype(np.float32)


@compiled(nogil=True)
def _filtered(x: np.ndarray, share: float, kept: float, before: float, after: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """x[n] += share * x[n - 1], and of that y[n] = x[n] - x[n - 1] + kept * y[n - 1], in place; the last of both."""
    for n in range(len(x)):
        now = x[n] + share * before
        after = now - before + kept * after
        before = now
        x[n] = after
    return before, after


def decode(codes: np.ndarray, coding: Coding) -> np.ndarray:
    """Codes ``[n]`` from the beginning of a piece to audio, float32 [n]."""
    return Deemphasis(coding)(coding.amplitudes(codes))
