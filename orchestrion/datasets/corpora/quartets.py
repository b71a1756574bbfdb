"""Passages of string quartets, one line a player, for the corpus ``quartets``.

Few movements of quartets lie on the grid of sixteenths whole. So their passages are taken: bars that follow one another in
one meter, all notes on the grid, at least `SHORTEST_BARS` of them, cut at repeat signs and into equal pieces of at most
`LONGEST_BARS`. Bars that are shorter than their meter belong to them where they are pickups, or complete them at an end. Of double
stops the highest note is kept, the cello's lowest. The key signature is the one whose scale holds most of the passage.

Passages of one work share themes, so whole works are held out (`split_of`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np

from orchestrion.datasets.corpora.piece import CorpusPiece, GridNote
from orchestrion.reading.unfolding import printed_notes
from orchestrion.reading.written import Bar, Written
from orchestrion.score import N_PITCHES
from orchestrion.score.keys import estimated_sharps

STEPS_PER_QUARTER = 4
SHORTEST_BARS, LONGEST_BARS = 8, 64
N_PLAYERS = 4
HELD_OUT = {
    "mozart-k156": "validation", "beethoven-opus18no5": "validation",
    "mozart-k155": "test", "beethoven-opus18no4": "test",
}  # fmt: skip
"""Works that are not for training, about a tenth of all steps each."""

_Note = tuple[Fraction, Fraction, int]


def split_of(passage: CorpusPiece) -> str:
    """``train``, ``validation`` or ``test``, by the work that the passage's name begins with."""
    return HELD_OUT.get(re.split("[/:]", passage.name)[0], "train")


def passages(written: Written, name: str) -> Iterator[CorpusPiece]:
    """The passages of a movement, or of a work whose movements are one file; ``name`` begins with the work."""
    starts = [start * STEPS_PER_QUARTER for start in accumulate((bar.length for bar in written.bars), initial=Fraction(0))]
    notes = [note for part in range(N_PLAYERS) for note in player_line(printed_notes(written, part), lowest=part == N_PLAYERS - 1)]
    for first, stop in _runs(written.bars, _on_the_grid(starts, notes)):
        begin, end, meter = int(starts[first]), int(starts[stop]), written.bars[first].meter
        assert meter is not None  # else it would not be whole, nor a pickup
        silent = meter[0] * 16 // meter[1] - int(starts[first + 1] - starts[first])  # before a pickup, up to a bar
        inside = sorted(
            (max(int(onset), begin) - begin + silent, min(int(offset), end) - begin + silent, pitch)
            for onset, offset, pitch in notes
            if onset < end and begin < offset
        )
        if inside:
            ends = _ends(written.bars, stop)
            yield CorpusPiece(f"{name}:{first + 1}", tuple(inside), meter, _sharps(inside), n_steps=end - begin + silent, ends=ends)


def player_line(notes: Sequence[_Note], *, lowest: bool) -> list[_Note]:
    """One note at a time, in steps: the highest or the lowest of those that begin together, until the next begins."""
    chosen: dict[Fraction, _Note] = {}
    for onset, offset, pitch in sorted(notes, key=lambda note: note[2], reverse=lowest):
        chosen[onset] = (onset * STEPS_PER_QUARTER, offset * STEPS_PER_QUARTER, pitch)
    line = [chosen[onset] for onset in sorted(chosen)]
    following = [onset for onset, _, _ in line[1:]]
    return [(on, min(off, then), pitch) for (on, off, pitch), then in zip(line, [*following, line[-1][1]], strict=True)] if line else []


def _on_the_grid(starts: Sequence[Fraction], notes: Sequence[_Note]) -> list[bool]:
    """Of each bar, whether it begins and ends on the grid, and every note that begins or ends in it does."""
    edges = np.array([float(start) for start in starts])
    fits = [a.denominator == b.denominator == 1 for a, b in pairwise(starts)]
    for edge in (edge for onset, offset, _ in notes for edge in (onset, offset) if edge.denominator != 1):
        fits[int(np.searchsorted(edges, float(edge), side="right")) - 1] = False
    return fits


def _runs(bars: Sequence[Bar], fits: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The first bar and that after the last of every passage."""
    whole = [fit and _is_whole(bar) for bar, fit in zip(bars, fits, strict=True)]
    first = 0
    for stop in range(1, len(bars) + 1):
        if stop < len(bars) and whole[stop - 1] and whole[stop] and _goes_on(bars[stop - 1], bars[stop]):
            continue
        if stop - first >= SHORTEST_BARS:
            cuts = np.linspace(first, stop, -(-(stop - first) // LONGEST_BARS) + 1).astype(int).tolist()
            if first and fits[first - 1] and _is_short(bars[first - 1], bars[first]) and (first == 1 or _ends(bars, first - 1)):
                cuts[0] -= 1  # a pickup
            if stop < len(bars) and fits[stop] and _is_short(bars[stop], bars[stop - 1]) and _ends(bars, stop + 1):
                cuts[-1] += 1  # what completes it
            yield from pairwise(cuts)
        first = stop


def _is_whole(bar: Bar) -> bool:
    return bar.meter is not None and bar.length == Fraction(4 * bar.meter[0], bar.meter[1])


def _is_short(bar: Bar, neighbour: Bar) -> bool:
    return bar.meter is not None and bar.meter == neighbour.meter and 0 < bar.length < Fraction(4 * bar.meter[0], bar.meter[1])


def _goes_on(before: Bar, bar: Bar) -> bool:
    return before.meter == bar.meter and not (before.marks.repeat_end or bar.marks.repeat_start)


def _ends(bars: Sequence[Bar], stop: int) -> bool:
    """Whether something ends before the bar ``stop``: the movement, or what a sign repeats."""
    return stop == len(bars) or bars[stop - 1].marks.repeat_end > 0


def _sharps(notes: Sequence[GridNote]) -> int:
    durations = np.zeros(N_PITCHES)
    for onset, offset, pitch in notes:
        durations[pitch] += offset - onset
    return estimated_sharps(durations)
