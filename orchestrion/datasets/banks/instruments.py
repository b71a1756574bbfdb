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
    minutes: float = 45.0
    level: float | None = None


INSTRUMENTS: Mapping[str, SoundFontInstrument] = {
    "piano": SoundFontInstrument(0, 21, 108, 36, 96, polyphonic=True, minutes=75.0, level=1.3893),
    "violin": SoundFontInstrument(40, 55, 96, 55, 96, level=2.0754),
    "cello": SoundFontInstrument(42, 36, 76, 36, 76, level=2.1555),
    "flute": SoundFontInstrument(73, 60, 96, 60, 96, level=2.0780),
    "clarinet": SoundFontInstrument(71, 50, 91, 50, 91),
    "trumpet": SoundFontInstrument(56, 54, 86, 54, 86),
    "guitar": SoundFontInstrument(24, 40, 83, 40, 83, polyphonic=True, minutes=60.0),
    "organ": SoundFontInstrument(19, 36, 96, 36, 96, polyphonic=True, minutes=60.0),
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
