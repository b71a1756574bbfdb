"""Do the systems differ at all, and which from which? Kruskal–Wallis, then Dunn's test with Holm's correction.

Both tests assume independent observations. Ratings of one clip are not independent: with more listeners, a chance difference
between clips becomes more significant. So the observations are clips. Each is the mean of its ratings after subtracting every
listener's own mean. The classical test on single ratings is given as well, because papers print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two systems: z of Dunn's test (positive: the first ranks higher) and its p, two-sided, corrected by Holm."""

    first: str
    second: str
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class RankTest:
    """Kruskal–Wallis H and p (None where all observations are equal or a system has none), and every two systems."""

    h: float | None
    p: float | None
    differences: tuple[Difference, ...]


def rank_test(groups: Mapping[str, np.ndarray]) -> RankTest:
    """Compare at least two ``groups`` of observations, each [n]."""
    everything = np.concatenate(list(groups.values()))
    if len(groups) < 2 or min(map(len, groups.values())) < 1 or len(everything) < 3 or np.ptp(everything) == 0:
        return RankTest(None, None, ())
    h, p = stats.kruskal(*groups.values())
    ranks = np.split(stats.rankdata(everything), np.cumsum([len(group) for group in groups.values()])[:-1])
    mean = {name: float(rank.mean()) for name, rank in zip(groups, ranks, strict=True)}
    spread = _spread(everything)
    pairs = list(combinations(groups, 2))
    z = [(mean[a] - mean[b]) / np.sqrt(spread * (1 / len(groups[a]) + 1 / len(groups[b]))) for a, b in pairs]
    corrected = holm(2 * stats.norm.sf(np.abs(z)))
    found = zip(pairs, z, corrected, strict=True)
    return RankTest(float(h), float(p), tuple(Difference(a, b, float(zed), float(q)) for (a, b), zed, q in found))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p-values [n]."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _spread(values: np.ndarray) -> float:
    """Variance of a rank, less what ties take away (Dunn 1964)."""
    n = len(values)
    _, counts = np.unique(values, return_counts=True)
    ties = float((counts**3 - counts).sum())
    return n * (n + 1) / 12 - ties / (12 * (n - 1))
