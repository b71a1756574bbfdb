"""The noise of a recording: levels in bands, frame by frame, and each note's share of them.

The power of the bands at every moment is modelled as a sum over the notes that ring. Each contributes a table over pitch × band × age,
scaled by its velocity. Tables are found by multiplicative updates (Lee and Seung 2001, for the Kullback-Leibler divergence), and
smoothed over pitch.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np

from orchestrion.bridge.noise import BAND_EDGES_HZ, N_BANDS
from orchestrion.bridge.source import N_AGES
from orchestrion.compiled import compiled
from orchestrion.datasets.tracking.levels import EDGES_S, N_PITCHES, velocity_units
from orchestrion.datasets.tracking.ringing import KNOT, Ringing

WINDOW = 512
ROUNDS = 12
SEMITONES = 3.0
LEAST = 1e-12  # mean square
SMOOTHED = 5  # frames over which the power is averaged


def band_powers(rest: np.ndarray, hop: int, sample_rate: int) -> np.ndarray:
    """Mean squares of ``rest`` about the middle of each frame, in the bands of `BAND_EDGES_HZ`: float32 ``[frames, 12]``, smoothed over time."""
    from scipy.fft import rfft

    n = len(rest) // hop
    padded = np.pad(rest.astype(np.float32), (WINDOW // 2 - hop // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop][:n] * _hann()
    power = np.abs(rfft(frames, axis=1)) ** 2 @ _bands(sample_rate)
    kernel = np.hanning(SMOOTHED + 2)[1:-1] / np.hanning(SMOOTHED + 2)[1:-1].sum()
    spread = np.pad(power, ((SMOOTHED // 2, SMOOTHED // 2), (0, 0)), mode="edge") if n else power
    return np.asarray(sum(w * spread[i : i + n] for i, w in enumerate(kernel)), dtype=np.float32)


@lru_cache
def _hann() -> np.ndarray:
    return np.hanning(WINDOW).astype(np.float32)


@lru_cache
def _bands(sample_rate: int) -> np.ndarray:
    """``[bins, 12]``: which bins a band adds up, and the factor from squared magnitude to mean square."""
    hz = np.fft.rfftfreq(WINDOW, 1 / sample_rate)
    inside = [(hz >= low) & (hz < high) for low, high in itertools.pairwise(BAND_EDGES_HZ)]
    return np.stack(inside, 1).astype(np.float32) * np.float32(2.0 / (WINDOW * float((_hann() ** 2).sum())))


class NoiseTable:
    """``[128, bands, ages]`` mean square at velocity 64 of what each pitch's notes bring beside their partials."""

    def __init__(self, slope_db: float, release_db_s: np.ndarray):
        self.slope_db, self.release_db_s = slope_db, release_db_s
        self.power = np.full((N_PITCHES, N_BANDS, N_AGES), 1e-6)

    def fit(self, heard: list[tuple[Ringing, np.ndarray]], sample_rate: int) -> None:
        """Fit to pieces: their notes, and `band_powers` of what is left of them at the knots, ``[knots, bands]``."""
        apart = np.abs(np.arange(N_PITCHES)[:, None] - np.arange(N_PITCHES))
        near = np.exp(-0.5 * (apart / SEMITONES) ** 2) + 1e-4 * np.exp(-apart / 5.0)
        weight = np.zeros_like(self.power)
        for _ in range(ROUNDS):
            top, bottom = np.zeros_like(self.power), np.zeros_like(self.power)
            for notes, power in heard:
                _share_out(
                    notes.onset, notes.offset, notes.pitch, notes.velocity, notes.first_knot, notes.n_knots, power.astype(np.float64), self.power,
                    self.slope_db, self.release_db_s, EDGES_S, sample_rate, top, bottom,
                )  # fmt: skip
            # Of what each cell says of itself the mean over its neighbours, as far as each was heard.
            said, weight = np.einsum("pq,qba->pba", near, self.power * top), np.einsum("pq,qba->pba", near, bottom)
            self.power = np.where(weight > 1e-9, np.maximum(said / np.maximum(weight, 1e-9), LEAST), self.power)
        reached = weight > 1e-9
        for a in range(1, N_AGES):
            self.power[:, :, a] = np.where(reached[:, :, a], self.power[:, :, a], self.power[:, :, a - 1])

    def db(self) -> np.ndarray:
        """``[128, bands, ages]``."""
        return np.asarray(10 * np.log10(np.maximum(self.power, LEAST)))


@compiled(nogil=True)
def _share_out(  # pragma: no cover - compiled
    onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, first_knot: np.ndarray, n_knots: np.ndarray,
    power: np.ndarray, table: np.ndarray, slope: float, release: np.ndarray, edges: np.ndarray, sample_rate: int, top: np.ndarray,
    bottom: np.ndarray,
) -> None:  # fmt: skip
    """Of one piece: Σ gain · power / modelled, and Σ gain, over the notes and knots of each cell of the table."""
    modelled = np.full(power.shape, LEAST)
    for rounds in range(2):
        for i in range(len(onset)):
            gain = 10.0 ** (slope * velocity_units(velocity[i]) / 10)
            held, cell = (offset[i] - onset[i]) / sample_rate, 0
            for j in range(n_knots[i]):
                m = first_knot[i] + j
                age = (m * KNOT - onset[i]) / sample_rate
                if m >= len(power) or age < 0:
                    continue
                while cell < len(edges) - 2 and edges[cell + 1] <= age:
                    cell += 1
                g = gain * 10.0 ** (-max(age - held, 0.0) * release[pitch[i]] / 10)
                for b in range(power.shape[1]):
                    if rounds == 0:
                        modelled[m, b] += g * table[pitch[i], b, cell]
                    else:
                        top[pitch[i], b, cell] += g * power[m, b] / modelled[m, b]
                        bottom[pitch[i], b, cell] += g
