"""Do the seams between blocks click?

Blocks that are generated one by one and butted together (Nayebi and Vitelli 2015; Kalingeri and Grandhe 2016) do not meet: the
waveform jumps at every seam, and linear prediction from the samples before fails there. The peak of the prediction error around a
seam is ranked among the peaks of equally long windows in the two half blocks beside it, so a loud passage does not hide the seams
of a soft one. Without clicks the rank is uniform: its mean over n seams is 1/2 with a variance of about 1/(12 n), which gives a test.

A rhythm on the block grid puts attacks on the seams, and these look like clicks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError

REACH_S = 0.0005
ORDER = 32
EXCESS_DB = 3.0
Z = 4.0


@dataclass(frozen=True, slots=True)
class ClickMeter:
    """``excess_db``: median over edges of peak at the edge over the median peak inside; ``rank``: mean, 0 to 1;
    ``z``: how many standard deviations that rank is above 1/2; ``n_edges``."""

    excess_db: float
    rank: float
    z: float
    n_edges: int

    @property
    def found(self) -> bool:
        return self.z > Z and self.excess_db > EXCESS_DB


def measure_clicks(audio: Waveform, block: int, first: int = 0) -> ClickMeter:
    """Clicks at samples ``first``, ``first + block``, … of ``audio``, but for 0, where nothing comes before.

    Raises:
        OrchestrionError: blocks shorter than eight windows (of 1 ms, or 8 samples), or no edge inside the audio.
    """
    reach = max(4, round(REACH_S * audio.sample_rate))
    width = 2 * reach
    edges = np.arange(first, len(audio.samples), block) if block >= 8 * width else np.array([], dtype=int)
    edges = edges[(edges >= block // 2) & (edges + block // 2 <= len(audio.samples))]
    if not len(edges):
        raise OrchestrionError(
            f"Clicks need blocks of at least {8 * width} samples and an edge inside the audio; the blocks have {block}."
        )
    errors = np.abs(prediction_error(audio.samples))
    ranks, excess = zip(*(_beside(errors, edge, block, reach) for edge in edges), strict=True)
    rank = float(np.mean(ranks))
    return ClickMeter(float(np.median(excess)), rank, (rank - 0.5) * float(np.sqrt(12 * len(edges))), len(edges))


def prediction_error(samples: np.ndarray, order: int = ORDER) -> np.ndarray:
    """What linear prediction from ``order`` samples, fitted to the whole [t], leaves over at each sample [t]."""
    signal = samples.astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(signal, 2 * len(signal))))
    correlation = np.fft.irfft(power)[: min(order + 1, len(signal))]
    if correlation[0] <= 0:
        return np.zeros_like(signal)
    # A trace of white noise, or tones without any would make the equations singular.
    correlation[0] *= 1 + 1e-7
    weights = solve_toeplitz(correlation[:-1], correlation[1:])
    return np.asarray(lfilter(np.concatenate([[1.0], -weights]), [1.0], signal))


def _beside(errors: np.ndarray, edge: int, block: int, reach: int) -> tuple[float, float]:
    """The edge's rank from 0 to 1 among the windows of half a block on both sides, and its excess in dB."""
    width = 2 * reach
    k = (block // 2 - reach) // width
    before = errors[edge - reach - k * width : edge - reach].reshape(k, width).max(axis=1)
    after = errors[edge + reach : edge + reach + k * width].reshape(k, width).max(axis=1)
    inside = np.concatenate([before, after])
    at = errors[edge - reach : edge + reach].max()
    # Ties (digital silence) count half.
    rank = (np.sum(inside < at) + 0.5 * np.sum(inside == at)) / len(inside)
    return float(rank), float(20 * np.log10((at + 1e-9) / (np.median(inside) + 1e-9)))
