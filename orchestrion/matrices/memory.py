"""Memory for the kernels: vectors aligned to cache lines, and large blocks on large pages where the system has them."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import numpy as np

LINE = 64  # bytes; also the widest vector
LARGE_PAGE = 2**21


def aligned(array: np.ndarray) -> np.ndarray:
    """A copy that begins at a multiple of 64 bytes, so that no vector straddles two cache lines."""
    return together([array])[0]


def aligned_zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return _block(n_bytes)[:n_bytes].view(dtype).reshape(shape)


def aligned_empty(*shape: int) -> np.ndarray:
    """Uninitialised float32 that begin at a multiple of 64 bytes."""
    buffer = np.empty(4 * int(np.prod(shape)) + LINE, dtype=np.uint8)
    start = -buffer.ctypes.data % LINE
    return buffer[start : len(buffer) - LINE + start].view(np.float32).reshape(shape)


def together(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Copies of ``arrays`` one after another in one block: what is read in this order streams from the cache best."""
    block = _block(sum(_to_lines(array.nbytes) for array in arrays))
    copies, start = [], 0
    for array in arrays:
        copy = block[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        copy[...] = array
        copies.append(copy)
        start += _to_lines(array.nbytes)
    return copies


def _to_lines(n_bytes: int) -> int:
    return -(-n_bytes // LINE) * LINE


def _block(n_bytes: int) -> np.ndarray:
    """Zeroed bytes from a multiple of 64. Large ones lie on large pages: thousands of small ones would exhaust the
    processor's table of addresses, and hardware prefetching stops at the end of a page.
    """
    if n_bytes < LARGE_PAGE // 16:
        buffer = np.zeros(n_bytes + LINE, dtype=np.uint8)
        return buffer[-buffer.ctypes.data % LINE :]
    length = -(-n_bytes // LARGE_PAGE) * LARGE_PAGE + LARGE_PAGE
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # shared ones, the default, stay small
        pages.madvise(mmap.MADV_HUGEPAGE)
    else:
        pages = mmap.mmap(-1, length)
    buffer = np.frombuffer(pages, dtype=np.uint8)
    return buffer[-buffer.ctypes.data % LARGE_PAGE :]
