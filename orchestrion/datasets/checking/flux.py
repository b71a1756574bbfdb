"""Onset strength of a recording, in frames of 10 ms: spectral flux after SuperFlux."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

SAMPLE_RATE = 16000
HOP = 160
FRAME_S = HOP / SAMPLE_RATE
BLOCK_FRAMES = 2048
FLUX_WINDOW = 512  # 32 ms
FLUX_LAG = 2
FLUX_BINS_PER_OCTAVE = 24
NEIGHBOURHOOD_S = 0.5


def onset_strength(samples: np.ndarray) -> np.ndarray:
    """Onset strength [n] of each frame: 0 where nothing begins, about 1 for a clear attack.

    Spectral flux of logarithmic magnitudes on a logarithmic frequency axis against the loudest of three neighbouring
    bins two frames before, so that vibrato is not taken for attacks (SuperFlux, Böck and Widmer 2013); less its median
    within half a second, in units of the recording's 98th percentile.
    """
    total = n_frames(samples)
    level = max(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))), 1e-3)
    bank = _bank()
    parts = []
    for first in range(0, total, BLOCK_FRAMES):
        n = min(BLOCK_FRAMES, total - first) + FLUX_LAG
        block = frames_of(samples, FLUX_WINDOW, first - FLUX_LAG, n) * (np.hanning(FLUX_WINDOW) * 0.1 / level)
        loud = np.log1p(10 * np.abs(np.fft.rfft(block, axis=1)).astype(np.float32) @ bank)
        before = maximum_filter1d(loud[:-FLUX_LAG], 3, axis=1)
        parts.append(np.maximum(loud[FLUX_LAG:] - before, 0).mean(axis=1))
    flux = np.concatenate(parts)
    rise = np.maximum(flux - median_filter(flux, round(2 * NEIGHBOURHOOD_S / FRAME_S) + 1, mode="nearest"), 0)
    # The maximum counts where attacks are so few that the percentile lies below them.
    return np.asarray(rise / max(float(np.percentile(rise, 98)), 0.12 * float(rise.max()), 1e-2))


def n_frames(samples: np.ndarray) -> int:
    """Frames of audio [t] at `SAMPLE_RATE`: one for each whole hop, and the one at 0."""
    return len(samples) // HOP + 1


def frames_of(samples: np.ndarray, length: int, first: int, n: int, before: int | None = None) -> np.ndarray:
    """Frames ``first`` to ``first + n`` as a float32 copy [n, length], zeros beyond the ends.

    A frame begins ``before`` samples (half of ``length`` by default) before its centre.
    """
    start = first * HOP - (length // 2 if before is None else before)
    stop = start + (n - 1) * HOP + length
    piece = samples[max(start, 0) : max(stop, 0)]
    piece = np.pad(piece, (max(-start, 0), stop - max(start, 0) - len(piece) if stop > 0 else 0))
    return np.lib.stride_tricks.sliding_window_view(piece, length)[::HOP].astype(np.float32)


def _bank() -> np.ndarray:
    """Triangles on a logarithmic frequency axis from 60 Hz [fft bins, bands], at least one FFT bin wide."""
    n_bands = int(FLUX_BINS_PER_OCTAVE * np.log2(0.49 * SAMPLE_RATE / 60))
    centres = 60 * 2 ** (np.arange(-1, n_bands + 1) / FLUX_BINS_PER_OCTAVE) * FLUX_WINDOW / SAMPLE_RATE
    bins = np.arange(FLUX_WINDOW // 2 + 1)[:, None]
    below = np.maximum(centres[1:-1] - centres[:-2], 1.0)
    above = np.maximum(centres[2:] - centres[1:-1], 1.0)
    rising, falling = (bins - centres[1:-1]) / below + 1, (centres[1:-1] - bins) / above + 1
    return np.clip(np.minimum(rising, falling), 0.0, None).astype(np.float32)
