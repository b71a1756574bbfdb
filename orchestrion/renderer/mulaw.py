"""µ-law companding between amplitude in [-1, 1] and ``levels`` classes (ITU-T G.711; van den Oord et al. 2016, 2.2).

    f(x) = sign(x) ln(1 + µ|x|) / ln(1 + µ),   µ = levels - 1

``encode`` rounds f(x) to the nearest of ``levels`` equally spaced values, ``decode`` inverts it. Silence (0.0) encodes
to ``levels // 2``, and decoding that level gives a constant of about 0.0001 (for 256 levels), far below audibility.
"""

from __future__ import annotations

import numpy as np


def encode(samples: np.ndarray, levels: int = 256) -> np.ndarray:
    """Amplitudes ``[...]`` in [-1, 1] to levels ``[...]`` int64 in 0..levels-1; what lies outside is clipped."""
    mu = levels - 1
    clipped = np.clip(np.asarray(samples, dtype=np.float64), -1.0, 1.0)
    companded = np.sign(clipped) * np.log1p(mu * np.abs(clipped)) / np.log1p(mu)
    result: np.ndarray = np.floor((companded + 1) / 2 * mu + 0.5).astype(np.int64)
    return result


def decode(codes: np.ndarray, levels: int = 256) -> np.ndarray:
    """Levels ``[...]`` in 0..levels-1 to amplitudes ``[...]`` float32 in [-1, 1]."""
    return decode_table(levels)[np.asarray(codes, dtype=np.int64)]


def decode_table(levels: int = 256) -> np.ndarray:
    """The amplitude of every level, ``[levels]`` float32."""
    mu = levels - 1
    companded = 2 * np.arange(levels, dtype=np.float64) / mu - 1
    result: np.ndarray = (np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(mu)) / mu).astype(np.float32)
    return result
