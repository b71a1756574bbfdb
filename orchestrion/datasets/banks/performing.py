"""Performs written tunes: draws a tempo, a dynamic line over every phrase, and legato or slightly detached notes.

Tunes (`CorpusPiece`) count in sixteenths; performances count in frames of 4 ms (`exercises`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from orchestrion.datasets.banks.exercises import FRAMES_PER_SECOND, PhraseNote, frames
from orchestrion.datasets.corpora.piece import CorpusPiece, GridNote
from orchestrion.score.keys import MAJOR

SLOWEST_BPM, FASTEST_BPM = 70.0, 160.0
QUIETEST, LOUDEST = 50, 110
LONGEST_GAP_S = 0.06
SHORTEST_S = 0.06
PHRASE_BARS = 4

# Degrees of the major scale that carry a chord, each with what it is worth besides the melody notes it holds.
TRIADS = {0: 0.4, 7: 0.3, 5: 0.15, 9: 0.05, 2: 0.0}


def perform(notes: Iterable[GridNote], steps_per_bar: int, longest_s: float, rng: np.random.Generator) -> list[PhraseNote]:
    """Play ``notes`` (onset, offset in steps; pitch) for at most ``longest_s`` seconds.

    Notes struck together are about equally loud; each voice ends before its pitch is struck again.
    """
    ordered = sorted(notes)
    step_s = 15.0 / rng.uniform(SLOWEST_BPM, FASTEST_BPM) * (2.0 if _runs(ordered) and rng.random() < 0.35 else 1.0)
    begin = ordered[0][0]
    ordered = [note for note in ordered if (note[1] - begin) * step_s <= longest_s]
    last = max(offset for _, offset, _ in ordered)
    loudness = _loudness(begin, last, steps_per_bar, rng)
    gap_s = rng.uniform(0.0, LONGEST_GAP_S) if rng.random() < 0.6 else 0.0
    played = []
    for onset, offset, pitch in ordered:
        first, end = _frame(onset - begin, step_s), _frame(offset - begin, step_s)
        held = max(end - first - round(gap_s * FRAMES_PER_SECOND), min(frames(SHORTEST_S), end - first))
        accent = 5 if onset % steps_per_bar == 0 else 0
        velocity = int(np.clip(loudness[onset - begin] + accent + rng.normal(0, 2), QUIETEST, LOUDEST))
        played.append(PhraseNote(first, first + held, pitch, velocity))
    return played


def skyline(notes: Iterable[GridNote]) -> list[GridNote]:
    """The upper voice: notes above which nothing sounds when they begin, each cut where the next begins."""
    return _outer(notes, 1)


def ground(notes: Iterable[GridNote]) -> list[GridNote]:
    """The lower voice, see `skyline`."""
    return _outer(notes, -1)


def accompaniment(piece: CorpusPiece, melody: list[GridNote], manner: str) -> list[GridNote]:
    """A plain accompaniment below ``melody``: one chord of the key for every half bar, by the notes that it shares.

    Args:
        manner: ``bass`` (the root), ``octaves`` (root and fifth by turns), ``block`` (three notes), ``broken``.
    """
    length = piece.steps_per_bar // 2 if piece.steps_per_bar % 8 == 0 else piece.steps_per_bar
    begin, end = melody[0][0], max(offset for _, offset, _ in melody)
    starts = range(begin - begin % length, end, length)
    return [note for start in starts for note in MANNERS[manner](_chord(piece, melody, start, length), start, length)]


def _chord(piece: CorpusPiece, melody: list[GridNote], start: int, length: int) -> tuple[int, int, int]:
    """Root (pitch 36 to 47), third and fifth of the best chord."""
    tonic = piece.sharps * 7 % 12
    weight = np.zeros(12)
    for onset, offset, pitch in melody:
        weight[(pitch - tonic) % 12] += max(0, min(offset, start + length) - max(onset, start)) / length

    def worth(root: int) -> float:
        return TRIADS[root] + float(weight[[d % 12 for d in _triad(root)]].sum())

    degree = max(TRIADS, key=worth)
    root = 36 + (tonic + degree) % 12
    third, fifth = (d - degree for d in _triad(degree)[1:])
    return root, root + third, root + fifth


def _triad(degree: int) -> tuple[int, int, int]:
    third, fifth = (MAJOR.index(degree) + up for up in (2, 4))
    return degree, MAJOR[third % 7] + 12 * (third // 7), MAJOR[fifth % 7] + 12 * (fifth // 7)


def _bass(chord: tuple[int, int, int], start: int, length: int) -> list[GridNote]:
    return [(start, start + length, chord[0])]


def _octaves(chord: tuple[int, int, int], start: int, length: int) -> list[GridNote]:
    half = max(1, length // 2)
    return [(start, start + half, chord[0]), (start + half, start + length, chord[2])]


def _block(chord: tuple[int, int, int], start: int, length: int) -> list[GridNote]:
    return [(start, start + length, pitch + up) for pitch, up in zip(chord, (0, 12, 12), strict=True)]


def _broken(chord: tuple[int, int, int], start: int, length: int) -> list[GridNote]:
    part = max(1, length // 4)
    figure = (chord[0], chord[2], chord[1] + 12, chord[2])
    return [
        (start + i * part, start + (i + 1) * part, pitch) for i, pitch in enumerate(figure) if (i + 1) * part <= length
    ]


MANNERS = {"bass": _bass, "octaves": _octaves, "block": _block, "broken": _broken}


def _outer(notes: Iterable[GridNote], side: int) -> list[GridNote]:
    # Sorted so that of notes struck together the outermost comes first.
    kept: list[GridNote] = []
    sounding: list[GridNote] = []
    for note in sorted(notes, key=lambda note: (note[0], -side * note[2])):
        sounding = [other for other in sounding if other[1] > note[0]]
        if not any(other[2] * side >= note[2] * side for other in sounding):
            kept.append(note)
        sounding.append(note)
    ends = [min(note[1], after[0]) for note, after in pairwise(kept)] + [kept[-1][1]]
    return [(onset, end, pitch) for (onset, _, pitch), end in zip(kept, ends, strict=True) if end > onset]


def _runs(ordered: list[GridNote]) -> bool:
    """Whether a tune moves mostly in sixteenths, which can also be played half as fast."""
    return float(np.median([offset - onset for onset, offset, _ in ordered])) <= 1.0


def _frame(steps: int, step_s: float) -> int:
    return round(steps * step_s * FRAMES_PER_SECOND)


def _loudness(begin: int, last: int, steps_per_bar: int, rng: np.random.Generator) -> np.ndarray:
    """Velocity of every step: straight lines between levels drawn for each phrase of four bars."""
    phrase = PHRASE_BARS * steps_per_bar // 2
    corners = np.arange(0, last - begin + 2 * phrase, phrase)
    level = rng.uniform(QUIETEST + 8, LOUDEST - 8)
    levels = np.clip(level + rng.normal(0, 12, size=len(corners)), QUIETEST, LOUDEST)
    return np.interp(np.arange(last - begin + 1), corners, levels)
