"""How loud a recorded note's noise is, in bands over age, and its shape within the bands; measured as playing makes it, frame by frame."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from orchestrion.bridge.noise import FINE_EDGES_HZ, N_FINE, N_SHAPE, OVERLAP, band_of_bins, place_of_bins
from orchestrion.bridge.source import AGES_S, MOST_SHAPED_DB, N_AGES
from orchestrion.bridge.sourcesignal import at_ages
from orchestrion.datasets.banks.partials import HOP

LEAST = 1e-14  # of a mean square
RUMBLE_HZ, RUMBLE_ORDER = 45.0, 6
SETTLED_S = 0.04  # an attack has a shape of its own


@dataclass(frozen=True)
class NoiseTables:
    """A note's noise.

    Attributes:
        level_db: ``[52, ages]`` mean squares.
        shape_db: ``[193]``, see `noise.SHAPE_HZ`.
        power, table: ``[f, 52]`` mean squares of the note, and of the levels, about the middle of each frame.
    """

    level_db: np.ndarray
    shape_db: np.ndarray
    power: np.ndarray
    table: np.ndarray


def noise_tables(rest: np.ndarray, sample_rate: int) -> NoiseTables:
    """Of what partials leave of a note, float ``[n]``."""
    power = _power(_without_rumble(rest, sample_rate), sample_rate)
    band, _ = band_of_bins(HOP, sample_rate)
    bands = np.stack([power[:, band == k].sum(1) for k in range(N_FINE)], 1)
    level_db = 10 * np.log10(_over_ages(bands, sample_rate)).T
    levels = 10 ** (at_ages(level_db, (np.arange(len(power)) + 0.5) * HOP / sample_rate) / 10)
    return NoiseTables(level_db, _shape(power, levels, sample_rate), bands, levels)


def _without_rumble(rest: np.ndarray, sample_rate: int) -> np.ndarray:
    """What can be heard of ``rest``. A recording's rumble, played in the frames' wide bins, would be heard: up to 12 dB in the octave above it."""
    return np.asarray(sosfilt(butter(RUMBLE_ORDER, RUMBLE_HZ, "highpass", fs=sample_rate, output="sos"), rest))


def _power(rest: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean squares ``[f, bins]`` about the middle of each frame."""
    size = OVERLAP * HOP
    window = np.hanning(size + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(rest, (size // 2 - HOP // 2, size)), size)[::HOP][: max(1, len(rest) // HOP)]
    return np.asarray(2 * np.abs(np.fft.rfft(frames * window, axis=1)) ** 2 / (size * (window**2).sum()))


def _over_ages(bands: np.ndarray, sample_rate: int) -> np.ndarray:
    """``[ages, 52]`` of ``[f, 52]``: the mean about each age, the last known one beyond the note's end."""
    age = (np.arange(len(bands)) + 0.5) * HOP / sample_rate
    edges = np.concatenate([[0.0], (AGES_S[1:] + AGES_S[:-1]) / 2, [np.inf]])
    out = np.empty((N_AGES, N_FINE))
    for i, (low, high) in enumerate(itertools.pairwise(edges)):
        cell = (age >= low) & (age < max(high, low + HOP / sample_rate))
        out[i] = bands[cell].mean(0) if cell.any() else out[i - 1] if i else bands[0]
    return np.maximum(out, LEAST)


def _shape(power: np.ndarray, levels: np.ndarray, sample_rate: int) -> np.ndarray:
    """What each bin of ``power [f, bins]`` has of its band's level ``[f, 52]``, over what an even band gives it, in dB ``[193]``.

    The mean is that of shares, so that loud moments weigh no more than soft ones: of what is struck the attack would be all.
    """
    band, _ = band_of_bins(HOP, sample_rate)
    settled = slice(min(int(SETTLED_S * sample_rate / HOP), len(power) - 1), None)
    share = (power[settled] / levels[settled][:, np.maximum(band, 0)]).mean(0) * (band >= 0)
    of_band = np.array([share[band == k].sum() for k in range(N_FINE)])
    width_hz = sample_rate / (OVERLAP * HOP)
    even = width_hz / np.diff(FINE_EDGES_HZ)
    db = 10 * np.log10(np.maximum(share, 1e-9) / np.maximum(of_band * even, 1e-9)[np.maximum(band, 0)])
    shape = np.zeros(N_SHAPE)
    shape[place_of_bins(HOP, sample_rate)[band >= 0]] = np.clip(db, -MOST_SHAPED_DB, MOST_SHAPED_DB)[band >= 0]
    return shape
