"""The Bach Violin Dataset (Dong et al. 2022): recordings of the solo sonatas and partitas, aligned to their scores.

``info.csv`` says of every movement its ``collection`` (folder), ``source_filename``, the ``start`` and ``end`` in it
as h:mm:ss, ``violinist`` and ``work``; a source may hold a whole sonata. ``alignments/COLLECTION/NAME.csv`` has a row
``start,end`` for each note, in seconds after that start; ``notes/COLLECTION/NAME.csv`` has the notes in the same
order: ``onset,offset`` in ticks of the score, ``pitch,velocity``. ``audio.csv`` has the ``license`` of every source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrion.datasets.layouts.maestro import inside
from orchestrion.datasets.recordings.tracks import Selection, Track, checked, note, plain_name, require
from orchestrion.datasets.untrusted.tables import number, read_csv
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

COLUMNS = ("filename", "collection", "violinist", "work", "mov", "movement", "source_filename", "start", "end")


def read_bach_violin(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every movement with an alignment whose recording is there (two collections have to be fetched by hand).

    Raises:
        OrchestrionError: no info.csv, a malformed row, or nothing that fits the selection.
    """
    root = folder / "bach-violin" if (folder / "bach-violin" / "info.csv").exists() else folder
    info = require(root, "info.csv")
    rows = [row for row in read_csv(info, COLUMNS) if _chosen(row, selection)]
    licences = _licences(root)
    tracks = [track for row in rows if (track := _track(root, info, row, licences)) is not None]
    return checked(tracks, folder, "movement with its recording that fits")


def seconds(text: str, path: Path) -> float:
    """``0:04:13`` in seconds.

    Raises:
        OrchestrionError: it is no such time.
    """
    fields = text.split(":")
    try:
        if not 1 <= len(fields) <= 3:
            raise ValueError(text)
        return sum(float(field) * 60**power for power, field in enumerate(reversed(fields)))
    except ValueError as error:
        raise OrchestrionError(f"{path} has {text!r} for a time; it should be h:mm:ss.") from error


def _chosen(row: dict[str, str], selection: Selection) -> bool:
    fits = selection.collection in (None, row["collection"], row["violinist"])
    return fits and (selection.work or "").casefold() in row["work"].casefold()


def _track(root: Path, info: Path, row: dict[str, str], licences: dict[str, str]) -> Track | None:
    name, collection, source = row["filename"], row["collection"], row["source_filename"]
    audio = inside(root, info, f"audio/{collection}/{source}")
    alignment = inside(root, info, f"alignments/{collection}/{name}.csv")
    notes = inside(root, info, f"notes/{collection}/{name}.csv")
    if not (audio.exists() and alignment.exists()):
        return None
    start_s, stop_s = seconds(row["start"], info), seconds(row["end"], info)
    about = {"violinist": row["violinist"], "work": row["work"], "movement": row["movement"]}
    about |= {"licence": licences.get(source, "see the LICENSE file beside the recording")}
    work = f"{row['work']} {row['mov'].partition('-')[0]}"
    reader = _notes(alignment, notes)
    return Track(plain_name(name), audio, (alignment, notes), reader, work, None, start_s, stop_s, about=about)


def _notes(alignment: Path, score: Path) -> Callable[[], tuple[Note, ...]]:
    def read() -> tuple[Note, ...]:
        times, notes = read_csv(alignment, ("start", "end")), read_csv(score, ("onset", "offset", "pitch", "velocity"))
        if len(times) != len(notes):
            raise OrchestrionError(
                f"{alignment} has {len(times)} rows, but {score} has {len(notes)}; one is not whole."
            )
        rows = enumerate(zip(times, notes, strict=True), start=2)
        return tuple(sorted(_note(time, written, alignment, line) for line, (time, written) in rows))

    return read


def _note(time: dict[str, str], written: dict[str, str], path: Path, line: int) -> Note:
    onset_s, offset_s = number(time, "start", path), number(time, "end", path)
    return note(onset_s, offset_s, number(written, "pitch", path), number(written, "velocity", path), path, line)


def _licences(root: Path) -> dict[str, str]:
    path = root / "audio.csv"
    return {row["filename"]: row["license"] for row in read_csv(path, ("filename", "license"))} if path.exists() else {}
