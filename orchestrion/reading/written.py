"""Written music: what a reader of notation hands over, bars of notes in exact quarters, before anything is repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_COMMON_DENOMINATOR, MAX_MEASURES, MAX_PARTS, MAX_WRITTEN_NOTES
from orchestrion.score.playingorder import NO_MARKS, BarMarks

DEFAULT_VELOCITY = 80
DYNAMICS = {
    "pppp": 13, "ppp": 19, "pp": 32, "p": 44, "mp": 57, "mf": 70, "f": 89, "ff": 108, "fff": 114, "ffff": 121,
    "fp": 95, "sf": 108, "sfz": 108, "sffz": 114, "fz": 108, "rf": 95, "rfz": 95,
}  # fmt: skip
"""Velocities of dynamic marks: music21's scale (p .35, f .7 of 127), which the composers' corpora were read with."""
METER_DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(slots=True)
class Tone:
    """One written note head.

    Args:
        pitch: MIDI number as it sounds.
        duration: quarters.
        velocity: 1 to 127.
        tie: a tie leads on from it.
        tied: a tie may lead to it.
        is_drum: the pitch names a percussion instrument.
    """

    pitch: int
    duration: Fraction
    velocity: int = DEFAULT_VELOCITY
    tie: bool = False
    tied: bool = False
    is_drum: bool = False


@dataclass(slots=True)
class Chord:
    """Tones struck together (a note is a chord of one), ``onset`` quarters after the beginning of the bar.

    ``graces`` are struck before them, each a list of pitches; ``voice`` is what a tie stays in where it can.
    """

    onset: Fraction
    tones: list[Tone]
    voice: str = ""
    graces: list[list[Tone]] = field(default_factory=list)


@dataclass(slots=True)
class Bar:
    """One bar of all parts.

    Args:
        length: quarters that it lasts, whatever the meter says.
        marks: its signs for the playing order.
        meter: in force, (beats, beat value); None where there is none.
        tempos: changes, (quarters after its beginning, quarters a minute).
        chords: by the index of the part.
    """

    length: Fraction = Fraction(0)
    marks: BarMarks = NO_MARKS
    meter: tuple[int, int] | None = None
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    chords: dict[int, list[Chord]] = field(default_factory=dict)


@dataclass(slots=True)
class WrittenPart:
    """Name and General MIDI program (0 to 127) of one player."""

    name: str
    program: int = 0
    is_drum: bool = False


@dataclass(slots=True)
class Written:
    """A piece as it is written.

    Args:
        sections: bars that are played in turn where the piece says so (ABC's ``P:``, kern's expansion lists); repeats
            are followed within each. None: all bars, once through.
        sharps: the first key signature, negative for flats; None where there is none.
        ignored: what could not be followed, each a noun phrase for the reader of "ignored: …".
    """

    title: str
    parts: list[WrittenPart]
    bars: list[Bar]
    sections: list[range] | None = None
    ignored: list[str] = field(default_factory=list)
    sharps: int | None = None


class Budget:
    """Counts what a file asks for while it is read, and refuses the absurd before it is built."""

    def __init__(self) -> None:
        self._notes, self._common = 0, 1
        self._denominators: set[int] = {1}

    def note(self) -> None:
        """One more note head.

        Raises:
            OrchestrionError: more than 200,000.
        """
        self._notes += 1
        if self._notes > MAX_WRITTEN_NOTES:
            raise OrchestrionError(f"There are more than {MAX_WRITTEN_NOTES:,} written notes.")

    def duration(self, quarters: Fraction) -> Fraction:
        """``quarters``, if all durations so far can be counted in one small unit (else sums of them would grow for ever).

        Raises:
            OrchestrionError: they cannot.
        """
        denominator = quarters.denominator
        if denominator not in self._denominators:
            self._denominators.add(denominator)
            self._common = lcm(self._common, denominator)
            if self._common > MAX_COMMON_DENOMINATOR:
                raise OrchestrionError("The note values have no common unit; no musician could count them.")
        return quarters

    @staticmethod
    def bars(number: int) -> None:
        """Raises OrchestrionError where there are more than 20,000 bars."""
        if number > MAX_MEASURES:
            raise OrchestrionError(f"There are more than {MAX_MEASURES:,} measures.")

    @staticmethod
    def parts(number: int) -> None:
        """Raises OrchestrionError where there are more than a thousand parts."""
        if number > MAX_PARTS:
            raise OrchestrionError(f"There are more than {MAX_PARTS:,} parts.")


def meter_or_none(beats: int, value: int) -> tuple[int, int] | None:
    """The meter, if `orchestrion.score.Meter` can hold it."""
    return (beats, value) if 1 <= beats <= 255 and value in METER_DENOMINATORS else None
