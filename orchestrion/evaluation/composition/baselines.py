"""What a composer must beat: two models of each pitch on its own, counted on the training split.

- unigram: P(play) and P(attack | play) of each pitch.
- Markov: both given whether the pitch sounded in the step before.

Counts are smoothed by a half on either side (Krichevsky–Trofimov), so that nothing is impossible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from orchestrion.composer.likelihood import StepNll


@dataclass(frozen=True)
class PitchModel:
    """Probabilities [2, p] given silence (row 0) or sound (row 1) of the pitch in the step before."""

    play: np.ndarray
    attack: np.ndarray

    def nll(self, grid: np.ndarray) -> StepNll:
        """Of ``grid`` [s, p, 2] in 0/1, in nats: [1, s] each, articulation where the pitch sounds only."""
        now, attacked, before = _columns(grid)
        pitches = np.arange(grid.shape[1])
        play = _surprise(self.play[before, pitches], now)
        attack = _surprise(self.attack[before, pitches], attacked) * now
        return StepNll(torch.from_numpy(play.sum(1)[None]), torch.from_numpy(attack.sum(1)[None]))


def fit_markov(grids: Iterable[np.ndarray]) -> PitchModel:
    """Count grids [s, p, 2]; before the first step is silence."""
    counts: np.ndarray | None = None  # [sounded before, silent | held | attacked, p]
    for grid in grids:
        now, attacked, before = _columns(grid)
        kind = now + attacked
        found = np.stack([[((before == b) & (kind == k)).sum(0) for k in range(3)] for b in range(2)])
        counts = found if counts is None else counts + found
    if counts is None:
        raise ValueError("no grids to count")
    return _from_counts(counts)


def fit_unigram(grids: Iterable[np.ndarray]) -> PitchModel:
    """As ``fit_markov``, the step before not looked at."""
    whole = np.concatenate(list(grids))
    kind = (whole[..., 0] + whole[..., 1]).astype(int)
    counts = np.stack([(kind == k).sum(0) for k in range(3)])
    return _from_counts(np.stack([counts, counts]))


def _from_counts(counts: np.ndarray) -> PitchModel:
    silent, held, attacked = counts[:, 0], counts[:, 1], counts[:, 2]
    sounding = held + attacked
    return PitchModel((sounding + 0.5) / (silent + sounding + 1), (attacked + 0.5) / (sounding + 1))


def _columns(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    now, attacked = grid[..., 0].astype(int), grid[..., 1].astype(int)
    before = np.concatenate([np.zeros_like(now[:1]), now[:-1]])
    return now, attacked * now, before


def _surprise(chance: np.ndarray, happened: np.ndarray) -> np.ndarray:
    return -np.log(np.where(happened == 1, chance, 1 - chance))
