"""Audio with MIDI, or with a table of notes, of the same stem: in one folder, in subfolders, in two folders.

The Saarland Music Data (Müller, Konz, Bogler, Arifi-Müller 2011) is laid out so as well: version 1 has
``SMD_…-SMD.mp3`` beside ``….mid``; version 2 has ``midi/STEM.mid`` and ``wav_44100_stereo/STEM.wav``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from orchestrion.datasets.layouts.midi import AUDIO_SUFFIXES, MIDI_SUFFIXES, beside, midi_notes
from orchestrion.datasets.recordings.dividing import work_of
from orchestrion.datasets.recordings.notestable import NotesTable
from orchestrion.datasets.recordings.splits import read_splits
from orchestrion.datasets.recordings.tracks import Selection, Track, checked, plain_name
from orchestrion.errors import OrchestrionError

# Composer_Opus-movement_performer_date-SMD: another performer's recording of it is the same work.
SAARLAND = re.compile(r"^(?:SMD_)?(?P<work>.+)_(?P<performer>\d{3})_\d{8}-SMD$")


def read_pairs(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every audio file of ``folder`` that has MIDI of the same stem.

    Raises:
        OrchestrionError: no pairs, or a file without its twin.
    """
    audio, midi = beside(folder, AUDIO_SUFFIXES), beside(folder, MIDI_SUFFIXES)
    if odd := sorted(set(audio) ^ set(midi)):
        path = audio.get(odd[0]) or midi[odd[0]]
        kind = "MIDI (.mid)" if odd[0] in audio else "audio"
        raise OrchestrionError(f"{path} has no {kind} of the same name in {folder}; add it, or take the file out.")
    return checked((_track(audio[stem], midi[stem]) for stem in audio), folder, "pairs of audio and MIDI")


def read_tables(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every audio file of ``folder`` with its table of notes NAME.tsv (`notestable`); ``splits.json`` counts.

    Raises:
        OrchestrionError: no pairs, a file without its twin, or splits that name no file.
    """
    audio, tables = beside(folder, AUDIO_SUFFIXES), beside(folder, (".tsv",))
    if odd := sorted(set(audio) ^ set(tables)):
        path = audio.get(odd[0]) or tables[odd[0]]
        kind = "table of notes (.tsv)" if odd[0] in audio else "audio"
        raise OrchestrionError(f"{path} has no {kind} of the same name in {folder}; add it, or take the file out.")
    splits = read_splits(folder, audio) or {}
    said = {name: split for split, names in splits.items() for name in names}
    return checked(
        (
            Track(plain_name(stem), path, (tables[stem],), NotesTable(tables[stem]).read, work_of(stem), said.get(stem))
            for stem, path in audio.items()
            if not said or stem in said
        ),
        folder,
        "recordings with tables of notes",
    )


def read_saarland(folder: Path, selection: Selection) -> Sequence[Track]:
    """The Saarland Music Data: `read_pairs` with works told from the names.

    Raises:
        OrchestrionError: see `read_pairs`; or nothing fits the selection.
    """
    tracks = read_pairs(folder, selection)
    chosen = [track for track in tracks if (selection.work or "").casefold() in track.work.casefold()]
    return checked(chosen, folder, f"recording of {selection.work!r}")


def _track(audio: Path, midi: Path) -> Track:
    match = SAARLAND.match(audio.stem)
    about = {"performer": match["performer"]} if match else {}
    work = match["work"] if match else audio.stem
    return Track(plain_name(audio.stem), audio, (midi,), midi_notes(midi), work, about=about)
