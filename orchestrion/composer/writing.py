"""Writing one piece: a population of particles, drawn step by step, weighed by what is given and by how phrases end.

A particle is a piece in the making. What is given (notes of a tune to be filled or harmonised, bars that repeat others) is
not drawn; how surprising it is after what was drawn weighs the particle, and so does every bar that ends a phrase. Where few
particles carry the weight, they are drawn anew in proportion to it (sequential Monte Carlo; Gordon, Salmond, Smith 1993).
A piece without given notes and without a form has one particle. Beside that, in four parts, steps that break rules of part-writing
are drawn again (`stepping`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from orchestrion.composer import cadence
from orchestrion.composer.features import clock_rows, telling
from orchestrion.composer.form import EXACT, VARIED
from orchestrion.composer.given import given_of
from orchestrion.composer.population import Population, Sheet
from orchestrion.composer.sampler import Sampler
from orchestrion.composer.stepping import write_step
from orchestrion.randomness import uniform

RESAMPLING, RECALLING = 1 << 40, 1 << 43  # random numbers from here on are not those of notes

Progress = Callable[[int], object]


def write(sampler: Sampler, sheet: Sheet, seed: int, voices: Sequence[int], *, together: bool, report: Progress) -> np.ndarray:
    """Rows [v, s, p, 2] uint8: of as many pieces as the sampler has; or with ``together`` of one, of which all are particles."""
    n, config = sampler.pieces, sampler.config
    population = Population.of(sampler, sheet)
    clock = clock_rows(config, sheet.meter, 0, sheet.n_steps, sheet.n_steps, sheet.told_tonic, sheet.plan.kinds, sheet.has_lead)
    n_begun, lead_steps = sheet.n_begun, sheet.bar_steps if sheet.has_lead else 0
    for step in range(sheet.n_steps):
        bar, place = divmod(step, sheet.bar_steps)
        if place == 0:
            _give_repeats(population, sheet, bar, hints=config.hears_plan)
            recall(population, sheet, bar, seed, voices)
            if together and sheet.is_final(bar):
                _give_tonic(population, sheet, bar, config.pitch_low)
        surprise = write_step(sampler, sheet, population, told(clock[step], sheet, population, bar), step, seed, voices, forced=step < n_begun)
        if together:
            population.weights -= surprise
            if place == sheet.bar_steps - 1:
                population.weights += _endings(population.rows, sheet, bar, config.pitch_low)
            # Which end is good is known at the end of its bar.
            waits = sheet.is_final(bar) and place < sheet.bar_steps - 1
            picks = None if waits else _picks(population.weights, seed, voices[0], step, last=step == sheet.n_steps - 1)
            if picks is not None:
                population = population.drawn_anew(sampler, picks)
        if step >= lead_steps:
            report(1 if together else n)
    return population.rows[:1] if together else population.rows


def recall(population: Population, sheet: Sheet, bar: int, seed: int, voices: Sequence[int]) -> None:
    """Before an open bar is written: draw which of the bars given after it each particle repeats, if any (`recall`)."""
    if sheet.recall is None or not sheet.recall.chances[bar].any():
        return
    for i, plan in enumerate(population.plans):
        draws = uniform(seed, voices[i], RECALLING + 3 * bar + np.arange(3))
        kind, source = sheet.recall.drawn(bar, int(plan.sources[bar - 1]) - (bar - 1) if bar else 0, draws)
        population.plans[i] = plan.told(bar, kind, source)


def told(row: np.ndarray, sheet: Sheet, population: Population, bar: int) -> np.ndarray:
    """The clock row [w], or rows [v, w] where each particle is told another thing of its bar."""
    if sheet.recall is None or bar >= len(sheet.recall.chances):
        return row
    return telling(row, np.array([plan.kinds[bar] for plan in population.plans]))


def _give_repeats(population: Population, sheet: Sheet, bar: int, *, hints: bool) -> None:
    """Before a bar is written: what it takes over from the bar that it repeats, where nothing else is given.

    All of it in an exact repeat; in a varied one, for networks that cannot be told of it (``hints``), its notes on strong steps.
    """
    kind, source = sheet.plan.kinds[bar], sheet.plan.sources[bar]
    here = slice(bar * sheet.bar_steps, (bar + 1) * sheet.bar_steps)
    if source < 0 or kind not in (EXACT, VARIED) or sheet.given[here, :, 0].any() or (kind == VARIED and hints):
        return
    if kind == EXACT and hints and bar not in sheet.plan.copied:
        return
    taken = population.rows[:, source * sheet.bar_steps : (source + 1) * sheet.bar_steps]
    n_steps = population.given[:, here].shape[1]
    for given, rows in zip(population.given, taken[:, :n_steps], strict=True):
        if kind == EXACT:
            known = np.ones(rows.shape[:2], dtype=bool)
        else:
            strong = np.isin(np.arange(n_steps), list(cadence.strong_steps(sheet.meter)))
            known = (rows[..., 1] > 0) & strong[:, None]
        given[here] = given_of(rows, known)
    # A note that went on into the repeated bar begins in this one, unless it goes on here, too.
    before = population.rows[:, here.start - 1, :, 0]
    population.given[:, here.start, :, 2] |= population.given[:, here.start, :, 1] & (before == 0)


def _give_tonic(population: Population, sheet: Sheet, bar: int, pitch_low: int) -> None:
    """Half of the particles are given the tonic, for the piece's last strong step: in a melody that nearest to what was last sung, in
    several parts a bass near the one before.

    How surprising they find it is weighed as ever; so a piece ends there even where no particle would have gone there by itself.
    """
    here = slice(bar * sheet.bar_steps, (bar + 1) * sheet.bar_steps)
    tonics = np.flatnonzero((np.arange(population.rows.shape[2]) + pitch_low) % 12 == sheet.tonic)
    tonics = tonics[sheet.choices.allowed[tonics] > 0]
    if not len(tonics):
        return
    for given, rows in list(zip(population.given, population.rows, strict=True))[::2]:
        if not given[here, :, 0].all():
            sung = np.flatnonzero(rows[: here.start, :, 0].any(axis=1))
            last = int(rows[sung[-1], :, 0].argmax()) if len(sung) else int(np.median(tonics))
            nearest, end = int(tonics[np.abs(tonics - last).argmin()]), sheet.last_strong_step(bar)
            given[end : here.stop, : nearest + 1 if sheet.parts > 1 else None] = (1, 0, 0)
            given[end : here.stop, nearest, 1] = 1
            given[end, nearest, 2] = 1


def _endings(rows: np.ndarray, sheet: Sheet, bar: int, pitch_low: int) -> np.ndarray:
    """Log weights [v] of a bar that ends a phrase, or the piece; 0 for other bars."""
    if sheet.given[bar * sheet.bar_steps :, :, 0].all() or not (sheet.is_final(bar) or bar in sheet.plan.ends):
        return np.zeros(len(rows))
    written = rows[:, bar * sheet.bar_steps : (bar + 1) * sheet.bar_steps]
    if sheet.is_final(bar):
        found = [cadence.ends_piece(piece, sheet.tonic, pitch_low, sheet.meter, sheet.parts) for piece in written]
    else:
        found = [cadence.rests_on_a_beat(piece) for piece in written]
    return np.log(found)


def _picks(weights: np.ndarray, seed: int, voice: int, step: int, *, last: bool) -> np.ndarray | None:
    """Which particles go on [v] by systematic resampling, where half of them carry no weight, or at the end; else None."""
    shares = np.exp(weights - weights.max())
    shares /= shares.sum()
    if not last and 1 / (shares**2).sum() > len(shares) / 2:
        return None
    places = (np.arange(len(shares)) + float(uniform(seed, voice, RESAMPLING + step))) / len(shares)
    picks = np.minimum(np.searchsorted(np.cumsum(shares), places), len(shares) - 1)
    return np.roll(picks, int(uniform(seed, voice, 2 * RESAMPLING + step) * len(picks))) if last else picks
