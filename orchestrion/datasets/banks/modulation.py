"""How the partials of a bowed or blown note swell and fade together: a few courses in time, of which each partial has its share."""

from __future__ import annotations

import numpy as np

from orchestrion.bridge.source import CONTOUR_S, MOST_MODULATED_DB
from orchestrion.datasets.banks.partials import HOP

COURSES = 4  # measured on four instruments: of what all courses together bring (.6 to .9 dB of distance), four bring more than half
SMOOTHED = 5  # knots of the fit, 20 ms
KNOTS = 250  # four seconds
LEAST_DB, MOST_DB = -24.0, 12.0
QUIETEST = 1e-5
AUDIBLE_DB = 100.0  # below which a partial's moves are not fitted; 60 dB above it counts in full


def modulation(amplitude: np.ndarray, table: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The greatest singular values of what a note's partials differ from its table.

    Args:
        amplitude, table: ``[m, k]`` at knots ``HOP`` samples apart.

    Returns:
        Courses ``[4, m']`` in dB at knots `CONTOUR_S` apart, and shares ``[k, 4]`` from -1 to 1.
    """
    db = 20 * np.log10(np.maximum(amplitude, QUIETEST) / np.maximum(table, QUIETEST))
    moves = _smooth(np.clip(db, LEAST_DB, MOST_DB))[:: round(CONTOUR_S * sample_rate / HOP)][:KNOTS]
    loud_db = 20 * np.log10(table.mean(0) + 1e-9)
    weight = np.sqrt(np.clip((loud_db + AUDIBLE_DB) / 60, 0.02, 1.0))
    left, size, right = np.linalg.svd(moves * weight, full_matrices=False)
    courses, shares = np.zeros((COURSES, len(moves))), np.zeros((len(weight), COURSES))
    n = min(COURSES, len(size))
    of_partials = right[:n] / weight
    largest = np.maximum(np.abs(of_partials).max(axis=1, initial=0.0), 1e-9)
    shares[:, :n] = (of_partials / largest[:, None]).T
    courses[:n] = (left[:, :n] * (size[:n] * largest)).T
    return np.clip(courses, -MOST_MODULATED_DB, MOST_MODULATED_DB), shares


def moved_db(courses: np.ndarray, shares: np.ndarray, n_knots: int, sample_rate: int) -> np.ndarray:
    """``[n_knots, k]`` decibels at knots ``HOP`` samples apart; beyond the last course's knot it stays."""
    age, known = np.arange(n_knots) * HOP / sample_rate, np.arange(courses.shape[1]) * CONTOUR_S
    return np.stack([np.interp(age, known, course) for course in courses], 1) @ shares.T


def _smooth(moves: np.ndarray) -> np.ndarray:
    window = np.hanning(SMOOTHED + 2)[1:-1]
    padded = np.pad(moves, ((SMOOTHED // 2, SMOOTHED // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, window / window.sum(), "valid") for column in padded.T], 1)
