"""Data tokens and bar lines of ``**kern``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from orchestrion.errors import OrchestrionError

SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
MIDDLE_C = 60
RHYTHM = re.compile(r"(\d{1,4})(?:%(\d{1,4}))?(\.{0,6})")
PITCH = re.compile(r"([A-Ga-g])\1{0,9}")
ALTERATION = re.compile(r"(#{1,3}|-{1,3})")
REPEAT = re.compile(r"(:?)[|!]+(:?)")


@dataclass(frozen=True, slots=True)
class KernNote:
    """A note of a token; ``duration`` in quarters, None where it has no rhythm of its own."""

    pitch: int | None
    duration: Fraction | None
    tie: bool
    tied: bool
    is_grace: bool


def parse_token(token: str) -> list[KernNote]:
    """The notes of a chord, or the rest, in a data token; nothing for a token without either.

    Raises:
        OrchestrionError: a rhythm that no clock can count.
    """
    heads = [_parse_note(text) for text in token.split(" ") if text and text != "."]
    return [head for head in heads if head is not None]


def _parse_note(text: str) -> KernNote | None:
    rhythm = RHYTHM.search(text)
    is_grace = "q" in text or "Q" in text
    duration = None if is_grace or rhythm is None else _duration(rhythm)
    if "r" in text:
        return KernNote(None, duration, False, False, is_grace)
    letters = PITCH.search(text)
    if letters is None:
        return None
    letter, count = letters[1], len(letters[0])
    octave = count - 1 if letter.islower() else -count
    signs = ALTERATION.match(text, letters.end())
    alteration = 0 if signs is None else len(signs[0]) * (1 if signs[0][0] == "#" else -1)
    pitch = MIDDLE_C + SEMITONES[letter.lower()] + 12 * octave + alteration
    return KernNote(pitch, duration, "[" in text or "_" in text, "]" in text or "_" in text, is_grace)


def _duration(rhythm: re.Match[str]) -> Fraction:
    """Reciprocal note values: 4 a quarter, 0 a breve, 00 a long, ``3%2`` two thirds of a whole, each dot half more."""
    digits, denominator, dots = rhythm.groups()
    if not digits.strip("0"):
        value = Fraction(4 * 2 ** len(digits))
    else:
        value = Fraction(4 * int(denominator or 1), int(digits))
    if not value:
        raise OrchestrionError(f"the rhythm {rhythm[0]!r} lasts no time")
    return value * (2 - Fraction(1, 2 ** len(dots)))


def parse_barline(token: str) -> tuple[bool, bool]:
    """Whether a repeat ends before the bar line, and whether one begins after it.

    >>> parse_barline("=3:|!|:"), parse_barline("=1!|:"), parse_barline("==:|!"), parse_barline("=2")
    ((True, True), (False, True), (True, False), (False, False))
    """
    found = REPEAT.search(token)
    return (bool(found[1]), bool(found[2])) if found else (False, False)
