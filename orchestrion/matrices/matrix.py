"""Weights laid out once for the kernels: panels of 32 columns, in float32, bfloat16 or int8.

A matrix ``[k, c]`` becomes panels of 32 columns, four of them side by side (in the end, if so many are left, two and one):
``[k, 4, 32]``, so that one row's tile reads its weights from front to back. By itself that is half as fast again as four
streams from the second-level cache; in a whole sample, where other things wait too, the difference was within the noise.
Rows are padded with zeros to multiples of 16 and columns to multiples of 32; the padding never reaches an output. The layout
is the same for all widths of vectors.

Storage:
    float32   as trained.
    bfloat16  two weights a 32-bit word: column j in the low half, j + 16 in the high half. The kernel shifts for the low
              one and takes the whole word for the high one, whose value so includes the low half as its last bits:
              packing rounds the high half to the nearest number *with* those bits.
    int8      whole numbers -127..127 with one scale a column, stored 128 higher, four rows side by side. What they
              multiply is rounded as finely (with one scale a product), and the sums are exact; see ``whole``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.matrices.arithmetic import BFLOAT16, INT8, PANEL_BYTES, ROWS
from orchestrion.matrices.emitter import PANEL
from orchestrion.matrices.memory import aligned
from orchestrion.matrices.operands import Weights

ROW_MULTIPLE = 16
TOGETHER = 4  # panels side by side
WHOLE_OFFSET = 128
GREATEST = 127
TINY = np.float32(2.0**-100)


@dataclass(frozen=True)
class Matrix:
    """One packed matrix ``[k, c]``: ``panels``, its bytes, and ``scale [c]`` (ones unless they are whole numbers)."""

    panels: np.ndarray
    scale: np.ndarray
    k: int
    columns: int
    storage: str

    @property
    def weights(self) -> Weights:
        """Where they lie, for the kernels."""
        return Weights(self.panels.ctypes.data, self.scale.ctypes.data, self.k, self.columns)

    @property
    def n_bytes(self) -> int:
        return self.panels.nbytes


def pack_matrix(matrix: np.ndarray, storage: str, scales: np.ndarray | None = None) -> Matrix:
    """Pack ``[k, c]`` float32. ``scales [c]``, for whole numbers: by default, a 127th of each column's greatest."""
    k, columns = padded(matrix.shape[0]), padded(matrix.shape[1], PANEL)
    panels: np.ndarray = grown(matrix, k, columns).reshape(k, columns // PANEL, PANEL).swapaxes(0, 1)  # [panels, k, 32]
    scale = np.ones(columns, dtype=np.float32)
    if storage == INT8:
        scale = _column_scales(panels).reshape(columns) if scales is None else grown(scales, columns, fill=1)
        whole = np.rint(panels / scale.reshape(-1, 1, PANEL)) + WHOLE_OFFSET
        panels = whole.astype(np.uint8).reshape(-1, k // 4, 4, PANEL).swapaxes(2, 3)  # [panels, k / 4, 32, 4]
    elif storage == BFLOAT16:
        panels = _bfloat16_words(panels[..., :16], panels[..., 16:])
    groups = [panels[first : first + size].swapaxes(0, 1) for first, size in _groups(len(panels))]
    flat = np.concatenate([np.ascontiguousarray(group).reshape(-1).view(np.uint8) for group in groups])
    return Matrix(aligned(flat), aligned(scale), k, columns, storage)


def unpack_matrix(matrix: Matrix) -> np.ndarray:
    """The ``[k, c]`` float32 the kernel multiplies by: the twin of ``pack_matrix``."""
    storage, k, parts = matrix.storage, matrix.k, []
    for first, size in _groups(matrix.columns // PANEL):
        start, n_bytes = (panels * k * PANEL_BYTES[storage] for panels in (first, size))
        group = matrix.panels[start : start + n_bytes].reshape(k // ROWS[storage], size, -1).swapaxes(0, 1)
        parts.append(np.ascontiguousarray(group))
    panels = np.concatenate(parts)  # [panels, k / rows side by side, bytes]
    if storage == INT8:
        values = (panels.reshape(-1, k // 4, PANEL, 4).astype(np.float32) - WHOLE_OFFSET).swapaxes(2, 3)
    elif storage == BFLOAT16:
        words = panels.view(np.uint32)
        values = np.concatenate([(words << np.uint32(16)).view(np.float32), words.view(np.float32)], axis=-1)
    else:
        values = panels.view(np.float32)
    dense: np.ndarray = values.reshape(-1, k, PANEL).swapaxes(0, 1).reshape(k, matrix.columns) * matrix.scale
    return dense


def _groups(n: int) -> list[tuple[int, int]]:
    """(first, how many) of the panels that lie side by side, as ``products`` takes them."""
    fours = [(first, 4) for first in range(0, n - 3, 4)]
    twos = [(n // 4 * 4, 2)] if n & 2 else []
    return fours + twos + ([(n - 1, 1)] if n & 1 else [])


def padded(size: int, multiple: int = ROW_MULTIPLE) -> int:
    return -(-size // multiple) * multiple


def grown(array: np.ndarray, *shape: int, fill: float = 0.0) -> np.ndarray:
    """An aligned float32 copy in a corner of ``shape``, with ``fill`` around it."""
    out = aligned(np.full(shape, fill, dtype=np.float32))
    out[tuple(slice(0, n) for n in array.shape)] = array
    return out


def _column_scales(panels: np.ndarray) -> np.ndarray:
    """``[panels, 32]``: what makes each column's greatest weight 127, and 1 for a column of zeros."""
    greatest = np.abs(panels).max(axis=1)
    return np.where(greatest > 0, greatest / GREATEST, 1).astype(np.float32)


def _bfloat16_words(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    low_bits = _round_to_bfloat16(low)
    # A high half of 0 would make the word a denormal number, on which processors stall: 2**-100 is as good as nothing.
    high = np.where(np.abs(high) < TINY, TINY, high).astype(np.float32)
    below = (np.ascontiguousarray(high).view(np.uint32) & np.uint32(0xFFFF0000)) | low_bits
    candidates = np.stack([below - np.uint32(0x10000), below, below + np.uint32(0x10000)])
    # A step down from +0 or up from the largest exponent would be NaN or another sign: such candidates never win.
    values = np.nan_to_num(candidates.view(np.float32), nan=np.inf, posinf=np.inf, neginf=np.inf)
    best = np.abs(values.astype(np.float64) - high).argmin(axis=0)
    nearest: np.ndarray = np.take_along_axis(candidates, best[None], axis=0)[0]
    return nearest


def _round_to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper 16 bits of each value rounded to nearest even, as uint32 below 65536."""
    bits = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
    rounded = bits + np.uint64(0x7FFF) + ((bits >> np.uint64(16)) & np.uint64(1))
    return (rounded >> np.uint64(16)).astype(np.uint32)

