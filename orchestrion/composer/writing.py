"""Writing one piece: a population of particles, drawn step by step, weighed by what is given and by how phrases end.

A particle is a piece in the making. What is given (notes of a tune to be filled or harmonised, bars that repeat others) is
not drawn; how surprising it is after what was drawn weighs the particle, and so does every bar that ends a phrase. Where few
particles carry the weight, they are drawn anew in proportion to it (sequential Monte Carlo; Gordon, Salmond, Smith 1993).
A piece without given notes and without a form has one particle.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.composer import cadence
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.form import EXACT, VARIED, Plan
from orchestrion.composer.given import given_of
from orchestrion.composer.guards import Guards
from orchestrion.composer.sampler import Around, Choices, Sampler, State
from orchestrion.randomness import uniform

FIRST_ATTEMPTS = 200
RESAMPLING = 1 << 40  # random numbers from here on are not those of notes

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Sheet:
    """What is known of a piece before it is written, in the model's key and pitches.

    Attributes:
        given: (known, sounding, articulated) [s, p, 3] uint8.
        choices: how the others are drawn.
        plan: which bars repeat which.
        allowed: pitches that may be drawn at each step [s, p], instead of those of ``choices``.
        ahead: what the network's backward axis says of the given notes [s, p, f]; None without.
        tonic: pitch class that the piece is to end on; None for any.
        told_tonic: pitch class that the network is told; None for nothing.
        parts: how many the piece has at most.
    """

    meter: tuple[int, int]
    given: np.ndarray
    choices: Choices
    plan: Plan
    allowed: np.ndarray | None = None
    ahead: np.ndarray | None = None
    tonic: int | None = None
    told_tonic: int | None = None
    parts: int = 1

    @property
    def n_steps(self) -> int:
        """Steps of the whole piece."""
        return len(self.given)

    @property
    def bar_steps(self) -> int:
        """Steps a bar."""
        return self.meter[0] * 16 // self.meter[1]

    @property
    def n_bars(self) -> int:
        """Bars, the last one perhaps not whole."""
        return -(-self.n_steps // self.bar_steps)

    def is_final(self, bar: int) -> bool:
        """Whether the bar is the last one, or one that the last one copies."""
        return bar == self.n_bars - 1 or bar in self.plan.final

    @property
    def n_begun(self) -> int:
        """Steps at the beginning of which every note is given."""
        open_steps = np.flatnonzero((self.given[..., 0] == 0).any(axis=1))
        return int(open_steps[0]) if len(open_steps) else self.n_steps


@dataclass
class Population:
    """Particles: rows [v, s, p, 2] so far, what is given to each [v, s, p, 3], the sampler's state, guards, log weights [v]."""

    rows: np.ndarray
    given: np.ndarray
    state: State
    guards: list[Guards]
    weights: np.ndarray

    def drawn_anew(self, sampler: Sampler, picks: np.ndarray) -> Population:
        """Particle i becomes a copy of ``picks[i]``, all weights alike."""
        guards = [copy.copy(self.guards[i]) for i in picks]
        return Population(self.rows[picks], self.given[picks], sampler.picked(self.state, picks), guards, np.zeros(len(picks)))


def write(sampler: Sampler, sheet: Sheet, seed: int, voices: Sequence[int], *, together: bool, report: Progress) -> np.ndarray:
    """Rows [v, s, p, 2] uint8: of as many pieces as the sampler has; or with ``together`` of one, of which all are particles."""
    n, config = sampler.pieces, sampler.config
    rows = np.zeros((n, *sheet.given.shape[:2], 2), dtype=np.uint8)
    population = Population(rows, np.repeat(sheet.given[None], n, axis=0), sampler.initial_state(), [Guards(sheet.bar_steps) for _ in range(n)], np.zeros(n))  # fmt: skip
    clock = clock_rows(config, sheet.meter, 0, sheet.n_steps, sheet.n_steps, sheet.told_tonic, sheet.plan.kinds)
    n_begun = sheet.n_begun
    for step in range(sheet.n_steps):
        bar, place = divmod(step, sheet.bar_steps)
        if place == 0:
            _give_repeats(population, sheet, bar, hints=config.n_memories > 0)
            if together and sheet.is_final(bar):
                _give_tonic(population, sheet, bar, config.pitch_low)
        surprise = _written(sampler, sheet, population, clock[step], step, seed, voices, forced=step < n_begun)
        if together:
            population.weights -= surprise
            if place == sheet.bar_steps - 1:
                population.weights += _endings(population.rows, sheet, bar, config.pitch_low)
            elif sheet.is_final(bar):  # which end is good is known at its end
                report(1)
                continue
            picks = _picks(population.weights, seed, voices[0], step, last=step == sheet.n_steps - 1)
            if picks is not None:
                population = population.drawn_anew(sampler, picks)
        report(1 if together else n)
    return population.rows[:1] if together else population.rows


def _written(
    sampler: Sampler, sheet: Sheet, population: Population, clock: np.ndarray, step: int, seed: int, voices: Sequence[int],
    *, forced: bool,
) -> np.ndarray:  # fmt: skip
    """Write a step of every particle; how surprising its given notes are, [v]."""
    given = population.given[:, step]
    around = _around(sampler, sheet, population, step)
    if forced:
        population.rows[:, step] = given[..., 1:]
        population.state = sampler.force(population.state, clock, given[..., 1:], around)
        return np.zeros(sampler.pieces)
    choices = sheet.choices if sheet.allowed is None else replace(sheet.choices, allowed=sheet.allowed[step])
    every = [guard.correct(choices) for guard in population.guards]
    if step == 0 and not given.any():
        rows, state, surprise = *_first(sampler, clock, every, seed, voices, around), np.zeros(sampler.pieces)
    else:
        rows, state, surprise = sampler.draw_around(population.state, clock, every, seed, voices, around)
    population.rows[:, step], population.state = rows, state
    for guard, piece in zip(population.guards, population.rows, strict=True):
        guard.watch(piece[: step + 1])
    return surprise


def _first(
    sampler: Sampler, clock: np.ndarray, choices: Sequence[Choices], seed: int, voices: Sequence[int], around: Around
) -> tuple[np.ndarray, State]:
    """The first step given that something sounds, by drawing until it does (each time from voices of its own)."""
    state = sampler.initial_state()
    rows = np.zeros_like(state.previous)
    for attempt in range(FIRST_ATTEMPTS):
        others = [voice + (attempt << 32) for voice in voices]
        drawn, state = sampler.draw(sampler.initial_state(), clock, choices, seed, others, around)
        silent = ~rows.any(axis=(1, 2))
        rows[silent] = drawn[silent]
        if rows.any(axis=(1, 2)).all():
            break
    return rows, replace(state, previous=rows)


def _around(sampler: Sampler, sheet: Sheet, population: Population, step: int) -> Around:
    config = sampler.config
    memory = None
    if config.n_memories:
        pieces = [memories(rows, config, sheet.bar_steps, sheet.plan, step, 1)[0] for rows in population.rows]
        memory = np.ascontiguousarray(pieces)
    ahead = None if sheet.ahead is None else np.repeat(sheet.ahead[None, step], sampler.pieces, axis=0)
    return Around(memory, ahead, population.given[:, step])


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


def _give_tonic(population: Population, sheet: Sheet, bar: int, pitch_low: int) -> None:
    """Half of the particles of a melody are given the tonic that is nearest to what they last sang, for its last strong step.

    How surprising they find it is weighed as ever; so a melody ends there even where no particle would have gone there by itself.
    """
    here = slice(bar * sheet.bar_steps, (bar + 1) * sheet.bar_steps)
    tonics = np.flatnonzero((np.arange(population.rows.shape[2]) + pitch_low) % 12 == sheet.tonic)
    tonics = tonics[sheet.choices.allowed[tonics] > 0]
    if sheet.parts > 1 or not len(tonics):
        return
    for given, rows in list(zip(population.given, population.rows, strict=True))[::2]:
        if not given[here, :, 0].all():
            sung = np.flatnonzero(rows[: here.start, :, 0].any(axis=1))
            last = int(rows[sung[-1], :, 0].argmax()) if len(sung) else int(np.median(tonics))
            nearest = int(tonics[np.abs(tonics - last).argmin()])
            end = here.start + max(cadence.strong_steps(sheet.meter))
            given[end : here.stop] = (1, 0, 0)
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
