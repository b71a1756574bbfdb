"""How the partials of a note swell, fade and beat together, and its noise: a few courses in time, of which each has its share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.bridge.source import CONTOUR_S, MOST_MODULATED_DB
from orchestrion.datasets.banks.partials import HOP


@dataclass(frozen=True)
class Resolution:
    """How closely a note's moves are followed.

    Attributes:
        courses: how many at most.
        knot_s: between their knots.
        smoothed: knots of the fit, of 4 ms, over which a window goes.
    """

    courses: int
    knot_s: float
    smoothed: int


# Sections, reeds and choirs beat fast, each partial in its own time: of eight courses 16 ms apart to sixteen 8 ms apart, horn 1.38 to 1.13 dB of
# distance, strings 2.30 to 2.05, accordion 3.38 to 2.88; at 4 ms no nearer. Of a harpsichord sixteen instead of eight bring .2 dB.
STRUCK, SUSTAINED = Resolution(16, 0.016, 5), Resolution(16, 0.008, 3)
NOISE = Resolution(2, CONTOUR_S, 9)  # brings .1 to .2 dB, eight courses .05 more
LEAST_MOVED_DB = 0.25  # in the mean square over time and partials: a course that moves them less is left out
KNOTS = 250  # that tables keep: two to four seconds
TONES_SMOOTHED = 31  # knots of the fit: an accordion's noise goes from 1.0 dB over the reference's to .7 under it, its distance from 2.0 to 2.1 dB
LEAST_DB, MOST_DB = -24.0, 12.0
QUIETEST = 1e-5
AUDIBLE_DB = 100.0  # below which a partial's moves are not fitted; 60 dB above it counts in full
# By how much more the square of the loudest partial's error counts, others by their power. A few courses that follow all partials alike make the
# loudest jitter as soft ones do, with sidebands: noise between a bassoon's partials 2.4 dB over the reference's, with this 0.9 under it, and distance
# from .49 to .48 dB.
LOUDEST_COUNTS = 200.0


def resolution_of(sustained: bool) -> Resolution:
    """For notes that are bowed or blown, or else struck or plucked."""
    return SUSTAINED if sustained else STRUCK


def modulation(
    amplitude: np.ndarray, table: np.ndarray, sample_rate: int, resolution: Resolution, is_tone: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What moves a note's partials beside its table.

    Args:
        amplitude, table: ``[m, k]`` at knots ``HOP`` samples apart.
        is_tone: ``[k]`` which partials are tones that beat with others (`beating`) and move slowly by themselves.

    Returns:
        Courses ``[r, m']`` in dB at the resolution's knots, and shares ``[k, r]`` from -1 to 1.
    """
    db = 20 * np.log10(np.maximum(amplitude, QUIETEST) / np.maximum(table, QUIETEST))
    moves = smooth(np.clip(db, LEAST_DB, MOST_DB), resolution.smoothed)
    if is_tone is not None and is_tone.any():
        moves[:, is_tone] = smooth(db[:, is_tone], TONES_SMOOTHED)
    loud_db = 20 * np.log10(table.mean(0) + 1e-9)
    power = table.mean(0) ** 2
    audible = np.clip((loud_db + AUDIBLE_DB) / 60, 0.02, 1.0)
    weight = np.sqrt(audible + LOUDEST_COUNTS * power / (power.max(initial=0.0) + 1e-30))
    return _courses(moves, weight, np.sqrt(audible), resolution, sample_rate)


def noise_modulation(power: np.ndarray, table: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Likewise of mean squares ``[f, 52]`` in bands of noise: courses ``[2, m']`` and shares ``[52, 2]``."""
    db = 10 * np.log10(np.maximum(smooth(power, NOISE.smoothed), QUIETEST**3) / np.maximum(table, QUIETEST**3))
    return _courses(np.clip(db, -MOST_DB, MOST_DB), np.ones(power.shape[1]), np.ones(power.shape[1]), NOISE, sample_rate)


def _courses(moves: np.ndarray, weight: np.ndarray, audible: np.ndarray, resolution: Resolution, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The greatest singular values of ``moves [m, k]`` as far as tables keep them, and how the whole note goes along these.

    Args:
        weight: ``[k]`` of the errors.
        audible: ``[k]`` of the moves, in whether a course is worth keeping.
    """
    moves = moves[:: round(resolution.knot_s * sample_rate / HOP)] * weight
    kept = moves[:KNOTS]
    _, size, right = np.linalg.svd(kept, full_matrices=False)
    courses, shares = np.zeros((resolution.courses, len(moves))), np.zeros((len(weight), resolution.courses))
    moved = size * np.sqrt(((right * audible / weight) ** 2).sum(1))
    right = right[moved > LEAST_MOVED_DB * np.sqrt(len(kept) * (audible**2).sum())][: resolution.courses]
    n, of_partials = len(right), right / weight
    largest = np.maximum(np.abs(of_partials).max(axis=1, initial=0.0), 1e-9)
    shares[:, :n] = (of_partials / largest[:, None]).T
    courses[:n] = (moves @ right.T * largest).T
    return np.clip(courses, -MOST_MODULATED_DB, MOST_MODULATED_DB), shares


def moved_db(courses: np.ndarray, shares: np.ndarray, n_knots: int, sample_rate: int, knot_s: float) -> np.ndarray:
    """``[n_knots, k]`` decibels at knots ``HOP`` samples apart; beyond the last course's knot it stays."""
    age, known = np.arange(n_knots) * HOP / sample_rate, np.arange(courses.shape[1]) * knot_s
    return np.asarray(np.stack([np.interp(age, known, course) for course in courses], 1) @ shares.T)


def smooth(moves: np.ndarray, knots: int) -> np.ndarray:
    """``[m, k]`` under a Hann window of so many knots, an odd number; at the ends as if they went on."""
    window = np.hanning(knots + 2)[1:-1]
    padded = np.pad(moves, ((knots // 2, knots // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, window / window.sum(), "valid") for column in padded.T], 1)
