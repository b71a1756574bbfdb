"""Notes beside a recording: NAME.tsv, tab-separated, with the header ``onset_s offset_s pitch velocity``; or NAME.mid."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrion.datasets.untrusted.textfiles import decoded, read_bytes
from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write
from orchestrion.limits import MAX_NOTES
from orchestrion.score import Note, Score

SHOWN = 300  # characters of what is wrong with a line: a number may have thousands of digits
COLUMNS = ("onset_s", "offset_s", "pitch", "velocity")
# Alignment by dynamic time warping can leave a note no time at all; it was played nevertheless.
SHORTEST_S = 0.001
# Notes a hair after the last sample come from rounding; a whole quarter of a second belongs to another recording.
END_SLACK_S = 0.25
# A pedalled note may be written down as lasting until after the recording was cut.
OFFSET_SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class NotesFile:
    """Notes on disk: the file ``path``, or ``size`` bytes of it from byte ``start`` (a member of a shard)."""

    path: Path
    start: int = 0
    size: int | None = None

    def read(self) -> tuple[Note, ...]:
        """See `read_notes`."""
        return parse_notes(decoded(self._bytes(), self.path), self.path)

    def checksum(self) -> str:
        """SHA-256 of the bytes."""
        return hashlib.sha256(self._bytes()).hexdigest()

    def _bytes(self) -> bytes:
        return read_bytes(self.path, self.start, self.size)


def read_notes(path: str | os.PathLike[str]) -> tuple[Note, ...]:
    """Read a file of notes, sorted by onset and pitch.

    Times are seconds from the start of the audio beside it. A note that ends as it begins lasts `SHORTEST_S`.

    Raises:
        OrchestrionError: no such file, another header, or a malformed row; the sentence gives the line.
    """
    return NotesFile(Path(path)).read()


def midi_notes(path: Path) -> tuple[Note, ...]:
    """Every pitched note of a MIDI file; one held by the sustain pedal lasts until the pedal comes up.

    Raises:
        OrchestrionError: see `Score.read`.
    """
    return Score.read(path).notes


def parse_notes(text: str, source: Path) -> tuple[Note, ...]:
    """The notes in ``text``; errors name ``source``."""
    lines = text.splitlines()
    if not lines or tuple(lines[0].split("\t")) != COLUMNS:
        raise OrchestrionError(f"{source} must begin with the tab-separated line {' '.join(COLUMNS)}.")
    if len(lines) - 1 > MAX_NOTES:
        raise OrchestrionError(f"{source} holds more than {MAX_NOTES:,} notes; split it.")
    rows = [_note(source, number, line) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    return tuple(sorted(rows, key=_order))


def write_notes(path: str | os.PathLike[str], notes: Iterable[Note]) -> None:
    """Write ``notes``, sorted, with microseconds, atomically."""
    rows = (f"{n.onset_s:.6f}\t{n.offset_s:.6f}\t{n.pitch}\t{n.velocity}" for n in sorted(notes, key=_order))
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(["\t".join(COLUMNS), *rows]) + "\n", encoding="ascii")


def past_the_end(notes: Sequence[Note], duration_s: float, onset_slack_s: float = 0.0) -> list[Note]:
    """The notes that audio of ``duration_s`` cannot hold.

    They begin ``onset_slack_s`` or more after its end, or end more than `OFFSET_SLACK_S` after it.
    """
    last_s = duration_s + onset_slack_s
    return [n for n in notes if n.onset_s >= last_s or n.offset_s > duration_s + OFFSET_SLACK_S]


def _order(note: Note) -> tuple[float, int]:
    return note.onset_s, note.pitch


def _note(source: Path, number: int, line: str) -> Note:
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise OrchestrionError(f"{source}, line {number}, has {len(fields)} fields, not {len(COLUMNS)}: {line[:60]!r}.")
    try:
        onset_s, offset_s = float(fields[0]), float(fields[1])
        offset_s = onset_s + SHORTEST_S if offset_s == onset_s else offset_s
        return Note(onset_s, offset_s, int(fields[2]), int(fields[3]))
    except OrchestrionError as error:
        raise OrchestrionError(f"{source}, line {number}: {str(error)[:SHOWN]}") from error
    except ValueError as error:
        raise OrchestrionError(
            f"{source}, line {number}, is not two times, a pitch and a velocity: {line[:60]!r}."
        ) from error
