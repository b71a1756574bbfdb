"""Audio to a score in bars: hum a tune, have it as MIDI."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.labelling.bars import Barred, in_bars
from orchestrion.labelling.methods import METHODS, notes_of
from orchestrion.options import Composing, Transcribing
from orchestrion.score import Part
from orchestrion.suffixes import AUDIO

PRIME_GRID = "1/16"  # the composers' steps


def transcribe(audio: Waveform | str | os.PathLike[str], wishes: Transcribing) -> Barred:
    """Write down the notes of ``audio`` (a file, or a waveform) in bars.

    Raises:
        OrchestrionError: audio that cannot be read or holds no notes, or what `in_bars` raises.
    """
    title = "" if isinstance(audio, Waveform) else Path(audio).stem
    heard = audio if isinstance(audio, Waveform) else Waveform.read(audio)
    notes = tuple(note for note in notes_of(heard, wishes.method) if note.onset_s < heard.duration_s)
    if not notes:
        name = "the audio" if isinstance(audio, Waveform) else os.fsdecode(audio)
        raise OrchestrionError(f"No notes were heard in {name}; is it loud enough, and the method {wishes.method} one for it?")
    is_melody = METHODS[wishes.method].is_melody
    return in_bars(Part("melody" if is_melody else "notes", 0, notes), wishes, is_melody=is_melody, title=title)


def heard_prime(wishes: Composing) -> tuple[Composing, Barred | None]:
    """``wishes`` with a prime that is audio written down, on the composers' grid and in the meter that is asked for; and what was heard.

    Raises:
        OrchestrionError: as `transcribe`.
    """
    prime = wishes.prime
    if not isinstance(prime, str | os.PathLike) or Path(prime).suffix.lower() not in AUDIO:
        return wishes, None
    found = transcribe(prime, Transcribing(meter=wishes.meter or (4, 4), quantize=PRIME_GRID))
    return replace(wishes, prime=found.score), found
