"""Notes of a MIDI file that was recorded with, or aligned to, the audio beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrion.score import Note, Score

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff")
MIDI_SUFFIXES = (".mid", ".midi")


def midi_notes(path: Path) -> Callable[[], tuple[Note, ...]]:
    """A reader of every pitched note, sorted; one held by the sustain pedal lasts until the pedal comes up."""

    def read() -> tuple[Note, ...]:
        notes = Score.read(path).with_drums_removed().notes
        return tuple(sorted(notes, key=lambda note: (note.onset_s, note.pitch)))

    return read


def beside(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files below ``folder`` with one of ``suffixes``, by stem; hidden ones are left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in suffixes and path.is_file() and not hidden:
            found.setdefault(path.stem, path)
    return found
