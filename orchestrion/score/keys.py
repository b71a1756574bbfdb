"""Keys, their scales and pitch classes: read from text, and estimated from what sounds."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.score.notes import NATURALS

MAJOR = (0, 2, 4, 5, 7, 9, 11)
"""Semitones of the major scale above its tonic."""
NATURAL_MINOR = (0, 2, 3, 5, 7, 8, 10)

KEY = re.compile(r"\s*([A-Ga-g])\s*(#|b|♯|♭|-sharp|-flat)?\s*(.*?)\s*", flags=re.IGNORECASE)
ACCIDENTALS = {None: 0, "#": 1, "♯": 1, "-sharp": 1, "b": -1, "♭": -1, "-flat": -1}
# Degree of the major scale on which the mode begins, in semitones.
MODES = {"": 0, "major": 0, "maj": 0, "ionian": 0, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "minor": 9,
         "min": 9, "m": 9, "aeolian": 9, "locrian": 11}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """A scale of seven pitch classes: its ``tonic``, and the ``signature``: the tonic of the major key of the same notes."""

    tonic: int
    signature: int

    @property
    def classes(self) -> frozenset[int]:
        """Pitch classes of the scale, 0 (C) to 11 (B)."""
        return frozenset((self.signature + step) % 12 for step in MAJOR)


def parse_key(text: str) -> Key:
    """``"D major"``, ``"A minor"``, ``"F# m"``, ``"G dorian"`` → its scale (natural minor).

    >>> sorted(parse_key("A minor").classes) == sorted(parse_key("C major").classes)
    True

    Raises:
        OrchestrionError: no such key.
    """
    match = KEY.fullmatch(text)
    mode = match[3].lower() if match else ""
    if match is None or mode not in MODES:
        raise OrchestrionError(f"{text!r} is not a key; write for example 'D major', 'A minor' or 'G dorian'.")
    accidental = match[2].lower() if match[2] else None
    tonic = (NATURALS[match[1].upper()] + ACCIDENTALS[accidental]) % 12
    return Key(tonic, (tonic - MODES[mode]) % 12)


def pitch_classes(values: np.ndarray) -> np.ndarray:
    """Sums over octaves: [..., p] of neighbouring pitches → [..., 12]; the class of the first pitch comes first."""
    padding = [(0, 0)] * (values.ndim - 1) + [(0, -values.shape[-1] % 12)]
    result: np.ndarray = np.pad(values, padding).reshape(*values.shape[:-1], -1, 12).sum(axis=-2)
    return result


def estimated_sharps(durations: np.ndarray) -> int:
    """The key signature (-5 … 6 sharps) whose scale holds most of ``durations`` [128], how long each pitch sounds.

    Ties go to the fewest accidentals, sharps before flats. ``estimated_sharps(d) * 7 % 12`` is the tonic of the major key.
    """
    classes = pitch_classes(durations)
    inside = {sharps: classes[(np.array(MAJOR) + sharps * 7) % 12].sum() for sharps in range(-5, 7)}
    return max(inside, key=lambda sharps: (inside[sharps], -abs(sharps), sharps))
