"""Mean ratings with intervals that hold for other listeners and other clips.

Ratings by one listener are correlated, and so are ratings of one clip, so single ratings cannot be resampled. Listeners and clips
are both drawn with replacement (the pigeonhole bootstrap, Owen 2007), and each rating is weighted by the product of the counts.

That distribution has two faults. It counts the residual variance about three times. With five clips it is too narrow, by the usual
factor (n - 1)/n and by the ratio of a normal to Student's t. Its deviations from the mean are therefore scaled to the two-way
cluster-robust variance V = V_listeners + V_clips - V_cells (Cameron, Gelbach, Miller 2011), times t/z with Satterthwaite's degrees
of freedom. Its shape, asymmetric near the ends of the scale, stays. In simulations 93 to 97 % of such intervals cover.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95
LOWEST, HIGHEST = 1.0, 5.0
N_RESAMPLES = 2000
LEAST_FREEDOM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """``values`` [n] of one system, with the numbers from 0 of the ``listeners`` [n] and ``clips`` [n]."""

    values: np.ndarray
    listeners: np.ndarray
    clips: np.ndarray


@dataclass(frozen=True, slots=True)
class MeanRating:
    """A mean and its 95 % interval (None with fewer than two listeners or clips), and what it is made of."""

    mean: float
    low: float | None
    high: float | None
    n_ratings: int
    n_listeners: int
    n_clips: int


def mean_rating(ratings: Ratings, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> MeanRating:
    """The mean of ``ratings`` (at least one) and its interval."""
    sums, counts = _cells(ratings)
    mean = float(ratings.values.mean())
    low = high = None
    if min(sums.shape) >= 2:
        spread, freedom = _spread(sums - mean * counts, counts.sum())
        drawn = _resampled(sums, counts, rng, n_resamples) - mean
        width = float(np.sqrt(np.mean(np.square(drawn))))
        scale = (
            spread / width * stats.t.ppf(0.5 + LEVEL / 2, freedom) / stats.norm.ppf(0.5 + LEVEL / 2) if width else 0.0
        )
        ends = mean + scale * np.quantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
        low, high = (float(end) for end in np.clip(ends, LOWEST, HIGHEST))
    return MeanRating(mean, low, high, len(ratings.values), *sums.shape)


def _cells(ratings: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts of ratings by listener and clip, both [l, c]."""
    _, listener = np.unique(ratings.listeners, return_inverse=True)
    _, clip = np.unique(ratings.clips, return_inverse=True)
    shape = (listener.max() + 1, clip.max() + 1)
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (listener, clip), ratings.values)
    np.add.at(counts, (listener, clip), 1.0)
    return sums, counts


def _spread(deviations: np.ndarray, n: float) -> tuple[float, float]:
    """Standard error of the mean from the sums of deviations [l, c] in each cell, and its degrees of freedom."""
    n_listeners, n_clips = deviations.shape
    by_listener = np.square(deviations.sum(axis=1)).sum() / n**2 * n_listeners / (n_listeners - 1)
    by_clip = np.square(deviations.sum(axis=0)).sum() / n**2 * n_clips / (n_clips - 1)
    by_cell = np.square(deviations).sum() / n**2
    variance = max(by_listener + by_clip - by_cell, by_cell, 1e-12)
    # Each part is as uncertain as the number of its groups says.
    freedom = variance**2 / (by_listener**2 / (n_listeners - 1) + by_clip**2 / (n_clips - 1) + 1e-30)
    return float(np.sqrt(variance)), float(max(freedom, LEAST_FREEDOM))


def _resampled(sums: np.ndarray, counts: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    """Means [n] of listeners and clips drawn with replacement; draws without any rating are left out."""
    n_listeners, n_clips = sums.shape
    listeners = rng.multinomial(n_listeners, np.full(n_listeners, 1 / n_listeners), n).astype(float)
    clips = rng.multinomial(n_clips, np.full(n_clips, 1 / n_clips), n).astype(float)
    weight = ((listeners @ counts) * clips).sum(axis=1)
    total = ((listeners @ sums) * clips).sum(axis=1)
    return np.asarray(total[weight > 0] / weight[weight > 0])
