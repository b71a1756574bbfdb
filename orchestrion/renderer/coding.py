"""Audio as the codes that networks predict, and back: µ-law companding and pre-emphasis, without torch.

A network with a softmax predicts µ-law levels of the samples as they are; one with a mixture, codes of pre-emphasised audio,
y[n] = gain·(x[n] - p·x[n-1]), so that soft partials of treble are not lost in the rounding. See `renderer.output`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from orchestrion.renderer import mulaw

GRID = 1 << 16
MU = 255
# Of the logistics' log-scales: what the network gives is cut to a range, and moved so that a fresh network is about right.
LOG_SCALE_LOW, LOG_SCALE_HIGH, LOG_SCALE_SHIFT = -7.0, 2.0, -2.0
LEAST_REST = 1e-4  # a logistic's tails are cut there
SOURCE_GAIN = 4.0  # of the source as it is, beside its companded twin


@dataclass(frozen=True)
class Coding:
    """Audio as codes, and back.

    Attributes:
        levels: codes 0 to levels - 1.
        mu: of the companding.
        preemphasis: p of y[n] = gain·(x[n] - p·x[n-1]); 0 for none.
        gain: of the same.
        highpass: of decoded audio, the share of the sample before that y[n] = x[n] - x[n-1] + highpass·y[n-1] keeps; 1 for no high-pass.
    """

    levels: int
    mu: int
    preemphasis: float = 0.0
    gain: float = 1.0
    highpass: float = 1.0

    @property
    def silence(self) -> int:
        """The code of 0.0; also what stands before the first sample."""
        return self.levels // 2

    def emphasise(self, samples: np.ndarray, before: float = 0.0) -> np.ndarray:
        """``[n]`` audio as the network knows it, float64; ``before`` is the sample before the first."""
        x = np.asarray(samples, dtype=np.float64)
        return self.gain * (x - self.preemphasis * np.concatenate([[before], x[:-1]])) if len(x) else x

    def encode(self, samples: np.ndarray, before: float = 0.0) -> np.ndarray:
        """Audio ``[n]`` to codes ``[n]`` int64; what lies outside [-1, 1] after emphasis is clipped."""
        companded = compand(np.clip(self.emphasise(samples, before), -1.0, 1.0), self.mu)
        return np.floor((companded + 1) / 2 * (self.levels - 1) + 0.5).astype(np.int64)

    def amplitudes(self, codes: np.ndarray) -> np.ndarray:
        """Codes ``[n]`` to emphasised audio, float32 [n]."""
        return _amplitudes(self.levels, self.mu)[np.asarray(codes, dtype=np.int64)]


def compand(x: np.ndarray, mu: int = MU) -> np.ndarray:
    """sign(x) ln(1 + µ|x|) / ln(1 + µ)."""
    result: np.ndarray = np.sign(x) * np.log1p(mu * np.abs(x)) / math.log1p(mu)
    return result


@lru_cache(maxsize=4)
def _amplitudes(levels: int, mu: int) -> np.ndarray:
    if mu == levels - 1:
        return mulaw.decode_table(levels)
    companded = 2 * np.arange(levels, dtype=np.float64) / (levels - 1) - 1
    return (np.sign(companded) * np.expm1(np.abs(companded) * math.log1p(mu)) / mu).astype(np.float32)
