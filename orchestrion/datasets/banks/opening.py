"""A bank of single notes by its name."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrion.datasets.banks.notebank import NoteBank, filled, open_folder
from orchestrion.datasets.banks.soundfontbank import soundfont_bank
from orchestrion.datasets.records import SOUNDFONT


def is_bank(data: str | os.PathLike[str]) -> bool:
    """Whether ``data`` is a SoundFont's instrument or a folder of single notes."""
    return str(data).startswith(SOUNDFONT) or (Path(data) / "index.tsv").is_file()


def open_bank(data: str | os.PathLike[str], sample_rate: int) -> NoteBank:
    """``soundfont:NAME``, or a folder of single notes with ``index.tsv``; missing pitches are filled.

    Raises:
        OrchestrionError: see `soundfont_bank` and `open_folder`.
    """
    text = str(data)
    if text.startswith(SOUNDFONT):
        return soundfont_bank(text.removeprefix(SOUNDFONT), sample_rate=sample_rate)
    return filled(open_folder(Path(data), sample_rate))
