"""One step of every version of a piece: given, or drawn by the network and drawn again where it breaks a rule.

The numbers of attempt n are those of voices of their own, so a piece is the same alone and among others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from orchestrion.composer import partwriting, voices
from orchestrion.composer.features import memories
from orchestrion.composer.population import Population, Sheet
from orchestrion.composer.sampler import Around, Sampler, State
from orchestrion.randomness import uniform

MOST_ATTEMPTS = 200
"""Draws of a piece's first step, until something sounds, and of its last chord, until it is one."""
TAKING = 1 << 42  # random numbers from here on say whether a draw is taken


def write_step(
    sampler: Sampler, sheet: Sheet, population: Population, clock: np.ndarray, step: int, seed: int, seats: Sequence[int],
    *, forced: bool,
) -> np.ndarray:  # fmt: skip
    """Write a step of every particle; how surprising its given notes are, [v]."""
    given = population.given[:, step]
    around = _around(sampler, sheet, population, step)
    if forced:
        rows, surprise = given[..., 1:], np.zeros(sampler.pieces)
        population.rows[:, step], population.state = rows, sampler.force(population.state, clock, rows, around)
    else:
        rows, state, surprise = _drawn(sampler, sheet, population, clock, step, seed, seats, around)
        population.take(step, rows, state)
    if sheet.ensemble is not None:
        low = sampler.config.pitch_low + sheet.shift
        population.parts = np.array([_parts(row, before, low, sheet.ensemble) for row, before in zip(rows, population.parts, strict=True)])
    return surprise


def _drawn(
    sampler: Sampler, sheet: Sheet, population: Population, clock: np.ndarray, step: int, seed: int, seats: Sequence[int],
    around: Around,
) -> tuple[np.ndarray, State, np.ndarray]:  # fmt: skip
    """Rows [v, p, 2], the state after them and the surprise [v]: of every particle the first draw that is taken, or the best one."""
    allowed = sheet.choices if sheet.allowed is None else replace(sheet.choices, allowed=sheet.allowed[step])
    choices, before = population.choices(allowed), population.state
    rows, surprise, best = np.zeros_like(before.previous), np.zeros(sampler.pieces), np.full(sampler.pieces, -1.0)
    _, state, _ = found = sampler.draw_around(before, clock, choices, seed, seats, around)
    begins = step == sheet.n_begun
    ends = sheet.ensemble is not None and sheet.moment(step).ends
    for attempt in range(MOST_ATTEMPTS if begins or ends else partwriting.ATTEMPTS):
        others = [seat + (attempt << 32) for seat in seats]
        if attempt:
            found = sampler.draw_again(before, choices, seed, others, around)
        chance = np.array([_chance(sheet, population, piece, step, row, sampler.config.pitch_low, begins=begins) for piece, row in enumerate(found[0])])
        draws = np.array([float(uniform(seed, other, TAKING + step)) for other in others])
        chance[draws < chance] = 1.0  # taken
        better = chance > best
        rows[better], surprise[better], best[better] = found[0][better], found[2][better], chance[better]
        if best.min() >= 1:
            break
    return rows, replace(state, previous=rows), surprise


def _chance(sheet: Sheet, population: Population, piece: int, step: int, row: np.ndarray, pitch_low: int, *, begins: bool) -> float:
    """With which a drawn ``row`` [p, 2] of a particle is taken. A piece of which nothing is given does not begin with silence."""
    given = population.given[piece, step, :, 0]
    if given.all():
        return 1.0
    if begins and not given.any() and not row.any() and not population.rows[piece, :step].any():
        return 0.0
    if sheet.ensemble is None:
        return 1.0
    before = population.parts[piece]
    parts = _parts(row, before, pitch_low + sheet.shift, sheet.ensemble)
    return partwriting.acceptance(parts.tolist(), before.tolist(), sheet.moment(step), sheet.ensemble, attacks=bool(row[:, 1].any()))


def _parts(row: np.ndarray, before: np.ndarray, low: int, ensemble: voices.FourParts) -> np.ndarray:
    """The four parts [4] that ``row`` [p, 2] is sung by, those ``before`` where it is silent."""
    chord = np.flatnonzero(row[:, 0])[::-1] + low
    if not len(chord):
        return before
    return voices.placed(chord, ensemble.middles if voices.SILENT in before else before, ensemble)


def _around(sampler: Sampler, sheet: Sheet, population: Population, step: int) -> Around:
    config = sampler.config
    memory = None
    if config.n_memories:
        written = zip(population.rows, population.plans, strict=True)
        pieces = [memories(rows, config, sheet.bar_steps, plan, step, 1)[0] for rows, plan in written]
        memory = np.ascontiguousarray(pieces)
    ahead = None if sheet.ahead is None else np.repeat(sheet.ahead[None, step], sampler.pieces, axis=0)
    return Around(memory, ahead, population.given[:, step])
