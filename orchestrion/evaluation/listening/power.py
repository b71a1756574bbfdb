"""Number of ratings that finds a given difference four times out of five.

Two systems, two-sided 5 %, power 80 %: the standard error of the difference must be difference / (1.96 + 0.84). Independent ratings
would need 2 σ² / SE² of each system, about 390 for a difference of 0.2 and σ = 1. Kalingeri and Grandhe (2016) had about 50 of
each, enough for 0.56. Differences between listeners who rate both systems cancel out. Differences between clips do not: they are
divided by the number of clips, however many listeners there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

Z = 1.959964 + 0.841621


@dataclass(frozen=True, slots=True)
class SampleSize:
    """What it takes to find ``difference``.

    ``ratings``: of each system, if independent; ``detectable``: the difference that this test's number of ratings finds
    on the same terms; ``clips``: of each system, at least, with any number of listeners; ``listeners``: with the clips
    there are, None where even countless ones would not do.
    """

    difference: float
    ratings: int
    detectable: float
    clips: int
    listeners: int | None


def ratings_needed(
    values: np.ndarray, listeners: np.ndarray, clips: np.ndarray, systems: np.ndarray, difference: float
) -> SampleSize:
    """From all ratings [n] of a test, with listener, clip and system of each."""
    centred = values - _means(values, systems)
    within = float(np.mean(np.square(centred)) * len(values) / max(len(values) - len(np.unique(systems)), 1))
    own = centred - _means(centred, listeners)
    residual, by_clip = _clip_variance(own, clips, systems)
    error = (difference / Z) ** 2
    n_clips = len(np.unique(clips)) / len(np.unique(systems))
    left = error / 2 - by_clip / n_clips
    per_system = len(values) / len(np.unique(systems))
    return SampleSize(
        difference=difference,
        ratings=max(1, ceil(2 * within / error)),
        detectable=float(Z * np.sqrt(2 * within / per_system)),
        clips=max(1, ceil(2 * by_clip / error)),
        listeners=max(1, ceil(residual / n_clips / left)) if left > 0 else None,
    )


def _clip_variance(own: np.ndarray, clips: np.ndarray, systems: np.ndarray) -> tuple[float, float]:
    """Variance of ratings about their clip, and of clips about their system (by the method of moments)."""
    names, clip, counts = np.unique(clips, return_inverse=True, return_counts=True)
    means = np.bincount(clip, own) / counts
    freedom = max(len(own) - len(names), 1)
    residual = float(np.square(own - means[clip]).sum() / freedom)
    system_of = np.zeros(len(names), dtype=int)
    system_of[clip] = np.unique(systems, return_inverse=True)[1]
    about = means - (np.bincount(system_of, means) / np.bincount(system_of))[system_of]
    between = float(np.square(about).sum() / max(len(names) - system_of.max() - 1, 1))
    return residual, max(between - residual * float(np.mean(1 / counts)), 0.0)


def _means(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each value's group, at each value."""
    _, group = np.unique(labels, return_inverse=True)
    return (np.bincount(group, values) / np.bincount(group))[group]
