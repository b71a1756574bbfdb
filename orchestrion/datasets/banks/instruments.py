"""The instruments whose training audio is made from a General MIDI SoundFont."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrion.errors import OrchestrionError


@dataclass(frozen=True, slots=True)
class SoundFontInstrument:
    """One instrument of the SoundFont.

    Args:
        program: General MIDI program, from 0.
        low, high: lowest and highest pitch of the exercises.
        melody_low, melody_high: where melodies are transposed to.
        polyphonic: chords as well as single lines.
        sustained: bowed or blown; else struck or plucked.
        minutes: of audio in a set, unless told otherwise.
        level: factor on FluidSynth's output at gain 1 (FluidR3) with which the loudest twentieth of the pieces peaks at
            about 0.7; None where it has not been measured yet.
    """

    program: int
    low: int
    high: int
    melody_low: int
    melody_high: int
    polyphonic: bool = False
    sustained: bool = True
    minutes: float = 45.0
    level: float | None = None


INSTRUMENTS: Mapping[str, SoundFontInstrument] = {
    "piano": SoundFontInstrument(0, 21, 108, 36, 96, polyphonic=True, sustained=False, minutes=75.0, level=1.3893),
    "organ": SoundFontInstrument(19, 36, 96, 36, 96, polyphonic=True, minutes=60.0),
    "guitar": SoundFontInstrument(24, 40, 83, 40, 83, polyphonic=True, sustained=False, minutes=60.0),
    "violin": SoundFontInstrument(40, 55, 96, 55, 96, level=2.0754),
    "viola": SoundFontInstrument(41, 48, 88, 48, 88),
    "cello": SoundFontInstrument(42, 36, 76, 36, 76, level=2.1555),
    "double-bass": SoundFontInstrument(43, 28, 67, 28, 67),
    "harp": SoundFontInstrument(46, 24, 103, 36, 96, polyphonic=True, sustained=False, minutes=60.0),
    "trumpet": SoundFontInstrument(56, 54, 86, 54, 86),
    "horn": SoundFontInstrument(60, 35, 77, 41, 77),
    "oboe": SoundFontInstrument(68, 58, 91, 58, 91),
    "bassoon": SoundFontInstrument(70, 34, 72, 34, 72),
    "clarinet": SoundFontInstrument(71, 50, 91, 50, 91),
    "flute": SoundFontInstrument(73, 60, 96, 60, 96, level=2.0780),
    "electric-piano": SoundFontInstrument(4, 28, 103, 36, 96, polyphonic=True, sustained=False, minutes=60.0),
    "harpsichord": SoundFontInstrument(6, 29, 89, 36, 86, polyphonic=True, sustained=False, minutes=60.0),
    "celesta": SoundFontInstrument(8, 60, 108, 60, 103, polyphonic=True, sustained=False, minutes=60.0),
    "vibraphone": SoundFontInstrument(11, 53, 89, 53, 89, polyphonic=True, sustained=False, minutes=60.0),
    "marimba": SoundFontInstrument(12, 45, 96, 48, 91, polyphonic=True, sustained=False, minutes=60.0),
    "accordion": SoundFontInstrument(21, 53, 89, 53, 89, polyphonic=True, minutes=60.0),
    "harmonica": SoundFontInstrument(22, 60, 88, 60, 88),
    "steel-guitar": SoundFontInstrument(25, 40, 83, 40, 83, polyphonic=True, sustained=False, minutes=60.0),
    "bass-guitar": SoundFontInstrument(33, 28, 67, 28, 60, sustained=False),
    "pizzicato": SoundFontInstrument(45, 43, 93, 48, 88, polyphonic=True, sustained=False, minutes=60.0),
    "strings": SoundFontInstrument(48, 36, 96, 43, 91, polyphonic=True, minutes=60.0),
    "choir": SoundFontInstrument(52, 43, 81, 48, 79, polyphonic=True, minutes=60.0),
    "trombone": SoundFontInstrument(57, 34, 72, 40, 70),
    "tenor-sax": SoundFontInstrument(66, 44, 76, 46, 75),
    "english-horn": SoundFontInstrument(69, 52, 81, 52, 80),
    "piccolo": SoundFontInstrument(72, 74, 108, 74, 105),
    "recorder": SoundFontInstrument(74, 60, 96, 60, 93),
    "pan-flute": SoundFontInstrument(75, 60, 96, 60, 93),
}


USUAL_LEVEL = 1.4
"""For a program whose level has not been measured."""


def usual_level(program: int) -> float:
    """The level of the training sets of the instrument with this General MIDI program, see `SoundFontInstrument`."""
    levels = (instrument.level for instrument in INSTRUMENTS.values() if instrument.program == program)
    return next((level for level in levels if level is not None), USUAL_LEVEL)


def soundfont_instrument(name: str) -> SoundFontInstrument:
    """The instrument called ``name``.

    Raises:
        OrchestrionError: there is none; the sentence lists those there are.
    """
    if name not in INSTRUMENTS:
        raise OrchestrionError(
            f"There is no SoundFont instrument {name!r}; there are {', '.join(sorted(INSTRUMENTS))}."
        )
    return INSTRUMENTS[name]
