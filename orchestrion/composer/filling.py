"""How likely a composer finds the true bars of a gap: left to right, and as it fills gaps, with what follows in sight.

Filling is the sum over what bars are told (`recall`), estimated by particles that are given the true notes: the estimate of
the likelihood is without bias, that of its logarithm low. A note after silence has an attack in any case.
"""

from __future__ import annotations

import numpy as np
import torch

from orchestrion.composer import writing
from orchestrion.composer.compose import Composer
from orchestrion.composer.features import clock_rows
from orchestrion.composer.form import checked_plans, untold
from orchestrion.composer.population import Population, Sheet
from orchestrion.composer.recall import Recall
from orchestrion.composer.sampler import Choices, Sampler
from orchestrion.composer.scoring import PieceLike
from orchestrion.composer.stepping import write_step

PARTICLES = 32


def gap_nll(composer: Composer, piece: PieceLike, first_bar: int, n_bars: int, *, ahead: bool = True, repeats: bool = True, seed: int = 0) -> float:
    """Nats a step of ``n_bars`` bars of ``piece`` from ``first_bar`` (0 for the first), all else given.

    Args:
        ahead: whether the network's backward axis hears what follows the gap.
        repeats: whether bars of the gap may repeat bars that follow it. Without both, the gap is filled from left to right.
    """
    config, bar_steps = composer.config, piece.meter[0] * 16 // piece.meter[1]
    grid = piece.grid_in(config.pitch_low, config.pitch_high, piece.n_whole_steps).astype(np.uint8)
    truth = np.concatenate([np.ones_like(grid[..., :1]), grid], axis=-1)
    gap = slice(first_bar * bar_steps, (first_bar + n_bars) * bar_steps)
    masked = truth.copy()
    masked[gap] = 0
    plans = composer.default("plans", None) if repeats else None
    sheet = Sheet(
        piece.meter, truth, Choices(np.ones(config.n_pitches, dtype=np.uint8)), untold(len(truth) // bar_steps),
        recall=None if plans is None else Recall.of(masked, bar_steps, checked_plans(plans)), has_lead=piece.has_pickup,
        ahead=composer.model.look_ahead(torch.from_numpy(masked.astype(np.float32))[None])[0].numpy() if ahead else None,
    )  # fmt: skip
    return _surprise(Sampler(composer.model, "float32"), sheet, gap, seed) / (gap.stop - gap.start)


def _surprise(alone: Sampler, sheet: Sheet, gap: slice, seed: int) -> float:
    """Minus the log likelihood of the given steps ``gap``, in nats: of the mean over particles, weighed anew at every bar."""
    sampler = alone if sheet.recall is None else alone.twin(PARTICLES)
    population, seats, total = Population.of(alone, sheet), range(sampler.pieces), 0.0
    clock = clock_rows(sampler.config, sheet.meter, 0, sheet.n_steps, sheet.n_steps, kinds=sheet.plan.kinds, pickup=sheet.has_lead)
    for step in range(gap.start):
        write_step(alone, sheet, population, clock[step], step, seed, seats[:1], forced=True)
    population = population.drawn_anew(sampler, np.zeros(sampler.pieces, dtype=int))
    for step in range(gap.start, gap.stop):
        bar, place = divmod(step, sheet.bar_steps)
        if place == 0:
            writing.recall(population, sheet, bar, seed, seats)
        row = writing.told(clock[step], sheet, population, bar)
        population.weights -= write_step(sampler, sheet, population, row, step, seed, seats, forced=False)
        if place == sheet.bar_steps - 1:
            total -= float(np.logaddexp.reduce(population.weights) - np.log(sampler.pieces))
            population = population.drawn_anew(sampler, _shares(population.weights, seed, step))
    return total


def _shares(weights: np.ndarray, seed: int, step: int) -> np.ndarray:
    """Systematic resampling [v]."""
    shares = np.exp(weights - weights.max())
    places = (np.arange(len(shares)) + np.random.default_rng([seed, step]).random()) / len(shares)
    return np.minimum(np.searchsorted(np.cumsum(shares / shares.sum()), places), len(shares) - 1)
