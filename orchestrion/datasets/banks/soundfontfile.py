"""What of a SoundFont file is checked before a program in C is given it: its chunks lie within each other and the file, its zones
can be counted.

    RIFF size "sfbk"
        LIST size "INFO" | "sdta" | "pdta"
            name size content, ...

A preset has zones, each of which names an instrument; that has zones, each of which names a sample. All pairs are made when a preset
is loaded, and all that a key lies in sound.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from orchestrion.datasets.untrusted.textfiles import check_ordinary
from orchestrion.errors import OrchestrionError
from orchestrion.files import reading

HEAD_BYTES = 8
MOST_CHUNKS = 64  # of a list; the specification has 13
LISTS = {b"INFO", b"sdta", b"pdta"}
INSTRUMENT = 41  # the generator by which a preset's zone names its instrument
MOST_TABLE_BYTES = 64 << 20
MOST_ZONES = 500_000  # FluidR3_GM.sf2 has 18,082


def check_soundfont(path: Path) -> None:
    """Refuse what is no SoundFont, or one that is not whole.

    Raises:
        OrchestrionError: it is not, it cannot be read, or it has more than `MOST_ZONES` zones.
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
            kind = handle.read(min(size, 4))
            kinds.add(kind)
            parts = _chunks(handle, place + 4, place + size, path, n_bytes) if size > 4 else []
            if kind == b"pdta":
                n_zones = _n_zones(handle, parts)
                if n_zones > MOST_ZONES:
                    raise OrchestrionError(f"The SoundFont {path} has {n_zones} zones; at most {MOST_ZONES} are read.")
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


def _n_zones(handle: BinaryIO, parts: list[tuple[int, int]]) -> int:
    """Pairs of a preset's zone and its instrument's, of all presets."""
    tables = {}
    for place, size in parts:
        handle.seek(place - HEAD_BYTES)
        tables[handle.read(4)] = (place, size)
    if not {b"pgen", b"inst"} <= tables.keys():
        return 0  # FluidSynth refuses it
    generators = _records(handle, *tables[b"pgen"], [("kind", "<u2"), ("amount", "<u2")])
    bags = _records(handle, *tables[b"inst"], [("name", "V20"), ("bag", "<u2")])["bag"].astype(np.int64)
    named = generators["amount"][generators["kind"] == INSTRUMENT]
    return int(np.maximum(np.diff(bags), 0)[named[named < len(bags) - 1]].sum())


def _records(handle: BinaryIO, place: int, size: int, fields: list[tuple[str, str]]) -> np.ndarray:
    kind = np.dtype(fields)
    handle.seek(place)
    return np.frombuffer(handle.read(min(size, MOST_TABLE_BYTES) // kind.itemsize * kind.itemsize), dtype=kind)


def _size(head: bytes) -> int:
    size: int = struct.unpack_from("<I", head, 4)[0]
    return size
