"""MAESTRO (Hawthorne et al. 2019), version 3 and those before: ``maestro-v3.0.0.csv`` or ``.json`` beside year folders.

The columns are canonical_composer, canonical_title, split, year, midi_filename, audio_filename and duration. The JSON
index of version 3 is a table of columns (``{"split": {"0": "train", …}, …}``), that of versions 1 and 2 a list of rows.
No composition is in two of its splits. Notes held by the sustain pedal last until it comes up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from orchestrion.datasets.recordings.notesfile import midi_notes
from orchestrion.datasets.recordings.tracks import Selection, Track, checked, inside, plain_name
from orchestrion.datasets.untrusted.textfiles import read_csv, read_json
from orchestrion.errors import OrchestrionError

COLUMNS = ("canonical_composer", "canonical_title", "split", "year", "midi_filename", "audio_filename", "duration")
SPLITS = ("train", "validation", "test")


def read_maestro(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every performance of the index whose files are there; FLAC may stand in for WAV.

    Raises:
        OrchestrionError: no index, a malformed one, or nothing that fits the selection.
    """
    path = index_file(folder)
    rows = [row for row in read_index(path) if selection.takes(_work(row), row["year"])]
    return checked((_track(folder, path, row) for row in rows), folder, "performance that fits")


def index_file(folder: Path) -> Path:
    """``maestro-v*.csv`` or, without one, ``.json``.

    Raises:
        OrchestrionError: neither is there.
    """
    for suffix in ("csv", "json"):
        found = sorted(folder.glob(f"maestro-v*.{suffix}"))
        if found:
            return found[-1]
    raise OrchestrionError(f"{folder} has no maestro-v3.0.0.csv or .json; give the folder that the archive unpacks to.")


def read_index(path: Path) -> list[dict[str, str]]:
    """The rows of the index.

    Raises:
        OrchestrionError: not a MAESTRO index.
    """
    rows = read_csv(path, COLUMNS) if path.suffix == ".csv" else _json_rows(path)
    for row in rows:
        if row["split"] not in SPLITS:
            raise OrchestrionError(f"{path} has a split {row['split']!r}; it should be {', '.join(SPLITS)}.")
    return rows


def _json_rows(path: Path) -> list[dict[str, str]]:
    content = read_json(path)
    if isinstance(content, dict) and all(isinstance(content.get(name), dict) for name in COLUMNS):
        keys = content["split"].keys()
        content = [{name: content[name].get(key) for name in COLUMNS} for key in keys]
    if not isinstance(content, list) or not all(isinstance(row, dict) and set(COLUMNS) <= set(row) for row in content):
        raise OrchestrionError(f"{path} is no MAESTRO index; it should have {', '.join(COLUMNS)}.")
    return [{name: str(row[name]) for name in COLUMNS} for row in content]


def _track(folder: Path, index: Path, row: dict[str, str]) -> Track:
    audio, midi = (inside(folder, index, row[name]) for name in ("audio_filename", "midi_filename"))
    if not audio.exists() and audio.with_suffix(".flac").exists():
        audio = audio.with_suffix(".flac")
    about = {"composer": row["canonical_composer"], "title": row["canonical_title"], "year": row["year"]}
    notes = partial(midi_notes, midi)
    return Track(plain_name(midi.stem), audio, (midi,), notes, _work(row), row["split"], about=about)


def _work(row: dict[str, str]) -> str:
    return f"{row['canonical_composer']}: {row['canonical_title']}"
