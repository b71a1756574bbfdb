"""MusicNet (Thickstun, Harchaoui, Kakade 2017): 330 recordings of chamber music, labelled by warping to their scores.

As distributed: ``train_data/ID.wav`` and ``test_data/ID.wav`` (44.1 kHz, mono, float) with ``train_labels/ID.csv`` and
``test_labels/ID.csv``, whose columns are start_time and end_time (samples at 44.1 kHz), instrument, note, start_beat,
end_beat and note_value; ``musicnet_metadata.csv`` beside or above (id, composer, composition, movement, ensemble,
source, transcriber, catalog_name, seconds). The older ``musicnet.npz`` is read by `musicnet_npz`.

``instrument`` is General MIDI's number counted from 1 (43 is the cello). Asked for alone it takes the recordings in
which nothing else plays; asked for with an ensemble it takes those recordings with the notes of that instrument only.
There are no velocities. A work is one movement; other performances of it count as the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from orchestrion.datasets.layouts import musicnet_npz
from orchestrion.datasets.recordings.tracks import Selection, Track, checked, note
from orchestrion.datasets.untrusted.tables import number, read_csv
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

RATE = 44100
LABELS = ("start_time", "end_time", "instrument", "note", "start_beat", "end_beat", "note_value")
METADATA = ("id", "composer", "composition", "movement", "ensemble", "source", "transcriber", "catalog_name", "seconds")
INSTRUMENTS = {
    1: "piano", 7: "harpsichord", 41: "violin", 42: "viola", 43: "cello", 44: "contrabass", 61: "horn",
    69: "oboe", 71: "bassoon", 72: "clarinet", 74: "flute",
}  # fmt: skip
UNKNOWN_VELOCITY = 64


def read_musicnet(folder: Path, selection: Selection) -> Sequence[Track]:
    """The recordings of the archive's folder, or of ``musicnet.npz``, that fit the selection.

    Raises:
        OrchestrionError: neither is there, an unknown instrument or ensemble, or nothing that fits.
    """
    code = None if selection.instrument is None else instrument_code(selection.instrument)
    if folder.suffix == ".npz":
        return musicnet_npz.read_archive(folder, code, metadata(folder.parent), selection)
    known = metadata(folder)
    check_ensemble(selection.ensemble, known)
    chosen = [item for item in label_files(folder) if is_chosen(known.get(item[1].stem, {}), selection)]
    tracks = [track for item in chosen if (track := _track(folder, *item, known, code, selection)) is not None]
    return checked(tracks, folder, "recording that fits")


def instrument_code(instrument: str) -> int:
    """MusicNet's number of an instrument given by number or name.

    Raises:
        OrchestrionError: it has no such instrument.
    """
    for code, name in INSTRUMENTS.items():
        if instrument.casefold() in (str(code), name):
            return code
    known = ", ".join(f"{name} ({code})" for code, name in INSTRUMENTS.items())
    raise OrchestrionError(f"MusicNet has no instrument {instrument!r}; it has {known}.")


def label_files(folder: Path) -> list[tuple[str, Path]]:
    """``train`` or ``test`` and the label file of every recording.

    Raises:
        OrchestrionError: there are none.
    """
    found = [
        (split, path) for split in ("train", "test") for path in sorted((folder / f"{split}_labels").glob("*.csv"))
    ]
    if not found:
        raise OrchestrionError(f"{folder} has no train_labels/ID.csv; give the folder that musicnet.tar.gz unpacks to.")
    return found


def read_labels(path: Path) -> list[dict[str, str]]:
    """The rows of a label file."""
    return read_csv(path, LABELS)


def metadata(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of ``musicnet_metadata.csv`` in ``folder`` or above it by id; empty without one."""
    for path in (folder / "musicnet_metadata.csv", folder.parent / "musicnet_metadata.csv"):
        if path.exists():
            return {row["id"]: row for row in read_csv(path, METADATA)}
    return {}


def check_ensemble(ensemble: str | None, known: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse an ensemble that the metadata does not have.

    Raises:
        OrchestrionError: as said.
    """
    names = sorted({row["ensemble"] for row in known.values()})
    if ensemble is not None and not known:
        raise OrchestrionError("An ensemble can only be told with musicnet_metadata.csv; put it beside the folders.")
    if ensemble is not None and ensemble.casefold() not in {name.casefold() for name in names}:
        raise OrchestrionError(f"MusicNet has no ensemble {ensemble!r}; it has {', '.join(names)}.")


def is_chosen(row: Mapping[str, str], selection: Selection) -> bool:
    """Whether a recording's metadata fits."""
    if selection.ensemble is not None and row.get("ensemble", "").casefold() != selection.ensemble.casefold():
        return False
    return (selection.work or "").casefold() in " ".join(row.values()).casefold()


def plays(codes: Iterable[int], code: int | None, selection: Selection) -> bool:
    """Whether a recording in which the instruments ``codes`` play is wanted for ``code``."""
    found = set(codes)
    return code is None or (found == {code} if selection.ensemble is None else code in found)


def about(row: Mapping[str, str], code: int | None) -> dict[str, str]:
    """What the metadata says of a recording, and the instrument whose notes are taken."""
    said = {name: row[name] for name in ("composer", "composition", "movement", "ensemble", "source") if name in row}
    return said if code is None else said | {"instrument": INSTRUMENTS[code]}


def work_of(row: Mapping[str, str], identity: str) -> str:
    """One movement of one composition; without metadata the recording itself."""
    # Schubert wrote two "Piano Sonata in A major"; the catalogue's number tells them apart.
    return f"{row['composer']} {row['catalog_name']}: {row['composition']}: {row['movement']}" if row else identity


def _track(
    folder: Path,
    split: str,
    labels: Path,
    known: Mapping[str, Mapping[str, str]],
    code: int | None,
    selection: Selection,
) -> Track | None:
    identity = labels.stem
    if code is not None:
        codes = {int(number(row, "instrument", labels)) for row in read_labels(labels)}
        if not plays(codes, code, selection):
            return None
    row = known.get(identity, {})
    audio = folder / f"{split}_data" / f"{identity}.wav"
    official = "test" if split == "test" else None
    return Track(f"musicnet_{identity}", audio, (labels,), _notes(labels, code), work_of(row, identity), official,
                 about=about(row, code))  # fmt: skip


def _notes(path: Path, code: int | None) -> Callable[[], tuple[Note, ...]]:
    def read() -> tuple[Note, ...]:
        rows = enumerate(read_labels(path), start=2)
        return tuple(
            sorted(_note(row, path, line) for line, row in rows if code in (None, int(number(row, "instrument", path))))
        )

    return read


def _note(row: dict[str, str], path: Path, line: int) -> Note:
    start_s, end_s = number(row, "start_time", path) / RATE, number(row, "end_time", path) / RATE
    return note(start_s, end_s, number(row, "note", path), UNKNOWN_VELOCITY, path, line)
