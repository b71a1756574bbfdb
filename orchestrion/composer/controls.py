"""What may be asked of a composition: scale, range, polyphony, as masks over the notes.

Notes are decided one after the other from low to high, each with a chance that depends on those below. A note that is
not allowed has its chance set to zero before it is decided, so no draw is thrown away and what is forbidden never sounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from orchestrion.errors import OrchestrionError

KEY = re.compile(r"\s*([A-Ga-g])\s*(#|b|♯|♭|-sharp|-flat)?\s*(.*?)\s*", flags=re.IGNORECASE)
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {None: 0, "#": 1, "♯": 1, "-sharp": 1, "b": -1, "♭": -1, "-flat": -1}
# Degree of the major scale on which the mode begins, in semitones.
MODES = {"": 0, "major": 0, "maj": 0, "ionian": 0, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "minor": 9,
         "min": 9, "m": 9, "aeolian": 9, "locrian": 11}  # fmt: skip
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)


@dataclass(frozen=True)
class Key:
    """A scale of seven pitch classes: its ``tonic``, and the ``signature``: the tonic of the major key of the same notes."""

    tonic: int
    signature: int

    @property
    def classes(self) -> frozenset[int]:
        return frozenset((self.signature + step) % 12 for step in MAJOR_SCALE)


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
    tonic = (LETTERS[match[1].upper()] + ACCIDENTALS[accidental]) % 12
    return Key(tonic, (tonic - MODES[mode]) % 12)


def allowed_pitches(low: int, high: int, key: Key | None, pitch_range: tuple[int, int] | None) -> np.ndarray:
    """Which of the MIDI numbers ``low`` … ``high`` may sound: uint8 [p].

    Raises:
        OrchestrionError: none may.
    """
    pitches = np.arange(low, high + 1)
    allowed = np.ones(len(pitches), dtype=bool)
    if key is not None:
        allowed &= np.isin(pitches % 12, list(key.classes))
    if pitch_range is not None:
        if not 0 <= pitch_range[0] <= pitch_range[1] <= 127:
            raise OrchestrionError(
                f"A range of pitches is two MIDI numbers, low then high, within 0 to 127, not {pitch_range}."
            )
        allowed &= (pitches >= pitch_range[0]) & (pitches <= pitch_range[1])
    if not allowed.any():
        raise OrchestrionError(
            "No pitch is left: the range and the key have none in common with the model's own range."
        )
    return allowed.astype(np.uint8)
