"""Audio with MIDI, or with a table of notes, of the same stem: in one folder, in subfolders, in two folders.

The Saarland Music Data (Müller, Konz, Bogler, Arifi-Müller 2011) is laid out so as well: version 1 has
``SMD_…-SMD.mp3`` beside ``….mid``; version 2 has ``midi/STEM.mid`` and ``wav_44100_stereo/STEM.wav``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orchestrion.datasets.layouts.files import twins
from orchestrion.datasets.recordings.dividing import work_of
from orchestrion.datasets.recordings.notesfile import midi_notes, read_notes
from orchestrion.datasets.recordings.splits import read_splits
from orchestrion.datasets.recordings.tracks import Selection, Track, checked, plain_name
from orchestrion.suffixes import MIDI

# Composer_Opus-movement_performer_date-SMD: another performer's recording of it is the same work.
SAARLAND = re.compile(r"^(?:SMD_)?(?P<work>.+)_(?P<performer>\d{3})_\d{8}-SMD$")


def read_pairs(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every audio file of ``folder`` that has MIDI of the same stem.

    Raises:
        OrchestrionError: no pairs, or a file without its twin.
    """
    pairs = twins(folder, MIDI, "MIDI (.mid)")
    return checked((_track(*pair) for pair in pairs.values()), folder, "pairs of audio and MIDI")


def read_tables(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every audio file of ``folder`` with its table of notes NAME.tsv (`notesfile`); ``splits.json`` counts.

    Raises:
        OrchestrionError: no pairs, a file without its twin, or splits that name no file.
    """
    pairs = twins(folder, (".tsv",), "table of notes (.tsv)")
    splits = read_splits(folder, pairs) or {}
    said = {name: split for split, names in splits.items() for name in names}
    tracks = (
        Track(plain_name(stem), audio, (table,), partial(read_notes, table), work_of(stem), said.get(stem))
        for stem, (audio, table) in pairs.items()
        if not said or stem in said
    )
    return checked(tracks, folder, "recordings with tables of notes")


def read_saarland(folder: Path, selection: Selection) -> Sequence[Track]:
    """The Saarland Music Data: `read_pairs` with works told from the names.

    Raises:
        OrchestrionError: see `read_pairs`; or nothing fits the selection.
    """
    chosen = [track for track in read_pairs(folder, selection) if selection.takes(track.work)]
    return checked(chosen, folder, f"recording of {selection.work!r}")


def _track(audio: Path, midi: Path) -> Track:
    match = SAARLAND.match(audio.stem)
    about = {"performer": match["performer"]} if match else {}
    work = match["work"] if match else audio.stem
    return Track(plain_name(audio.stem), audio, (midi,), partial(midi_notes, midi), work, about=about)
