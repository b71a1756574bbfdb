"""Bars of a gap that repeat bars given after it.

A recurrent network, backwards too, forgets bars that are far away, but what a plan refers to (`form`) it hears note by note. So every
version of a gap draws for each of its bars whether it repeats one that is given later, and which. How likely that is is learnt
from the forms of the corpus, and from how often the given bars of the piece itself repeat each other at that distance. The
likelihood of a gap is thereby that of a mixture over all such plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.composer.form import EXACT, LIKE, NEW, UNTOLD, VARIED

PRIOR_BARS = 4.0  # pairs of given bars that weigh as much as what the corpus says
FARTHEST = 64  # bars; no repeat lies as far ahead as this
MOST = 0.8  # chance, at most, that a bar repeats one that is given later


@dataclass(frozen=True)
class Recall:
    """Of a piece in which some bars are open.

    Attributes:
        chances: [bars, `FARTHEST`]: of each open bar that it repeats the given bar so many bars later.
        stay: chance that a bar goes on repeating at the distance of the bar before it.
        exact: share of the repeats that are exact.
    """

    chances: np.ndarray
    stay: float
    exact: float

    @classmethod
    def of(cls, given: np.ndarray, bar_steps: int, plans: Sequence[Sequence[Sequence[int]]]) -> Recall | None:
        """For ``given`` [s, p, 3] and the corpus' ``plans`` (`form.packed`); None where no given bar follows an open one."""
        n_bars = len(given) // bar_steps
        bars = given[: n_bars * bar_steps].reshape(n_bars, bar_steps, *given.shape[1:]) > 0
        known = np.asarray(bars[..., 0].all(axis=(1, 2)))
        sounding = known & np.asarray(bars[..., 1].any(axis=(1, 2)))
        if not n_bars or known.all() or not sounding[int(np.argmin(known)) :].any():
            return None
        shares, stay, exact = _habits(plans)
        chances = np.zeros((n_bars, FARTHEST))
        for lag in range(1, min(n_bars, FARTHEST)):
            pairs = sounding[:-lag] & sounding[lag:]
            equal = (bars[:-lag][pairs][..., 1:] == bars[lag:][pairs][..., 1:]).all(axis=(2, 3)).mean(axis=1)
            chance = ((equal >= LIKE).sum() + PRIOR_BARS * shares[lag]) / (pairs.sum() + PRIOR_BARS)
            chances[:-lag, lag] = chance * (~known[:-lag] & sounding[lag:])
        totals = chances.sum(axis=1, keepdims=True)
        return cls(chances * np.minimum(1.0, MOST / np.maximum(totals, MOST)), stay, exact)

    def drawn(self, bar: int, lag_before: int, draws: np.ndarray) -> tuple[int, int]:
        """What a bar is told and which bar it refers to (-1: none), by ``draws`` [3] in [0, 1); ``lag_before``: how far ahead the bar
        before refers (0 or less: it does not)."""
        chances = self.chances[bar]
        if 0 < lag_before < FARTHEST and chances[lag_before] > 0 and draws[0] < self.stay:
            lag = lag_before
        else:
            lag = int(np.searchsorted(np.cumsum(chances), draws[1], side="right"))
        if lag >= FARTHEST:
            return UNTOLD, -1
        return EXACT if draws[2] < self.exact else VARIED, bar + lag


def _habits(plans: Sequence[Sequence[Sequence[int]]]) -> tuple[np.ndarray, float, float]:
    """Of bars in ``plans``: share [`FARTHEST`] that repeat the bar so many before; share of these whose next one does, too; share of exact
    repeats."""
    repeats, chances = np.zeros(FARTHEST), np.full(FARTHEST, 1e-9)
    went_on, ended, exact, n = 1.0, 1.0, 1.0, 2.0
    for plan in plans:
        chances[: len(plan)] += np.arange(len(plan), 0, -1)[:FARTHEST]
        for bar, (kind, back) in enumerate(plan):
            if kind == NEW or not 0 < back < FARTHEST:
                continue
            repeats[back] += 1
            n, exact = n + 1, exact + (kind == EXACT)
            if bar + 1 < len(plan):
                same = plan[bar + 1][1] == back
                went_on, ended = went_on + same, ended + (not same)
    return repeats / chances, went_on / (went_on + ended), exact / n
