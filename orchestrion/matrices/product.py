"""Matrix products of packed weights with any number of rows, cut into register tiles."""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.matrices.emitter import INT8_STORED
from orchestrion.matrices.tile import gated_tile, product_tile, row_bytes, step_bytes
from orchestrion.matrices.vectors import always_inlined, never_inlined, set_float
from orchestrion.matrices.whole import input_bytes, to_whole

NOTHING = np.float32(0.0)
PANEL_COLUMNS = 32
ONE = (0,)


@compiled(nogil=True)
def product(
    width, storage, n, x, ldx, k, w, columns, out, ldo, base, ldb, bias, scale, whole, known, chain, ldc, floor
):  # fmt: skip  # pragma: no cover - compiled
    """out[:n, :columns] = max(base + bias + (chain + x @ w), floor); see ``product_tile``.

    All are addresses or lengths: ``columns`` is a multiple of 32; ``whole`` and ``known`` as for ``prepare``.
    """
    never_inlined()
    prepare(width, storage, n, x, ldx, k, whole, known)
    multiply(width, storage, n, x, ldx, k, w, columns, out, ldo, base, ldb, bias, scale, whole, chain, ldc, floor)


@compiled(nogil=True)
def prepare(width, storage, n, x, ldx, k, whole, known):  # pragma: no cover - compiled
    """What ``multiply`` needs of x beside it: for weights of whole numbers, x rounded, in ``whole``, room for n * (8 + 2 * k) bytes.

    ``known`` is not 0 where x is known to lie within -1 .. 1.
    """
    if len(storage) == INT8_STORED:
        for r in range(n):
            to_whole(width, storage, x + 4 * r * ldx, k, whole + 8 * n + input_bytes(storage) * r * k, whole + 8 * r, known)


@compiled(nogil=True)
def multiply(
    width, storage, n, x, ldx, k, w, columns, out, ldo, base, ldb, bias, scale, whole, chain, ldc, floor
):  # fmt: skip  # pragma: no cover - compiled
    """``product`` of what ``prepare`` has prepared."""
    never_inlined()
    if len(storage) == INT8_STORED:
        x, ldx = whole + 8 * n, k
    if n == 1:
        row_product(width, storage, x, k, w, columns, out, base, bias, scale, whole, chain, floor)
        return
    panels, step = columns // PANEL_COLUMNS, step_bytes(storage)
    for part in range(0, PANEL_COLUMNS // 2, len(width)):
        for panel in range(panels):
            first, size = _group(panel, panels)
            c, here = 4 * (panel * PANEL_COLUMNS + part), w + first * k * row_bytes(storage) + (panel - first) * step + part * 4
            bias_here, chain_here = bias + c if bias else bias, chain + c if chain else chain
            _panel(
                width, storage, n, x, ldx, k, here, size * step, out + c, ldo, base + c, ldb, bias_here, scale + c, whole,
                chain_here, ldc, floor,
            )  # fmt: skip


@compiled(nogil=True)
def _group(panel, panels):  # pragma: no cover - compiled
    """The first panel of those that lie side by side with ``panel``, and how many they are: 4, and in the end 2 and 1."""
    fours = panels & ~3
    if panel < fours:
        return panel & ~3, 4
    if panel < fours + (panels & 2):
        return fours, 2
    return panels - 1, 1


@compiled(nogil=True)
def row_product(
    width, storage, x, k, w, columns, out, base, bias, scale, x_scale, chain, floor
):  # fmt: skip  # pragma: no cover - compiled
    """``multiply`` of one row; for weights of whole numbers, of what ``to_whole`` wrote at ``x`` and ``x_scale``."""
    always_inlined()
    panels = columns // PANEL_COLUMNS
    for part in range(0, PANEL_COLUMNS // 2, len(width)):
        panel = 0
        while panels - panel >= 4:  # 8 accumulators hide the latency of the multiply-adds
            panel = _columns(width, storage, (0,) * 4, panel, part, x, k, w, out, base, bias, scale, x_scale, chain, floor)
        if panels - panel >= 2:
            panel = _columns(width, storage, (0,) * 2, panel, part, x, k, w, out, base, bias, scale, x_scale, chain, floor)
        if panel < panels:
            _columns(width, storage, ONE, panel, part, x, k, w, out, base, bias, scale, x_scale, chain, floor)


@compiled(nogil=True)
def _columns(
    width, storage, side_by_side, panel, part, x, k, w, out, base, bias, scale, x_scale, chain, floor
):  # fmt: skip  # pragma: no cover - compiled
    """The tile of one row and as many panels as ``side_by_side`` is long, from ``panel`` on; the panel after them."""
    always_inlined()
    c, here = 4 * (panel * PANEL_COLUMNS + part), w + panel * k * row_bytes(storage) + part * 4
    product_tile(
        width, storage, ONE, side_by_side, x, k, k, here, len(side_by_side) * step_bytes(storage), out + c, k, base + c, k,
        bias + c if bias else bias, scale + c, x_scale, chain + c if chain else chain, k, floor,
    )  # fmt: skip
    return panel + len(side_by_side)


@compiled(nogil=True)
def gated_product(
    width, storage, x, x_scale, k, w, channels, base, chain, scale, out, whole, numbers
):  # fmt: skip  # pragma: no cover - compiled
    """out = tanh(f) * sigmoid(g) of one row and ``channels``, where f and g, in the order of the renderer's ``packing.gate_order``, are
    base + (chain + x @ w).

    For weights of whole numbers, x, x_scale are what ``to_whole`` wrote, and it is written to ``whole``, ``numbers`` for ``out``.
    """
    always_inlined()
    if len(storage) == INT8_STORED:
        set_float(numbers + 4, NOTHING)
    panels, step = channels // PANEL_COLUMNS, step_bytes(storage)
    for part in range(0, PANEL_COLUMNS // 2, len(width)):
        panel = 0
        while panel < panels:
            c, here = 8 * panel * PANEL_COLUMNS + 4 * part, w + 2 * panel * k * row_bytes(storage) + part * 4
            z = panel * PANEL_COLUMNS + part
            if panels - panel > 1:
                gated_tile(
                    width, storage, (0,) * 4, x, k, here, 4 * step, base + c, chain + c, scale + c, x_scale, out + 4 * z,
                    whole + z * input_bytes(storage), numbers,
                )  # fmt: skip
                panel += 2
            else:
                gated_tile(
                    width, storage, (0,) * 2, x, k, here, 2 * step, base + c, chain + c, scale + c, x_scale, out + 4 * z,
                    whole + z * input_bytes(storage), numbers,
                )  # fmt: skip
                panel += 1


@compiled(nogil=True)
def _panel(
    width, storage, n, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor
):  # fmt: skip  # pragma: no cover - compiled
    """One panel (its part of ``lanes`` columns twice), rows in tiles of 12, 8, 4 and the rest; of 6 in place of 12 and 8
    where the host may have 16 vector registers alone.
    """
    never_inlined()
    r, many = 0, len(width) == 16
    while many and n - r >= 12:
        r = _rows(width, storage, (0,) * 12, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor)
    while many and n - r >= 8:
        r = _rows(width, storage, (0,) * 8, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor)
    while not many and n - r >= 6:
        r = _rows(width, storage, (0,) * 6, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor)
    while n - r >= 4:
        r = _rows(width, storage, (0,) * 4, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor)
    if n - r == 3:
        _rows(width, storage, (0,) * 3, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor)
    elif n - r == 2:
        _rows(width, storage, (0,) * 2, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor)
    elif n - r == 1:
        _rows(width, storage, ONE, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor)


@compiled(nogil=True)
def _rows(
    width, storage, rows, r, x, ldx, k, w, step, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor
):  # fmt: skip  # pragma: no cover - compiled
    """The tile of as many rows as ``rows`` is long, from row ``r`` on; the row after them."""
    always_inlined()
    product_tile(
        width, storage, rows, ONE, x + input_bytes(storage) * r * ldx, ldx, k, w, step,
        out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
        chain + 4 * r * ldc if chain else chain, ldc, floor,
    )  # fmt: skip
    return r + len(rows)
