"""Memory layout of the sample loop: tables of addresses and sizes, defined once for Python and compiled code.

Python fills them as structured arrays; compiled code reads the fields of a record by name. Addresses are passed, not arrays:
counting references to arrays would take a tenth of the time. docs/kernels.md derives the layout.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from orchestrion.matrices.emitter import INT64, PANEL
from orchestrion.matrices.matrix import Matrix
from orchestrion.matrices.operands import Weights

# `matrices.operands.Weights` by its fields.
MATRIX = np.dtype([("panels", np.int64), ("scale", np.int64), ("k", np.int64), ("columns", np.int64)])
LAYER = np.dtype([
    ("past", MATRIX), ("now", MATRIX), ("residual", MATRIX), ("skips", MATRIX), ("residual_bias", np.int64),
    ("ring", np.int64), ("dilation", np.int64),
    ("ahead", np.int64),  # samples, a group, whose past products are made at once
    ("chain", np.int64),  # those of two groups; the last bit of a group's number tells which half is its own
    ("made", np.int64),  # the group that the helper last made them for
])  # fmt: skip
NETWORK = np.dtype([
    ("layers", np.int64), ("n_layers", np.int64), ("width", np.int64), ("hop", np.int64),
    ("codes", np.int64),  # that a sample can have
    ("mixtures", np.int64),  # 0 of a softmax
    ("embed_now", np.int64), ("embed_before", np.int64),  # of a softmax
    ("history", MATRIX),  # of a mixture, float32
    ("skip_bias", np.int64), ("head", MATRIX), ("head_bias", np.int64), ("out", MATRIX), ("out_bias", np.int64), ("zeros", np.int64),
    ("z_step", np.int64),  # bytes from one layer's gates to the next one's
    ("words", np.int64),  # what two threads tell each other, 0 without a helper
    # Columns that the drawing thread keeps of what is shared.
    ("own_skips", np.int64), ("own_head", np.int64), ("own_out", np.int64),
])  # fmt: skip
# Addresses, [v, ...] each. "stream" is h and then the skip sum; "a" the gates' input, "z" their output. "room" is for whole numbers,
# as `matrices.product.product` wants it; of one voice h and z are kept as such in "whole_h" and, for two layers, "whole_z".
SCRATCH = np.dtype([
    (name, np.int64) for name in ("stream", "a", "z", "hidden", "out", "weights", "room", "whole_h", "whole_z", "values")
])  # fmt: skip
WEIGHTS = types.NamedUniTuple(types.int64, 4, Weights)
LINE = 64  # bytes from where the facts of "whole_h" and "whole_z" are to their numbers


def table(dtype: np.dtype, n: int = 1) -> np.ndarray:
    """``n`` records of zeros."""
    return np.zeros(n, dtype)


def row_of(matrix: Matrix) -> tuple[int, ...]:
    """What `MATRIX` says of a packed matrix."""
    return tuple(matrix.weights)


def _record_at(dtype):
    """A function for compiled code: the i-th record of a table at an address."""
    kind = from_dtype(dtype)

    @intrinsic
    def record_at(typing, address, i):
        def code(context, builder, signature, arguments):
            begin, number = arguments
            here = builder.add(begin, builder.mul(number, INT64(dtype.itemsize)))
            return builder.inttoptr(here, context.get_value_type(kind))

        return kind(types.int64, types.int64), code

    return record_at


layer_at, network_at, scratch_at = (_record_at(dtype) for dtype in (LAYER, NETWORK, SCRATCH))


@intrinsic
def weights_of(typing, matrix):
    """The `Weights` that a record `MATRIX` tells of."""

    def code(context, builder, signature, arguments):
        return _read(builder, arguments[0])

    return WEIGHTS(matrix), code


@intrinsic
def columns_of(typing, how, matrix, start, columns):
    """``columns`` of a record's weights from ``start``, a multiple of 128, as panels lie side by side in fours."""

    def code(context, builder, signature, arguments):
        _, record, first, n = arguments
        panels, scale, k, _ = (builder.extract_value(_read(builder, record), i) for i in range(4))
        rows = builder.mul(builder.sdiv(first, INT64(PANEL)), k)
        fields = builder.add(panels, builder.mul(rows, INT64(how.how.row_bytes))), builder.add(scale, builder.mul(first, INT64(4))), k, n
        return cgutils.pack_array(builder, fields)

    return WEIGHTS(how, matrix, types.int64, types.int64), code


def _read(builder, record):
    """The four numbers of a `MATRIX`, as a tuple has them."""
    return builder.load(builder.bitcast(record, ir.ArrayType(INT64, 4).as_pointer()), align=8)
