"""The Bach Violin Dataset (Dong et al. 2022): recordings of the solo sonatas and partitas, aligned to their scores.

- ``info.csv`` has a row for every movement: its ``collection`` (folder), ``source_filename``, ``start`` and ``end`` in
  that source as h:mm:ss, ``violinist`` and ``work``. A source may hold a whole sonata.
- ``alignments/COLLECTION/NAME.csv`` has a row ``start,end`` for each note, in seconds after that start.
- ``notes/COLLECTION/NAME.csv`` has the notes in the same order: ``onset,offset`` in ticks of the score,
  ``pitch,velocity``.
- ``audio.csv`` has the ``license`` of every source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from orchestrion.datasets.recordings.tracks import Selection, Track, checked, inside, note, plain_name, require
from orchestrion.datasets.untrusted.textfiles import number, read_csv
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

COLUMNS = ("filename", "collection", "violinist", "work", "mov", "movement", "source_filename", "start", "end")


def read_bach_violin(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every movement with an alignment whose recording is there (two collections have to be fetched by hand).

    Raises:
        OrchestrionError: no info.csv, a malformed row, or nothing that fits the selection.
    """
    root = folder / "bach-violin" if (folder / "bach-violin" / "info.csv").exists() else folder
    info, licences = require(root, "info.csv"), _licences(root / "audio.csv")
    rows = read_csv(info, COLUMNS)
    chosen = [row for row in rows if selection.takes(row["work"], row["collection"], row["violinist"])]
    tracks = [track for row in chosen if (track := _track(root, info, row, licences)) is not None]
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
        return sum(float(field) * float(60**power) for power, field in enumerate(reversed(fields)))
    except ValueError as error:
        raise OrchestrionError(f"{path} has {text!r} for a time; it should be h:mm:ss.") from error


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
    return Track(plain_name(name), audio, (alignment, notes), partial(_notes, alignment, notes),
                 f"{row['work']} {row['mov'].partition('-')[0]}", None, start_s, stop_s, about=about)  # fmt: skip


def _notes(alignment: Path, score: Path) -> Iterator[Note]:
    times, notes = read_csv(alignment, ("start", "end")), read_csv(score, ("onset", "offset", "pitch", "velocity"))
    if len(times) != len(notes):
        raise OrchestrionError(f"{alignment} has {len(times)} rows, but {score} has {len(notes)}; one is not whole.")
    for line, (time, written) in enumerate(zip(times, notes, strict=True), start=2):
        onset_s, offset_s = number(time, "start", alignment), number(time, "end", alignment)
        pitch, velocity = number(written, "pitch", alignment), number(written, "velocity", alignment)
        yield note(onset_s, offset_s, pitch, velocity, alignment, line)


def _licences(path: Path) -> dict[str, str]:
    return {row["filename"]: row["license"] for row in read_csv(path, ("filename", "license"))} if path.exists() else {}
