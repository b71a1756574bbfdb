"""Four-part writing on one keyboard told apart: soprano, alto, tenor and bass.

Parts do not cross: of four notes the highest is the soprano's and so on. Where fewer sound, two parts share a note or one
rests; which, is what needs the smallest movement from the chord before.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from orchestrion.score import Note, Part

NAMES = ("Soprano", "Alto", "Tenor", "Bass")
PROGRAMS = (40, 40, 41, 42)  # violins, viola, cello: what plays them in a quartet
RANGES = ((59, 81), (53, 74), (47, 69), (36, 64))
"""Lowest and highest pitch of each part as choirs sing them."""
N_PARTS = len(NAMES)
MIDDLES = np.array([(low + high) // 2 for low, high in RANGES])
SILENT = -1


def assigned(rows: np.ndarray, pitch_low: int) -> np.ndarray:
    """MIDI numbers [s, 4] of soprano, alto, tenor and bass in each step of ``rows`` [s, p, 2]; `SILENT` where nothing sounds.

    Of more than four notes those in the middle that are too many are left out.
    """
    voices = np.full((len(rows), N_PARTS), SILENT)
    before = MIDDLES
    for step, row in enumerate(rows):
        chord = np.flatnonzero(row[:, 0])[::-1] + pitch_low
        if len(chord):
            voices[step] = before = placed(chord, before)
    return voices


def placed(chord: np.ndarray, before: np.ndarray) -> np.ndarray:
    """A falling ``chord`` as four parts, every note of it in one at least; as near to those ``before`` as can be."""
    if len(chord) > 4:
        return np.concatenate([chord[:2], chord[-2:]])
    choices = [
        chord[list(places)]
        for places in combinations_with_replacement(range(len(chord)), 4)
        if len(set(places)) == len(chord)
    ]
    return min(choices, key=lambda placed: (_outside(placed), int(np.abs(placed - before).sum())))


def _outside(placed: np.ndarray) -> int:
    return sum(not low <= pitch <= high for pitch, (low, high) in zip(placed, RANGES, strict=True))


def parts_of(rows: np.ndarray, pitch_low: int, step_s: float, velocity: int = 80) -> tuple[Part, ...]:
    """The four parts of ``rows`` [s, p, 2]."""
    voices = assigned(rows, pitch_low)
    parts = []
    for index, (name, program) in enumerate(zip(NAMES, PROGRAMS, strict=True)):
        line = voices[:, index]
        parts.append(Part(name, program, tuple(_notes(line, rows, pitch_low, step_s, velocity))))
    return tuple(parts)


def _notes(line: np.ndarray, rows: np.ndarray, pitch_low: int, step_s: float, velocity: int) -> list[Note]:
    notes: list[Note] = []
    begun: int | None = None
    for step in range(len(line) + 1):
        pitch = line[step] if step < len(line) else SILENT
        goes_on = step and pitch == line[step - 1] and pitch != SILENT and not rows[step, pitch - pitch_low, 1]
        if begun is not None and not goes_on:
            notes.append(Note(begun * step_s, step * step_s, int(line[begun]), velocity))
            begun = None
        if pitch != SILENT and not goes_on:
            begun = step
    return notes
