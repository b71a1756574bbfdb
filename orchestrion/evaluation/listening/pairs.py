"""Strengths of systems from paired comparisons: the Bradley–Terry model.

P(i beats j) = e^(s_i) / (e^(s_i) + e^(s_j)), strengths centred on 0. A system that never lost would have infinite strength. So each
has half a win and half a loss against an average opponent in addition, which matters only if there are few choices. Intervals
come from drawing listeners and items with replacement (see `ratings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PRIOR = 0.5
N_RESAMPLES = 1000
N_STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class PairChoices:
    """``winners`` and ``losers`` [n]: numbers of systems from 0; ``listeners`` and ``items`` [n]."""

    winners: np.ndarray
    losers: np.ndarray
    listeners: np.ndarray
    items: np.ndarray


@dataclass(frozen=True, slots=True)
class Strength:
    """``strength``: natural log-odds against an average system, with its 95 % interval; ``wins`` of ``n`` choices."""

    strength: float
    low: float
    high: float
    wins: int
    n: int


def strengths(
    choices: PairChoices, n_systems: int, rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> list[Strength]:
    """The strength of each of ``n_systems``."""
    ones = np.ones(len(choices.winners))
    wins = _table(choices, ones, n_systems)
    fitted = bradley_terry(wins[None])[0]
    drawn = np.stack([_table(choices, _weights(choices, rng), n_systems) for _ in range(n_resamples)])
    low, high = np.quantile(bradley_terry(drawn), [0.025, 0.975], axis=0)
    return [
        Strength(
            float(fitted[i]), float(low[i]), float(high[i]), int(wins[i].sum()), int(wins[i].sum() + wins[:, i].sum())
        )
        for i in range(n_systems)
    ]


def bradley_terry(wins: np.ndarray) -> np.ndarray:
    """Strengths [b, s] from tables of wins [b, s, s] (of the row over the column), by Hunter's (2004) MM steps."""
    n_games = wins + np.swapaxes(wins, 1, 2)
    won = wins.sum(axis=2) + PRIOR
    power = np.ones(wins.shape[:2])
    for _ in range(N_STEPS):
        power = won / ((n_games / (power[:, :, None] + power[:, None, :])).sum(axis=2) + 2 * PRIOR / (power + 1))
    strength = np.log(power)
    return np.asarray(strength - strength.mean(axis=1, keepdims=True))


def _table(choices: PairChoices, weights: np.ndarray, n_systems: int) -> np.ndarray:
    wins = np.zeros((n_systems, n_systems))
    np.add.at(wins, (choices.winners, choices.losers), weights)
    return wins


def _weights(choices: PairChoices, rng: np.random.Generator) -> np.ndarray:
    """How often each choice is in a draw of listeners and items."""
    return np.asarray(_counts(choices.listeners, rng) * _counts(choices.items, rng))


def _counts(labels: Sequence[int] | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    _, number = np.unique(labels, return_inverse=True)
    n = int(number.max()) + 1
    # One item or one listener cannot be drawn in another way.
    return rng.multinomial(n, np.full(n, 1 / n))[number].astype(float) if n > 1 else np.ones(len(number))
