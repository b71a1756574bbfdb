"""Chord symbols, bar by bar: ``| C | Am | F G7 | C |``."""

from __future__ import annotations

import re

from orchestrion.errors import OrchestrionError
from orchestrion.score.keys import ACCIDENTALS
from orchestrion.score.notes import NATURALS

MOST_BARS, MOST_IN_A_BAR = 10_000, 4
SYMBOL = re.compile(r"([A-G])(#|b|♯|♭)?([a-z0-9+°ø#]*)(?:/([A-G])(#|b|♯|♭)?)?", flags=re.IGNORECASE)
# Semitones above the root, by what follows it.
QUALITIES = {
    "": (0, 4, 7), "maj": (0, 4, 7), "m": (0, 3, 7), "min": (0, 3, 7), "dim": (0, 3, 6), "°": (0, 3, 6), "aug": (0, 4, 8), "+": (0, 4, 8),
    "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10), "min7": (0, 3, 7, 10), "m7b5": (0, 3, 6, 10), "ø": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9), "°7": (0, 3, 6, 9), "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "sus4": (0, 5, 7), "sus2": (0, 2, 7), "5": (0, 7),
    "9": (0, 4, 7, 10, 2), "add9": (0, 4, 7, 2), "7sus4": (0, 5, 7, 10),
}  # fmt: skip


def parse_chords(text: str) -> tuple[tuple[frozenset[int], ...], ...]:
    """Pitch classes of the chords of each bar, which share it equally.

    >>> [[sorted(chord) for chord in bar] for bar in parse_chords("| C | F G7 |")]
    [[[0, 4, 7]], [[0, 5, 9], [2, 5, 7, 11]]]

    Raises:
        OrchestrionError: no chord, an unknown one, or too many.
    """
    bars = [bar.split() for bar in text.strip().strip("|").split("|")]
    if not all(bars) or len(bars) > MOST_BARS:
        raise OrchestrionError("Write chords bar by bar, at least one in each, such as '| C | Am | F G7 | C |'.")
    if max(map(len, bars)) > MOST_IN_A_BAR:
        raise OrchestrionError(f"A bar has room for {MOST_IN_A_BAR} chords, not {max(map(len, bars))}.")
    return tuple(tuple(_classes(symbol) for symbol in bar) for bar in bars)


def _classes(symbol: str) -> frozenset[int]:
    match = SYMBOL.fullmatch(symbol)
    quality = match[3] if match else None
    known = quality if quality in QUALITIES else (quality or "").lower()
    if match is None or known not in QUALITIES:
        raise OrchestrionError(f"{symbol[:20]!r} is not a chord that is known here; write for example C, Am, G7, F#m7b5 or Bbmaj7.")
    root = _pitch_class(match[1], match[2])
    bass = {_pitch_class(match[4], match[5])} if match[4] else set()
    return frozenset({(root + above) % 12 for above in QUALITIES[known]} | bass)


def _pitch_class(letter: str, accidental: str | None) -> int:
    return (NATURALS[letter.upper()] + ACCIDENTALS[accidental]) % 12
