"""Rules of four-part writing: the chance with which a drawn step is taken; others are drawn again (rejection sampling).

The network's distribution is what remains of it under the rules, step by step; nothing else of it is changed. `ACCEPTED` holds the
chances, one for each rule that a step breaks; they are multiplied. Rules against parallels, leaps and notes out of a part's range hold
nearly always in Bach's chorales; a dissonance on a beat is a suspension there, so it is only made rarer.

Parts are MIDI numbers [4], soprano first, `voices.SILENT` where nothing sounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from orchestrion.composer import voices
from orchestrion.composer.cadence import is_triad

FIFTH, OCTAVE, WIDEST_LEAP = 7, 0, 12
CONSONANT = frozenset({0, 3, 4, 7, 8, 9})
"""Intervals above the bass, modulo an octave; a fourth is none."""
LOWEST, HIGHEST = np.array(voices.RANGES).T
ACCEPTED = {"parallels": 0.01, "leap": 0.02, "range": 0.02, "dissonance": 0.15, "unresolved": 0.1, "ending": 1e-6}
ATTEMPTS = 24
"""Draws of one step at most; then the one that was most likely to be taken is."""


@dataclass(frozen=True)
class Moment:
    """What stands at a step: whether it is a beat, whether the final chord stands from here on, and the tonic (None: not known)."""

    on_beat: bool
    ends: bool = False
    tonic: int | None = None


def acceptance(now: Sequence[int], before: Sequence[int], moment: Moment, *, attacks: bool = True) -> float:
    """The chance that parts ``now`` are taken after ``before``: the product of `ACCEPTED` over the rules that they break.

    ``attacks``: whether any note begins.
    """
    chance, sounding = 1.0, [pitch for pitch in now if pitch != voices.SILENT]
    if sounding and tuple(now) != tuple(before):
        chance *= ACCEPTED["range"] ** sum(not low <= pitch <= high for pitch, low, high in zip(now, LOWEST, HIGHEST, strict=True))
        if voices.SILENT not in before:
            chance *= ACCEPTED["parallels"] ** n_parallels(now, before)
            chance *= ACCEPTED["leap"] ** sum(abs(a - b) > WIDEST_LEAP for a, b in zip(now, before, strict=True))
            chance *= ACCEPTED["unresolved"] ** n_unresolved(now, before, moment.tonic)
    if sounding and moment.on_beat and not is_consonant(sounding):
        chance *= ACCEPTED["dissonance"]
    if moment.ends and not (sounding and is_final(sounding, moment.tonic) and (moment.on_beat or not attacks)):
        chance *= ACCEPTED["ending"]
    return chance


def is_final(chord: Sequence[int], tonic: int | None) -> bool:
    """Whether the notes are a triad in root position, the tonic's where it is known."""
    return is_triad(np.array(sorted(chord))) and tonic in (None, min(chord) % 12)


def n_parallels(now: Sequence[int], before: Sequence[int]) -> int:
    """Pairs of parts that both move and stay a fifth or an octave apart (modulo octaves)."""
    return sum(
        now[i] != before[i] and now[j] != before[j] and before[i] != before[j]
        and (now[i] - now[j]) % 12 == (before[i] - before[j]) % 12 and (now[i] - now[j]) % 12 in (FIFTH, OCTAVE)
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
