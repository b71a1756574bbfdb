"""A product with packed weights from Python: ``x @ w + bias`` in float32, one chain of multiply-adds for each number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from orchestrion.matrices.arithmetic import FLOAT32, host
from orchestrion.matrices.matrix import Matrix, grown, pack_matrix
from orchestrion.matrices.memory import aligned_empty, aligned_zeros
from orchestrion.matrices.operands import Rows
from orchestrion.matrices.product import call_product

LEAST = np.float32(-np.inf)


@dataclass(frozen=True)
class Dense:
    """A matrix ``[k, c]`` and what is added to its products, ``[c]``. Rows do not depend on how many are asked for at once."""

    matrix: Matrix
    bias: np.ndarray

    @classmethod
    def of(cls, weight: np.ndarray, bias: np.ndarray | None = None) -> Self:
        """Pack ``[k, c]``, padded to multiples of 16 and 32."""
        matrix = pack_matrix(weight, FLOAT32)
        return cls(matrix, grown(np.zeros(0) if bias is None else bias, matrix.columns))

    def __call__(self, x: np.ndarray, *, n: int, stride: int, chain: np.ndarray | None = None, floor: np.float32 = LEAST) -> np.ndarray:
        """max(chain + x @ w + bias, floor), ``[n, columns]``, columns with their padding.

        Args:
            x: contiguous float32, of which row i is the ``matrix.k`` numbers from ``i * stride``: rows may overlap.
            chain: ``[n, columns]``, continued.
        """
        m = self.matrix
        if x.dtype != np.float32 or not x.flags.c_contiguous or x.size < (n - 1) * stride + m.k:
            raise ValueError(f"{n} rows of {m.k} numbers, {stride} apart, do not lie in {x.size} of {x.dtype}.")
        out, zeros = aligned_empty(n, m.columns), aligned_zeros(m.columns)
        call_product(
            host(FLOAT32), n, Rows(x.ctypes.data, stride), m.weights, Rows(out.ctypes.data, m.columns), Rows(zeros.ctypes.data, 0),
            self.bias.ctypes.data, Rows(0 if chain is None else chain.ctypes.data, m.columns), 0, 0, floor,
        )  # fmt: skip
        return out
