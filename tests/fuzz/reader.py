"""What a fuzzed reader is: small sound files that the package writes itself, and the call that reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrion.score import Note

RATE = 16000
NOTES = tuple(Note(i / 16, i / 16 + 0.1, 55 + 2 * i, 60 + 10 * i) for i in range(4))


@dataclass(frozen=True)
class Reader:
    """``write`` puts a sound seed into an empty folder; ``read`` reads the folder.

    Attributes:
        write: one function a seed.
        read: raises an `OrchestrionError` where it refuses.
    """

    write: Sequence[Callable[[Path], None]]
    read: Callable[[Path], None]


def seeds(reader: Reader, scratch: Path) -> list[dict[str, bytes]]:
    """The reader's sound files, made in the new folder ``scratch``."""
    found = []
    for number, write in enumerate(reader.write):
        folder = scratch / str(number)
        folder.mkdir(parents=True)
        write(folder)
        found.append({path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})
    return found
