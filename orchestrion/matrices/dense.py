"""A product with packed weights from Python: ``x @ w + bias`` in float32, one chain of multiply-adds for each number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from orchestrion.matrices.emitter import FLOAT32
from orchestrion.matrices.matrix import Matrix, grown, pack_matrix
from orchestrion.matrices.memory import aligned_empty, aligned_zeros
from orchestrion.matrices.product import product
from orchestrion.matrices.width import lanes_tag, storage_tag

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
        product(
            lanes_tag(), storage_tag(FLOAT32), n, x.ctypes.data, stride, m.k, m.address, m.columns, out.ctypes.data, m.columns,
            zeros.ctypes.data, 0, self.bias.ctypes.data, m.scale.ctypes.data, 0, 0, 0 if chain is None else chain.ctypes.data,
            m.columns, floor,
        )  # fmt: skip
        return out
