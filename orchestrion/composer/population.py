"""What is known of a piece before it is written, and the versions of it that are being written (`writing`)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.composer import cadence, voices
from orchestrion.composer.form import Plan
from orchestrion.composer.guards import Guards
from orchestrion.composer.pace import Pace
from orchestrion.composer.partwriting import Moment
from orchestrion.composer.recall import Recall
from orchestrion.composer.sampler import Choices, Sampler, State
from orchestrion.composer.steps import OnSteps

STEPS_PER_BEAT = 4


@dataclass(frozen=True)
class Sheet(OnSteps):
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
        ensemble: whose rules of part-writing (`partwriting`) hold: steps that break one are drawn again; None for no rules.
        shift: semitones from the model's pitches to those that sound.
        density: attacks a quarter; None for the network's own.
        has_lead: whether the first bar is one before the piece, silent but for a pickup.
        recall: which open bars may repeat bars that are given after them; None for none.
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
    ensemble: voices.FourParts | None = None
    shift: int = 0
    density: float | None = None
    has_lead: bool = False
    recall: Recall | None = None

    @property
    def n_bars(self) -> int:
        """Bars, the last one perhaps not whole."""
        return -(-self.n_steps // self.bar_steps)

    def is_final(self, bar: int) -> bool:
        """Whether the bar is the last one, or one that the last one copies."""
        return bar == self.n_bars - 1 or bar in self.plan.final

    def last_strong_step(self, bar: int) -> int:
        """The step in which the last chord of a piece begins that ends in ``bar``."""
        return bar * self.bar_steps + max(cadence.strong_steps(self.meter))

    def moment(self, step: int) -> Moment:
        """What stands at a step of a piece that is written under rules; one without a form may end as it likes."""
        bar, place = divmod(step, self.bar_steps)
        ends = bool(self.plan.ends) and self.is_final(bar) and step >= self.last_strong_step(bar)
        tonic = None if self.tonic is None else (self.tonic + self.shift) % 12
        return Moment(place % STEPS_PER_BEAT == 0, ends, tonic)

    @property
    def n_begun(self) -> int:
        """Steps at the beginning of which every note is given."""
        open_steps = np.flatnonzero((self.given[..., 0] == 0).any(axis=1))
        return int(open_steps[0]) if len(open_steps) else self.n_steps


@dataclass
class Population:
    """Particles, each a version of the piece.

    Attributes:
        rows: [v, s, p, 2], written so far, and what is given later.
        given: [v, s, p, 3], what is given to each.
        state: the sampler's.
        guards, paces: one each.
        parts: [v, 4], MIDI numbers of the last chord as four parts (`voices.placed`).
        weights: [v], logarithms.
        plans: one each: the sheet's, but for bars that repeat bars given after them.
    """

    rows: np.ndarray
    given: np.ndarray
    state: State
    guards: list[Guards]
    paces: list[Pace]
    parts: np.ndarray
    weights: np.ndarray
    plans: list[Plan]

    @classmethod
    def of(cls, sampler: Sampler, sheet: Sheet) -> Population:
        """As many as the sampler has pieces, nothing written."""
        n = sampler.pieces
        return cls(
            rows=np.repeat(sheet.given[None, ..., 1:], n, axis=0),
            given=np.repeat(sheet.given[None], n, axis=0),
            state=sampler.initial_state(),
            guards=[Guards(sheet.bar_steps) for _ in range(n)],
            paces=[Pace(sheet.density) for _ in range(n)],
            parts=np.full((n, voices.N_PARTS), voices.SILENT),
            weights=np.zeros(n),
            plans=[sheet.plan] * n,
        )

    def choices(self, choices: Choices) -> list[Choices]:
        """For the next step of each, as its guard and its pace correct them."""
        corrected = [guard.correct(choices) for guard in self.guards]
        return [replace(each, urge=pace.urge) for each, pace in zip(corrected, self.paces, strict=True)]

    def take(self, step: int, rows: np.ndarray, state: State) -> None:
        """``rows`` [v, p, 2] are what was written in ``step``."""
        self.rows[:, step], self.state = rows, state
        for guard, pace, piece, given in zip(self.guards, self.paces, self.rows, self.given, strict=True):
            guard.watch(piece[: step + 1], given=bool(given[step, :, 0].all()))
            pace.watch(piece[step])

    def drawn_anew(self, sampler: Sampler, picks: np.ndarray) -> Population:
        """Particle i becomes a copy of ``picks[i]``, all weights alike."""
        return Population(
            self.rows[picks], self.given[picks], sampler.picked(self.state, picks), [copy.copy(self.guards[i]) for i in picks],
            [copy.copy(self.paces[i]) for i in picks], self.parts[picks], np.zeros(len(picks)),
            [self.plans[i] for i in picks],
        )  # fmt: skip
