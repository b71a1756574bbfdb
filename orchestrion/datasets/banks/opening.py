"""A bank of single notes by its name."""

from __future__ import annotations

import os
import re
from pathlib import Path

from orchestrion.datasets.banks.notebank import NoteBank, filled, open_folder
from orchestrion.datasets.banks.sfzbank import sfz_bank
from orchestrion.datasets.banks.soundfontbank import soundfont_bank, soundfont_file_bank
from orchestrion.datasets.records import SOUNDFONT
from orchestrion.errors import OrchestrionError

SOUNDFONT_FILE = re.compile(r"(.*\.sf[23])(?::(\d{1,3}))?$", re.IGNORECASE)


def is_bank(data: str | os.PathLike[str]) -> bool:
    """Whether ``data`` names single notes: see `open_bank`."""
    text = str(data)
    return text.startswith(SOUNDFONT) or bool(SOUNDFONT_FILE.match(text)) or _is_sfz(text) or (Path(data) / "index.tsv").is_file()


def open_bank(data: str | os.PathLike[str], sample_rate: int) -> NoteBank:
    """``soundfont:NAME``, a folder of single notes with ``index.tsv``, ``NAME.sfz``, ``NAME.sf2`` or ``NAME.sf2:PROGRAM``.

    Missing pitches are filled.

    Raises:
        OrchestrionError: see `soundfont_bank`, `soundfont_file_bank`, `sfz_bank` and `open_folder`; a program above 127.
    """
    text = str(data)
    if text.startswith(SOUNDFONT):
        return soundfont_bank(text.removeprefix(SOUNDFONT), sample_rate=sample_rate)
    file = SOUNDFONT_FILE.match(text)
    if file:
        program = int(file[2] or 0)
        if program > 127:
            raise OrchestrionError(f"{text}: a General MIDI program is a number from 0 to 127.")
        return filled(soundfont_file_bank(Path(file[1]), program, sample_rate=sample_rate))
    return filled(sfz_bank(Path(text), sample_rate) if _is_sfz(text) else open_folder(Path(data), sample_rate))


def _is_sfz(text: str) -> bool:
    return text.lower().endswith(".sfz") and not Path(text).is_dir()
