"""Notes beside a recording: NAME.tsv, tab-separated, with the header ``onset_s offset_s pitch velocity``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write
from orchestrion.limits import MAX_NOTES, MAX_TEXT_BYTES
from orchestrion.score import Note

# Alignment by dynamic time warping can leave a note no time at all; it was played nevertheless.
SHORTEST_S = 0.001

COLUMNS = ("onset_s", "offset_s", "pitch", "velocity")


@dataclass(frozen=True, slots=True)
class NotesTable:
    """A table of notes on disk: ``path``, or ``size`` bytes of it from byte ``start`` (a member of a shard)."""

    path: Path
    start: int = 0
    size: int | None = None

    def read(self) -> tuple[Note, ...]:
        """See `read_notes`."""
        return parse_notes(_text(self.path, self.start, self.size), self.path)

    def checksum(self) -> str:
        """SHA-256 of the table's bytes."""
        return hashlib.sha256(_text(self.path, self.start, self.size).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class HeldNotes:
    """Notes in memory, where a table on disk would stand."""

    notes: tuple[Note, ...]

    def read(self) -> tuple[Note, ...]:
        """The notes."""
        return self.notes


def read_notes(path: str | os.PathLike[str]) -> tuple[Note, ...]:
    """Read a table of notes, sorted by onset and pitch.

    Times are seconds from the start of the audio beside it. A note that ends as it begins lasts `SHORTEST_S`.

    Raises:
        OrchestrionError: no such file, another header, or a malformed row; the sentence gives the line.
    """
    return NotesTable(Path(path)).read()


def parse_notes(text: str, source: Path) -> tuple[Note, ...]:
    """The notes of a table's ``text``; errors name ``source``."""
    lines = text.splitlines()
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        raise OrchestrionError(f"{source} must begin with the tab-separated line {' '.join(COLUMNS)}.")
    if len(lines) - 1 > MAX_NOTES:
        raise OrchestrionError(f"{source} holds more than {MAX_NOTES:,} notes; split it.")
    rows = [_note(source, number, line) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    return tuple(sorted(rows, key=lambda note: (note.onset_s, note.pitch)))


def write_notes(path: str | os.PathLike[str], notes: Iterable[Note]) -> None:
    """Write ``notes``, sorted, with microseconds, atomically."""
    rows = sorted(notes, key=lambda note: (note.onset_s, note.pitch))
    lines = ["\t".join(COLUMNS)]
    lines += [f"{note.onset_s:.6f}\t{note.offset_s:.6f}\t{note.pitch}\t{note.velocity}" for note in rows]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


def _text(source: Path, start: int = 0, size: int | None = None) -> str:
    try:
        with open(source, "rb") as handle:
            handle.seek(start)
            content = handle.read(MAX_TEXT_BYTES + 1 if size is None else min(size, MAX_TEXT_BYTES + 1))
        if len(content) > MAX_TEXT_BYTES:
            raise OrchestrionError(f"{source} is larger than {MAX_TEXT_BYTES >> 20} MiB; that is no table of notes.")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OrchestrionError(f"{source} is not text (byte {error.start}); export the notes as UTF-8.") from error
    except OSError as error:
        raise OrchestrionError(f"Cannot read {source}: {error.strerror or error}.") from error


def _note(source: Path, number: int, line: str) -> Note:
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise OrchestrionError(f"{source}, line {number}, has {len(fields)} fields, not {len(COLUMNS)}: {line[:60]!r}.")
    try:
        onset_s, offset_s = float(fields[0]), float(fields[1])
        offset_s = onset_s + SHORTEST_S if offset_s == onset_s else offset_s
        return Note(onset_s, offset_s, int(fields[2]), int(fields[3]))
    except OrchestrionError as error:
        raise OrchestrionError(f"{source}, line {number}: {error}") from error
    except ValueError as error:
        raise OrchestrionError(
            f"{source}, line {number}, is not two times, a pitch and a velocity: {line[:60]!r}."
        ) from error
