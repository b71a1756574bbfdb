"""What a score is made of: notes in parts, tempo changes, meter changes.

Times are seconds from the beginning of the piece; pitches are MIDI numbers (60 is middle C, 69 is A at 440 Hz).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_BPM, MAX_SCORE_S, MIN_BPM

N_PITCHES = 128
NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
PITCH = re.compile(r"([A-Ga-g])([#b]?)(-?\d)")
ACCIDENTALS = {"": 0, "#": 1, "b": -1}


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note: it sounds in [onset_s, offset_s).

    Args:
        onset_s: seconds, at least 0.
        offset_s: seconds, more than ``onset_s`` and at most six hours (``limits.MAX_SCORE_S``).
        pitch: MIDI number, 0 to 127.
        velocity: 1 to 127.

    Raises:
        OrchestrionError: a value is outside its range.
    """

    onset_s: float
    offset_s: float
    pitch: int
    velocity: int

    def __post_init__(self) -> None:
        # One chained comparison is also false for NaN.
        if not 0.0 <= self.onset_s < self.offset_s <= MAX_SCORE_S:
            raise OrchestrionError(
                f"A note from {self.onset_s} s to {self.offset_s} s is impossible: it must begin at 0 s or later, "
                f"end after it begins, and end within {MAX_SCORE_S / 3600:g} hours."
            )
        if not 0 <= self.pitch < N_PITCHES:
            raise OrchestrionError(f"Pitch {self.pitch} at {self.onset_s:.3f} s is outside MIDI's 0 to 127.")
        if not 1 <= self.velocity <= 127:
            raise OrchestrionError(f"Velocity {self.velocity} at {self.onset_s:.3f} s is outside MIDI's 1 to 127.")

    @property
    def duration_s(self) -> float:
        """Seconds from attack to release."""
        return self.offset_s - self.onset_s


@dataclass(frozen=True, slots=True)
class Part:
    """The notes of one player.

    Args:
        name: for people and for ``Score.select``; may be empty.
        program: General MIDI program, 0 to 127 (0 is acoustic grand piano); ignored where ``is_drum``.
        notes: any order; kept sorted by (onset, pitch).
        is_drum: pitches name percussion instruments (MIDI channel 10), not pitches.

    Raises:
        OrchestrionError: the program is outside its range.
    """

    name: str
    program: int
    notes: tuple[Note, ...]
    is_drum: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.program <= 127:
            raise OrchestrionError(f"Program {self.program} of part {self.name!r} is outside General MIDI's 0 to 127.")
        object.__setattr__(self, "notes", tuple(sorted(self.notes, key=in_score_order)))


@dataclass(frozen=True, slots=True, order=True)
class Tempo:
    """From ``time_s`` on, ``bpm`` quarter notes a minute (what a MIDI file can hold: 3.6 to 60 million)."""

    time_s: float
    bpm: float

    def __post_init__(self) -> None:
        _check_time(self.time_s, "tempo")
        if not MIN_BPM <= self.bpm <= MAX_BPM:
            raise OrchestrionError(f"A tempo of {self.bpm:g} beats a minute is outside {MIN_BPM:.1f} to {MAX_BPM:.0f}.")


@dataclass(frozen=True, slots=True, order=True)
class Meter:
    """From ``time_s`` on, bars of ``numerator`` notes of value 1/``denominator`` (a power of two up to 64)."""

    time_s: float
    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        _check_time(self.time_s, "meter")
        if not 1 <= self.numerator <= 255 or self.denominator not in (1, 2, 4, 8, 16, 32, 64):
            raise OrchestrionError(
                f"A meter of {self.numerator}/{self.denominator} is impossible: give 1 to 255 over 1, 2, 4, … 64."
            )

    @property
    def bar_quarters(self) -> float:
        """Length of a bar in quarter notes."""
        return 4.0 * self.numerator / self.denominator


def in_score_order(note: Note) -> tuple[float, int, float, int]:
    """Sort key: onset, then pitch, then offset, then velocity."""
    return note.onset_s, note.pitch, note.offset_s, note.velocity


def pitch_name(pitch: int) -> str:
    """Name with octave.

    >>> pitch_name(60), pitch_name(69)
    ('C4', 'A4')
    """
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def parse_pitch(name: str) -> int:
    """MIDI number of a pitch's name, the inverse of `pitch_name`; it may lie outside 0 to 127.

    >>> parse_pitch("C4"), parse_pitch("F#5"), parse_pitch("Bb-1")
    (60, 78, 10)

    Raises:
        OrchestrionError: not a letter, an accidental (# or b) or none, and an octave.
    """
    match = PITCH.fullmatch(name)
    if match is None:
        raise OrchestrionError(f"{name!r} is not a pitch; write for example C4, F#5 or Bb3.")
    return 12 * (int(match[3]) + 1) + NATURALS[match[1].upper()] + ACCIDENTALS[match[2]]


def _check_time(time_s: float, what: str) -> None:
    if not 0.0 <= time_s < math.inf:
        raise OrchestrionError(f"A {what} change at {time_s} s is impossible: it must lie at 0 s or later.")
