"""The outside of a SoundFont file: its chunks lie within each other and the file, before a program in C is given it.

    RIFF size "sfbk"
        LIST size "INFO" | "sdta" | "pdta"
            name size content, ...
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from orchestrion.datasets.untrusted.textfiles import check_ordinary
from orchestrion.errors import OrchestrionError
from orchestrion.files import reading

HEAD_BYTES = 8
MOST_CHUNKS = 64  # of a list; the specification has 13
LISTS = {b"INFO", b"sdta", b"pdta"}


def check_soundfont(path: Path) -> None:
    """Refuse what is no SoundFont, or one that is not whole.

    Raises:
        OrchestrionError: it is not, or it cannot be read.
    """
    check_ordinary(path)
    with reading(f"the SoundFont {path}"), open(path, "rb") as handle:
        n_bytes = handle.seek(0, 2)
        handle.seek(0)
        head = handle.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"sfbk":
            raise OrchestrionError(f"{path} is not a SoundFont (.sf2).")
        kinds = set()
        for place, size in _chunks(handle, 12, HEAD_BYTES + _size(head), path, n_bytes):
            handle.seek(place)
            kinds.add(handle.read(min(size, 4)))
            if size > 4:
                _chunks(handle, place + 4, place + size, path, n_bytes)
    if not kinds >= LISTS:
        raise OrchestrionError(f"{path} lacks parts of a SoundFont; is it whole?")


def _chunks(handle: BinaryIO, place: int, end: int, path: Path, n_bytes: int) -> list[tuple[int, int]]:
    """Where the contents of the chunks from ``place`` to ``end`` begin, and their sizes."""
    found: list[tuple[int, int]] = []
    while place + HEAD_BYTES <= end <= n_bytes and len(found) < MOST_CHUNKS:
        handle.seek(place)
        size = _size(handle.read(HEAD_BYTES))
        place += HEAD_BYTES
        if place + size > end:
            break
        found.append((place, size))
        place += size + size % 2
    if place < end or end > n_bytes:
        raise OrchestrionError(f"The sizes in the SoundFont {path} do not fit together; is it whole?")
    return found


def _size(head: bytes) -> int:
    size: int = struct.unpack_from("<I", head, 4)[0]
    return size
