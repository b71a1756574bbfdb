"""Rules of four-part writing: the chance with which a drawn step is taken; others are drawn again (rejection sampling).

The network's distribution is what remains of it under the rules, step by step; nothing else of it is changed. An ensemble's
``accepted`` holds the chances, one for each rule that a step breaks; they are multiplied. A rule that it has no chance for does not hold.

Parts are MIDI numbers [4], soprano first, `SILENT` where nothing sounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np

from orchestrion.composer.cadence import is_triad
from orchestrion.composer.voices import CHOIR, SILENT, FourParts

FIFTH, OCTAVE, WIDEST_LEAP = 7, 0, 12
CONSONANT = frozenset({0, 3, 4, 7, 8, 9})
"""Intervals above the bass, modulo an octave; a fourth is none."""
ATTEMPTS = 24
"""Draws of one step at most; then the one that was most likely to be taken is."""


@dataclass(frozen=True)
class Moment:
    """What stands at a step: whether it is a beat, whether the final chord stands from here on, and the tonic (None: not known)."""

    on_beat: bool
    ends: bool = False
    tonic: int | None = None


def acceptance(now: Sequence[int], before: Sequence[int], moment: Moment, ensemble: FourParts = CHOIR, *, attacks: bool = True) -> float:
    """The chance that parts ``now`` are taken after ``before``: the product of the chances of the rules that they break.

    ``attacks``: whether any note begins.
    """
    broken, sounding = {}, [pitch for pitch in now if pitch != SILENT]
    if sounding and tuple(now) != tuple(before):
        broken["range"] = sum(not low <= pitch <= high for pitch, (low, high) in zip(now, ensemble.ranges, strict=True))
        if SILENT not in before:
            broken["fifths"], broken["octaves"] = n_parallels(now, before, FIFTH), n_parallels(now, before, OCTAVE)
            broken["leap"] = sum(abs(a - b) > WIDEST_LEAP for a, b in zip(now, before, strict=True))
            broken["unresolved"] = n_unresolved(now, before, moment.tonic)
    broken["dissonance"] = bool(sounding) and moment.on_beat and not is_consonant(sounding)
    broken["ending"] = moment.ends and not (sounding and is_final(sounding, moment.tonic) and (moment.on_beat or not attacks))
    return prod(ensemble.accepted.get(rule, 1.0) ** times for rule, times in broken.items())


def is_final(chord: Sequence[int], tonic: int | None) -> bool:
    """Whether the notes are a triad in root position, the tonic's where it is known."""
    return is_triad(np.array(sorted(chord))) and tonic in (None, min(chord) % 12)


def n_parallels(now: Sequence[int], before: Sequence[int], interval: int) -> int:
    """Pairs of parts that both move and stay an ``interval`` apart (modulo octaves)."""
    return sum(
        now[i] != before[i] and now[j] != before[j] and before[i] != before[j]
        and (now[i] - now[j]) % 12 == (before[i] - before[j]) % 12 and (now[i] - now[j]) % 12 == interval
        for i, j in combinations(range(len(now)), 2)
    )  # fmt: skip


def n_unresolved(now: Sequence[int], before: Sequence[int], tonic: int | None) -> int:
    """Leading notes that do not rise to the tonic when the bass reaches it; 0 where no tonic is known."""
    if tonic is None or now[-1] % 12 != tonic:
        return 0
    return sum(b % 12 == (tonic - 1) % 12 and a - b != 1 for a, b in zip(now, before, strict=True))


def is_consonant(chord: Sequence[int]) -> bool:
    """Whether every note is consonant with the lowest."""
    bass = min(chord)
    return all((pitch - bass) % 12 in CONSONANT for pitch in chord)
