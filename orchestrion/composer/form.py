"""The form of a piece: which bars repeat which earlier bars, exactly or varied.

A plan says of every bar what the network is told when it writes it: nothing, that the bar is new, or that it is a varied or
an exact repeat of an earlier one, whose roll it then hears. Plans are read off pieces (`plan_of`), made from sections
(``AABA``, `plan_of_sections`), or taken from a piece of the corpus (``auto``; the weights' file has some, see `drawn_plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.values import sections

UNTOLD, NEW, VARIED, EXACT = range(4)
LIKE = 0.5  # share of a bar's steps that are equal in a varied repeat
SECTION_BARS = 4
AUTO, FREE = "auto", "free"


@dataclass(frozen=True)
class Plan:
    """``kinds`` [bars] of ``UNTOLD``, ``NEW``, ``VARIED``, ``EXACT``; ``sources`` [bars], the bar that each refers to (-1: none).

    ``ends``: bars that end a section. ``copied``: bars that are to be the same as their source without asking the network.
    ``final``: bars that end as the piece does, since the piece ends with their section.
    """

    kinds: np.ndarray
    sources: np.ndarray
    ends: frozenset[int] = frozenset()
    copied: frozenset[int] = frozenset()
    final: frozenset[int] = frozenset()

    @property
    def n_bars(self) -> int:
        return len(self.kinds)

    def after(self, n_bars: int) -> Plan:
        """The plan of a piece of which ``n_bars`` bars stand before this one, of which nothing is said."""
        kinds = np.concatenate([np.full(n_bars, UNTOLD), self.kinds])
        sources = np.concatenate([np.full(n_bars, -1), np.where(self.sources >= 0, self.sources + n_bars, -1)])
        ends, copied, final = (frozenset(bar + n_bars for bar in bars) for bars in (self.ends, self.copied, self.final))
        return Plan(kinds, sources, ends, copied, final)

    def told(self, bar: int, kind: int, source: int) -> Plan:
        """This plan with another word on one bar."""
        kinds, sources = self.kinds.copy(), self.sources.copy()
        kinds[bar], sources[bar] = kind, source
        return replace(self, kinds=kinds, sources=sources)

    def source_steps(self, bar_steps: int, first: int, n_steps: int) -> np.ndarray:
        """The step that each of the steps ``first`` … refers to, -1 for none."""
        steps = np.arange(first, first + n_steps)
        source = self.sources[np.minimum(steps // bar_steps, self.n_bars - 1)]
        return np.where(source >= 0, source * bar_steps + steps % bar_steps, -1)


def untold(n_bars: int) -> Plan:
    """Nothing is said of any bar."""
    return Plan(np.full(n_bars, UNTOLD), np.full(n_bars, -1))


def plan_of(grid: np.ndarray, bar_steps: int) -> Plan:
    """The plan of a piece [s, p, 2]: each bar refers to the earlier one that is most like it, if half of its steps are equal.

    Of equally similar ones, that as far back as for the bar before counts, then that of 4, 8, 12 … bars ago: repeats of
    sections, rather than of single bars.
    """
    n_bars = max(1, -(-len(grid) // bar_steps))
    padded = np.pad(grid, ((0, n_bars * bar_steps - len(grid)), (0, 0), (0, 0)))
    bars = padded.reshape(n_bars, bar_steps, -1) > 0
    kinds, sources, lag = np.full(n_bars, NEW), np.full(n_bars, -1), 0
    for bar in range(n_bars):
        if not bars[bar].any() or not bar:
            continue
        lags = bar - np.arange(bar)
        alike = (bars[:bar] == bars[bar]).all(axis=2).mean(axis=1) * bars[:bar].any(axis=(1, 2))
        best = int(np.argmax(alike + 0.1 * (lags == lag) + 0.05 * (lags % SECTION_BARS == 0)))
        if alike[best] >= LIKE:
            kinds[bar], sources[bar], lag = EXACT if alike[best] == 1 else VARIED, best, bar - best
    return Plan(kinds, sources)


def packed(plan: Plan) -> list[list[int]]:
    """A plan for JSON: [kind, bars back] a bar."""
    return [
        [int(kind), int(bar - source) if source >= 0 else 0]
        for bar, (kind, source) in enumerate(zip(plan.kinds, plan.sources, strict=True))
    ]


def checked_plans(plans: object) -> list[list[list[int]]]:
    """The plans of a weights file.

    Raises:
        OrchestrionError: it has none, or others than `packed` makes.
    """
    if not isinstance(plans, list) or not plans:
        raise OrchestrionError("This composer has learnt no forms; write sections, such as AABA, or free.")
    for plan in plans:
        if not isinstance(plan, list) or not plan or not all(_is_packed(pair, bar) for bar, pair in enumerate(plan)):
            raise OrchestrionError("This composer's forms are damaged; train it again, or ask for the form free.")
    return plans


def checked_pickups(learnt: object, meter: tuple[int, int]) -> np.ndarray:
    """How many pieces in ``meter`` have a pickup of 0, 1, … sixteenths; all have none where the meter was not learnt."""
    counts = learnt.get(f"{meter[0]}/{meter[1]}") if isinstance(learnt, dict) else None
    if counts is None:
        return np.array([1.0])
    fits = isinstance(counts, list) and len(counts) <= meter[0] * 16 // meter[1] and all(type(n) is int and n >= 0 for n in counts)
    if not fits or not sum(counts):
        raise OrchestrionError("This composer's pickups are damaged; train it again, or ask for a pickup of 0.")
    return np.array(counts, dtype=float)


def _is_packed(pair: object, bar: int) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and pair[0] in (NEW, VARIED, EXACT) and type(pair[1]) is int and 0 <= pair[1] <= bar


def variations(theme_bars: int, count: int) -> Plan:
    """A theme, of which nothing is said, and ``count`` variations of it, bar by bar."""
    whole = np.arange(theme_bars)
    kinds = np.concatenate([np.full(theme_bars, UNTOLD), np.full(theme_bars * count, VARIED)])
    sources = np.concatenate([np.full(theme_bars, -1), np.tile(whole, count)])
    ends = frozenset((i + 2) * theme_bars - 1 for i in range(count))
    return Plan(kinds, sources, ends=ends, final=ends)


def drawn_plan(plans: Sequence[Sequence[Sequence[int]]], n_bars: int, rng: np.random.Generator) -> Plan:
    """One of ``plans`` (`packed`), of those nearest to ``n_bars`` long; a shorter one goes on with repeats of its sections."""
    if not plans:
        return untold(n_bars)
    distance = np.array([abs(len(plan) - n_bars) for plan in plans])
    nearest = np.flatnonzero(distance == distance.min())
    rows = list(plans[int(rng.choice(nearest))])
    length = len(rows)
    while len(rows) < n_bars:
        rows.append([VARIED, length])
    kinds, back = np.array(rows[:n_bars]).T
    sources = np.where(back > 0, np.arange(n_bars) - back, -1)
    copied = frozenset(np.flatnonzero(kinds == EXACT).tolist())
    # How phrases inside end is left to the network: of real tunes' fourth bars hardly more than of others come to rest.
    plan = Plan(kinds, np.maximum(sources, -1), ends=frozenset({n_bars - 1}), copied=copied)
    source = int(plan.sources[-1])
    if plan.kinds[-1] != EXACT or source < 0:
        return plan
    return replace(plan, final=frozenset({source}))  # the last bar will be its copy


def plan_of_sections(form: str, n_bars: int, rng: np.random.Generator) -> Plan:
    """Sections of equal length; the same letter is the same music, and with another number of primes a variation of it.

    Half of a variation's bars, and its last, are to be varied; the others are like their source unless the network thinks better.

    Raises:
        OrchestrionError: not a form, or ``n_bars`` is no multiple of its sections.
    """
    named = sections(form)
    each = n_bars // len(named)
    if each * len(named) != n_bars or not each:
        raise OrchestrionError(
            f"{n_bars} bars cannot be divided into the {len(named)} sections of {form}; ask for "
            f"{max(1, each) * len(named)} or {(each + 1) * len(named)}."
        )
    kinds, sources, copied = np.full(n_bars, NEW), np.full(n_bars, -1), set()
    first: dict[str, int] = {}
    written: dict[tuple[str, int], int] = {}
    for index, (letter, primes) in enumerate(named):
        bars = np.arange(index * each, (index + 1) * each)
        if (letter, primes) in written:
            sources[bars] = written[letter, primes] * each + np.arange(each)
            kinds[bars] = EXACT
            copied |= set(bars.tolist())
        elif letter in first:
            sources[bars] = first[letter] * each + np.arange(each)
            kinds[bars] = np.where(rng.random(each) < 0.5, VARIED, EXACT)
            kinds[bars[-1]] = VARIED
        first.setdefault(letter, index)
        written.setdefault((letter, primes), index)
    last = written[named[-1]]
    return Plan(
        kinds, sources, ends=frozenset(range(each - 1, n_bars, each)), copied=frozenset(copied),
        final=frozenset({(last + 1) * each - 1, n_bars - 1}),
    )  # fmt: skip
