"""Bounded reader of cell arrays of real matrices in MATLAB 5 files; SciPy's own crashes on damaged ones.

File layout (https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf): a header of 128 bytes, then elements, each a type, a
number of bytes, and so many bytes, padded to eight::

    matrix (14)      ─ flags and class ─ dimensions ─ name ─ numbers, in column order     cells instead of numbers where the class says so
    compressed (15)  ─ one element, by zlib
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

HEADER = 128
MATRIX, COMPRESSED = 14, 15
CELLS, NUMERIC = 1, range(6, 16)
COMPLEX = 0x0800
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
MOST_BYTES = 64 << 20  # of an element unpacked
MOST_ELEMENTS = 100_000  # side by side
NAMED_WITHIN = 4096  # bytes of a matrix


class MatlabError(ValueError):
    """Damaged, or not what is read here."""


def read_cells(content: bytes, variable: str) -> list[np.ndarray] | None:
    """The matrices in the cell array ``variable``, in column order; None where there is no such variable.

    Numbers keep the type that they are stored in.

    Raises:
        MatlabError: damaged, not MATLAB 5, unpacking to more than `MOST_BYTES`, or no cell array of real matrices.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or content[124:126] != (b"\x00\x01" if order == "<" else b"\x01\x00"):
        raise MatlabError("it has another header")
    for kind, data in _elements(memoryview(content)[HEADER:], order):
        if kind == COMPRESSED:
            if not _is_named(_unpacked(data, NAMED_WITHIN, is_whole=False), variable, order):
                continue
            kind, data = next(_elements(memoryview(_unpacked(data, MOST_BYTES)), order))
        if kind != MATRIX:
            continue
        head, rest = _head(data, order)
        if head.name != variable:
            continue
        if head.kind != CELLS or len(rest) != prod(head.shape):
            raise MatlabError(f"{variable} is no cell array, or is cut short")
        return [_matrix(kind, cell, order) for kind, cell in rest]
    return None


@dataclass(frozen=True)
class _Head:
    kind: int
    flags: int
    shape: tuple[int, ...]
    name: str


def _head(data: memoryview, order: str) -> tuple[_Head, Sequence[tuple[int, memoryview]]]:
    """What a matrix is, and its elements after that."""
    parts = list(_elements(data, order))
    if len(parts) < 3:
        raise MatlabError("a matrix lacks its head")
    return _head_of(parts, order), parts[3:]


def _head_of(parts: Sequence[tuple[int, memoryview]], order: str) -> _Head:
    flags, shape = (_numbers(kind, data, order) for kind, data in parts[:2])
    if len(flags) != 2 or shape.dtype.kind not in "iu" or not 2 <= len(shape) <= 8 or shape.min() < 0:
        raise MatlabError("a matrix lacks its class or its dimensions")
    return _Head(int(flags[0]) & 0xFF, int(flags[0]), tuple(map(int, shape)), bytes(parts[2][1]).decode("latin-1"))


def _is_named(start: bytes, variable: str, order: str) -> bool:
    """Whether ``start``, the first bytes of an unpacked element, begin a matrix of this name."""
    if len(start) < 8 or np.frombuffer(start, f"{order}u4", 1)[0] != MATRIX:
        return False
    elements = _elements(memoryview(start)[8:], order)
    try:
        return _head_of([next(elements) for _ in range(3)], order).name == variable
    except StopIteration:
        raise MatlabError("a matrix lacks its head") from None


def _matrix(kind: int, data: memoryview, order: str) -> np.ndarray:
    if kind != MATRIX:
        raise MatlabError("a cell is no matrix")
    if not data:
        return np.empty((0, 0), np.uint8)
    head, rest = _head(data, order)
    if head.kind not in NUMERIC or head.flags & COMPLEX or len(rest) != 1:
        raise MatlabError("a cell is not a roll: it holds no real numbers")
    numbers = _numbers(*rest[0], order)
    if len(numbers) != prod(head.shape):
        raise MatlabError("a cell has another number of numbers than its dimensions say")
    return numbers.reshape(head.shape, order="F")


def _numbers(kind: int, data: memoryview, order: str) -> np.ndarray:
    if kind not in STORED or len(data) % np.dtype(STORED[kind]).itemsize:
        raise MatlabError("numbers of another type, or cut short")
    return np.frombuffer(data, order + STORED[kind])


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Type and bytes of each element, none of them copied."""
    at = 0
    for _ in range(MOST_ELEMENTS):
        if at >= len(data):
            return
        if len(data) - at < 8:
            raise MatlabError("it is cut short")
        first, n_bytes = (int(word) for word in np.frombuffer(data, f"{order}u4", 2, at))
        if first >> 16:  # up to four bytes, within the second word
            kind, n_bytes, start, following = first & 0xFFFF, first >> 16, at + 4, at + 8
        else:
            kind, start = first, at + 8
            following = start + n_bytes + (0 if kind == COMPRESSED else -n_bytes % 8)
        if start + n_bytes > len(data) or (first >> 16 and n_bytes > 4):
            raise MatlabError("it is cut short")
        yield kind, data[start : start + n_bytes]
        at = following
    raise MatlabError("it has more elements than a file of piano rolls")


def _unpacked(data: memoryview, most: int, *, is_whole: bool = True) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, most)
    except zlib.error as error:
        raise MatlabError("it cannot be unpacked") from error
    if is_whole and not unpacker.eof:
        raise MatlabError(f"it is cut short, or unpacks to more than {most >> 20} MiB")
    return content
