"""How the partials of a note swell, fade and beat together, and its noise: a few courses in time, of which each has its share."""

from __future__ import annotations

import numpy as np

from orchestrion.bridge.source import CONTOUR_S, MOST_MODULATED_DB
from orchestrion.datasets.banks.partials import HOP

# Of what all courses together bring (.5 to .9 dB of distance on oboe, flute, viola, violin and FluidR3's piano), four bring more than half, eight .1 dB more.
COURSES = 8
NOISE_COURSES = 2  # bring .1 to .2 dB, eight .05 more
SMOOTHED, NOISE_SMOOTHED = 5, 9  # knots of the fit, of 4 ms
KNOTS = 250  # four seconds
LEAST_DB, MOST_DB = -24.0, 12.0
QUIETEST = 1e-5
AUDIBLE_DB = 100.0  # below which a partial's moves are not fitted; 60 dB above it counts in full


def modulation(amplitude: np.ndarray, table: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """What moves a note's partials beside its table.

    Args:
        amplitude, table: ``[m, k]`` at knots ``HOP`` samples apart.

    Returns:
        Courses ``[8, m']`` in dB at knots `CONTOUR_S` apart, and shares ``[k, 8]`` from -1 to 1.
    """
    db = 20 * np.log10(np.maximum(amplitude, QUIETEST) / np.maximum(table, QUIETEST))
    moves = _smooth(np.clip(db, LEAST_DB, MOST_DB), SMOOTHED)
    loud_db = 20 * np.log10(table.mean(0) + 1e-9)
    return _courses(moves, np.sqrt(np.clip((loud_db + AUDIBLE_DB) / 60, 0.02, 1.0)), COURSES, sample_rate)


def noise_modulation(power: np.ndarray, table: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Likewise of mean squares ``[f, 52]`` in bands of noise: courses ``[2, m']`` and shares ``[52, 2]``."""
    db = 10 * np.log10(np.maximum(_smooth(power, NOISE_SMOOTHED), QUIETEST**3) / np.maximum(table, QUIETEST**3))
    return _courses(np.clip(db, -MOST_DB, MOST_DB), np.ones(power.shape[1]), NOISE_COURSES, sample_rate)


def _courses(moves: np.ndarray, weight: np.ndarray, most: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The greatest singular values of ``moves [m, k]``."""
    moves = moves[:: round(CONTOUR_S * sample_rate / HOP)][:KNOTS]
    left, size, right = np.linalg.svd(moves * weight, full_matrices=False)
    courses, shares = np.zeros((most, len(moves))), np.zeros((len(weight), most))
    n = min(most, len(size))
    of_partials = right[:n] / weight
    largest = np.maximum(np.abs(of_partials).max(axis=1, initial=0.0), 1e-9)
    shares[:, :n] = (of_partials / largest[:, None]).T
    courses[:n] = (left[:, :n] * (size[:n] * largest)).T
    return np.clip(courses, -MOST_MODULATED_DB, MOST_MODULATED_DB), shares


def moved_db(courses: np.ndarray, shares: np.ndarray, n_knots: int, sample_rate: int) -> np.ndarray:
    """``[n_knots, k]`` decibels at knots ``HOP`` samples apart; beyond the last course's knot it stays."""
    age, known = np.arange(n_knots) * HOP / sample_rate, np.arange(courses.shape[1]) * CONTOUR_S
    return np.asarray(np.stack([np.interp(age, known, course) for course in courses], 1) @ shares.T)


def _smooth(moves: np.ndarray, knots: int) -> np.ndarray:
    window = np.hanning(knots + 2)[1:-1]
    padded = np.pad(moves, ((knots // 2, knots // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, window / window.sum(), "valid") for column in padded.T], 1)
