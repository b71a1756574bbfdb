"""MusicNet (Thickstun, Harchaoui, Kakade 2017): 330 recordings of chamber music, labelled by warping to their scores.

As distributed: ``train_data/ID.wav`` and ``test_data/ID.wav`` (44.1 kHz, mono, float) with ``train_labels/ID.csv`` and
``test_labels/ID.csv``, whose columns are start_time and end_time (samples at 44.1 kHz), instrument, note, start_beat,
end_beat and note_value; ``musicnet_metadata.csv`` beside or above (id, composer, composition, movement, ensemble,
source, transcriber, catalog_name, seconds). The older ``musicnet.npz`` is read by `musicnet_npz`.

``instrument`` is General MIDI's number counted from 1 (43 is the cello). Asked for alone it takes the recordings in
which nothing else plays; asked for with an ensemble it takes those recordings with the notes of that instrument only.
There are no velocities.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from orchestrion.datasets.layouts.musicnet_index import Index
from orchestrion.datasets.layouts.musicnet_npz import read_archive
from orchestrion.datasets.recordings.tracks import Selection, Track, checked
from orchestrion.datasets.untrusted.textfiles import number, read_csv
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

LABELS = ("start_time", "end_time", "instrument", "note", "start_beat", "end_beat", "note_value")


def read_musicnet(folder: Path, selection: Selection) -> Sequence[Track]:
    """The recordings of the archive's folder, or of ``musicnet.npz``, that fit the selection.

    Raises:
        OrchestrionError: neither is there, an unknown instrument or ensemble, or nothing that fits.
    """
    if folder.suffix == ".npz":
        return read_archive(folder, Index.of(folder.parent, selection))
    index = Index.of(folder, selection)
    tracks = (
        index.track(path.stem, path, partial(_notes, path, index), is_test=split == "test",
                    audio=folder / f"{split}_data" / f"{path.stem}.wav")
        for split, path in label_files(folder)
        if index.takes(path.stem, partial(_instruments, path))
    )  # fmt: skip
    return checked(tracks, folder, "recording that fits")


def label_files(folder: Path) -> list[tuple[str, Path]]:
    """``train`` or ``test`` and the label file of every recording.

    Raises:
        OrchestrionError: there are none.
    """
    splits = ("train", "test")
    found = [(split, path) for split in splits for path in sorted((folder / f"{split}_labels").glob("*.csv"))]
    if not found:
        raise OrchestrionError(f"{folder} has no train_labels/ID.csv; give the folder that musicnet.tar.gz unpacks to.")
    return found


def read_labels(path: Path) -> list[dict[str, str]]:
    """The rows of a label file."""
    return read_csv(path, LABELS)


def _instruments(path: Path) -> set[int]:
    return {int(number(row, "instrument", path)) for row in read_labels(path)}


def _notes(path: Path, index: Index) -> Iterator[Note]:
    for line, row in enumerate(read_labels(path), start=2):
        start, end, pitch = (number(row, column, path) for column in ("start_time", "end_time", "note"))
        yield from index.note(start, end, int(number(row, "instrument", path)), pitch, path, line)
