"""The fundamental of a one-voiced recording by probabilistic YIN (Mauch and Dixon 2014).

YIN (de Cheveigné and Kawahara 2002) takes the smallest lag at which its normalised difference function falls below a
threshold. pYIN puts a prior on the threshold (Beta with mean 0.1), which turns one estimate into several weighted
candidates, and finds the most probable path through them.

Written here and not taken from librosa: it is a page of numpy, and librosa with what it needs (scikit-learn, pooch and
seven more) weighs a hundred times that.

Deviations: the sum over a hundred thresholds is the exact difference of two values of the prior's distribution
function; a minimum's depth is taken from the parabola through it, or high notes, whose period is some eight samples at
16 kHz, would look unperiodic; pitch bins are 20 cents wide, not 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from orchestrion.compiled import compiled
from orchestrion.datasets.checking.flux import HOP, SAMPLE_RATE, frames_of, n_frames
from orchestrion.labelling.pitchtrack import PitchTrack

WINDOW = 512  # samples over which the difference is summed: 32 ms
FFT = 1024
BEFORE = 288  # a frame begins so long before its centre: half of what a lag of 64 (250 Hz) sees
LOWEST_HZ, HIGHEST_HZ = 41.0, 2200.0  # E1, the double bass's lowest, to C#7
MAX_LAG = int(SAMPLE_RATE / LOWEST_HZ) + 2
BINS_PER_OCTAVE = 60
N_BINS = int(np.ceil(BINS_PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ))) + 1
REACH = 18  # bins that the pitch may move between frames: 3.6 semitones in 10 ms
BLOCK_FRAMES, OVERLAP_FRAMES = 4000, 200


@dataclass(frozen=True, slots=True)
class PyinConfig:
    """Settings of pYIN.

    Args:
        prior: parameters of the Beta distribution of the threshold (the paper's, mean 0.1).
        lowest_weight: share of a threshold below all minima that goes to the deepest one (the paper's p_a).
        switch: probability that voicing changes between two frames.
        gate_db: a frame so far below the loudest one is unvoiced.
    """

    prior: tuple[float, float] = (2.0, 18.0)
    lowest_weight: float = 0.01
    switch: float = 0.01
    gate_db: float = 45.0


DEFAULT = PyinConfig()


def pyin(samples: np.ndarray, config: PyinConfig = DEFAULT) -> PitchTrack:
    """The melody of ``samples`` (float32 [t] at 16 kHz), 41 to 2,200 Hz.

    Long recordings are decoded in blocks of 40 s that overlap by 2 s, so memory does not grow with them.
    """
    total = n_frames(samples)
    hz, voiced = np.zeros(total), np.zeros(total, dtype=bool)
    loudest = _loudest(samples)
    for first in range(0, total, BLOCK_FRAMES - OVERLAP_FRAMES):
        n = min(BLOCK_FRAMES, total - first)
        kept = 0 if not first else OVERLAP_FRAMES // 2
        block_hz, block_voiced = _block(samples, first, n, loudest, config)
        hz[first + kept : first + n], voiced[first + kept : first + n] = block_hz[kept:], block_voiced[kept:]
        if first + n == total:
            break
    return PitchTrack(hz, voiced)


def normalised_difference(frames: np.ndarray) -> np.ndarray:
    """d'(lag) [n, MAX_LAG + 1] of frames [n, WINDOW + MAX_LAG + 1]: YIN's equations 6 and 8; 1 at lag 0 and for silence."""
    spectrum = np.fft.rfft(frames, FFT, axis=1)
    correlation = np.fft.irfft(spectrum * np.conj(np.fft.rfft(frames[:, :WINDOW], FFT, axis=1)), FFT, axis=1)
    powers = np.pad(np.cumsum(np.square(frames, dtype=np.float64), axis=1), ((0, 0), (1, 0)))
    energy = powers[:, WINDOW : WINDOW + MAX_LAG + 1] - powers[:, : MAX_LAG + 1]
    difference = np.maximum(energy[:, :1] + energy - 2 * correlation[:, : MAX_LAG + 1], 0)
    sums = np.cumsum(difference[:, 1:], axis=1)
    lags = np.arange(1, MAX_LAG + 1)
    result: np.ndarray = np.ones_like(difference)
    np.divide(difference[:, 1:] * lags, sums, out=result[:, 1:], where=sums > 1e-9)
    return result


def candidates(difference: np.ndarray, config: PyinConfig = DEFAULT) -> tuple[np.ndarray, np.ndarray]:
    """Probability and frequency in Hz of every lag of d' [n, lags]; both [n, lags], probability 0 where no minimum is.

    A threshold s chooses the first minimum below s. So minimum k is chosen by the thresholds between its own depth and
    that of the deepest minimum before it.
    """
    left, centre, right = difference[:, :-2], difference[:, 1:-1], difference[:, 2:]
    curvature = left - 2 * centre + right
    is_minimum = (centre < left) & (centre <= right)
    shift = np.where(is_minimum, 0.5 * (left - right) / np.maximum(curvature, 1e-12), 0.0)
    lag = np.arange(1, difference.shape[1] - 1) + shift
    hz = SAMPLE_RATE / lag
    is_minimum &= (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    depth = np.where(is_minimum, np.clip(centre - 0.25 * (left - right) * shift, 0.0, 1.0), 1.0)
    before = np.pad(np.minimum.accumulate(depth, axis=1), ((0, 0), (1, 0)), constant_values=1.0)[:, :-1]
    probability = np.maximum(_prior(before, config) - _prior(depth, config), 0.0)
    rows, deepest = np.arange(len(depth)), depth.argmin(axis=1)
    probability[rows, deepest] += config.lowest_weight * _prior(depth[rows, deepest], config)
    return np.where(is_minimum, probability, 0.0), hz


def _prior(threshold: np.ndarray, config: PyinConfig) -> np.ndarray:
    return np.asarray(betainc(*config.prior, threshold))


def _loudest(samples: np.ndarray) -> float:
    whole = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    return float(np.square(whole, dtype=np.float64).mean(axis=1).max(initial=1e-12)) if len(whole) else 1e-12


def _block(
    samples: np.ndarray, first: int, n: int, loudest: float, config: PyinConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies [n] and voicing [n] of a block, decoded by itself."""
    weights = np.zeros((n, N_BINS))
    frequency = np.tile(_bin_hz(np.arange(N_BINS)), (n, 1))  # of the strongest candidate in each bin
    for start in range(0, n, 500):
        stop = min(start + 500, n)
        frames = frames_of(samples, WINDOW + MAX_LAG + 1, first + start, stop - start, BEFORE)
        probability, hz = candidates(normalised_difference(frames), config)
        is_loud = np.square(frames, dtype=np.float64).mean(axis=1) > loudest * 10 ** (-config.gate_db / 10)
        row, lag = np.nonzero(probability * is_loud[:, None])
        bins = np.rint(BINS_PER_OCTAVE * np.log2(hz[row, lag] / LOWEST_HZ)).astype(int)
        np.add.at(weights, (start + row, bins), probability[row, lag])
        order = np.argsort(probability[row, lag], kind="stable")  # the strongest is written last
        frequency[start + row[order], bins[order]] = hz[row[order], lag[order]]
    path, voiced = _viterbi(np.minimum(weights, 1.0), config)
    return frequency[np.arange(n), path], voiced


def _bin_hz(bins: np.ndarray) -> np.ndarray:
    return LOWEST_HZ * 2 ** (bins / BINS_PER_OCTAVE)


def _viterbi(weights: np.ndarray, config: PyinConfig) -> tuple[np.ndarray, np.ndarray]:
    """The most probable path: bins [n] and voicing [n] (the paper's equations 5 to 7)."""
    silent = np.maximum(1 - weights.sum(axis=1), 1e-6) / N_BINS
    triangle = np.log((1 + REACH - np.abs(np.arange(-REACH, REACH + 1))) / (1 + REACH) ** 2)
    seen = np.log(np.maximum(weights, 1e-9))
    came_from, last = _forward(seen, np.log(silent), triangle, np.log(1 - config.switch), np.log(config.switch))
    path = np.empty(len(weights), dtype=np.int64)
    path[-1] = last
    for t in range(len(path) - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path % N_BINS, path < N_BINS


@compiled(nogil=True)
def _forward(
    seen: np.ndarray, silent: np.ndarray, triangle: np.ndarray, stay: float, change: float
) -> tuple[np.ndarray, int]:
    """Where each state came from, int16 [n, 2 * bins] (voiced, then unvoiced), and the best last state.

    Log likelihoods ``seen`` [n, bins] of voiced and ``silent`` [n] of unvoiced frames; ``triangle`` [2 * reach + 1] of
    the steps in pitch; ``stay`` and ``change`` of voicing.
    """
    n, bins = seen.shape
    reach = len(triangle) // 2
    score = np.empty((2, bins))
    score[0], score[1] = seen[0], silent[0]
    value, origin = np.empty((2, bins)), np.empty((2, bins), dtype=np.int16)
    came_from = np.zeros((n, 2 * bins), dtype=np.int16)
    for t in range(1, n):
        for state in range(2):
            for b in range(bins):
                best, at = -np.inf, b
                for other in range(max(0, b - reach), min(bins, b + reach + 1)):
                    arrived = score[state, other] + triangle[other - b + reach]
                    if arrived > best:
                        best, at = arrived, other
                value[state, b], origin[state, b] = best, at
        for state in range(2):
            for b in range(bins):
                likelihood = seen[t, b] if state == 0 else silent[t]
                kept, switched = value[state, b] + stay, value[1 - state, b] + change
                source = 1 - state if switched > kept else state
                score[state, b] = max(kept, switched) + likelihood
                came_from[t, state * bins + b] = source * bins + origin[source, b]
    return came_from, int(score.argmax())
