"""What products of packed weights are made of: addresses and sizes by name, in Python and in compiled code alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Rows of float32: the address of the first, 0 for none, and how many numbers each begins after the one before."""

    address: int
    stride: int


class Weights(NamedTuple):
    """A packed matrix ``[k, columns]``: addresses of its panels and of its columns' scales; see `matrices.matrix`."""

    panels: int
    scale: int
    k: int
    columns: int


class WholeRow(NamedTuple):
    """One row as whole numbers: the address of its numbers, and of its step (float32) and 128 times its sum (int32)."""

    numbers: int
    facts: int


# For arguments of kernels: to numba a literal is a type of its own, for which it would compile anew.
ZERO, ONE = np.int64(0), np.int64(1)
NO_ROWS = Rows(0, 0)
