"""ABX: can two systems be told apart? Clark, High-Resolution Subjective Testing Using a Double-Blind Comparator (1982)."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binom


@dataclass(frozen=True, slots=True)
class Discrimination:
    """Of ``n`` trials ``n_right`` were right; ``p``: the chance of as many by guessing."""

    n: int
    n_right: int
    share: float
    p: float


def discrimination(n_right: int, n: int) -> Discrimination:
    """One-sided binomial test against guessing.

    >>> round(discrimination(12, 16).p, 4)
    0.0384
    """
    return Discrimination(n, n_right, n_right / n, float(binom.sf(n_right - 1, n, 0.5)))
