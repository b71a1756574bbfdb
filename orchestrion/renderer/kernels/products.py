"""Matrix products of packed weights with any number of rows, cut into register tiles."""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.renderer.kernels.tile import gated_tile, product_tile
from orchestrion.renderer.kernels.vectors import always_inlined, never_inlined, set_float
from orchestrion.renderer.kernels.whole import to_whole

NOTHING = np.float32(0.0)
PANEL_COLUMNS = 32
ONE = (0,)


@compiled(nogil=True)
def product(
    width, storage, n, x, ldx, k, x2, ldx2, k2, w, stride, columns, out, ldo, base, ldb, bias, scale, whole, exponent, chain,
    ldc, floor,
):  # fmt: skip  # pragma: no cover - compiled
    """out[:n, :columns] = max(base + bias + (chain + x @ w + x2 @ w2), floor); see ``product_tile``.

    All are addresses or lengths: ``columns`` is a multiple of 32, ``stride`` the bytes from one panel to the next,
    ``whole`` room for n * (8 + 2 * k) bytes, used for int8 storage. ``exponent``, where x has a known bound, is that of its
    greatest magnitude, biased by 127; 0 to look for it.
    """
    never_inlined()
    x_scale = whole
    if len(storage) == 3:
        for r in range(n):
            to_whole(width, storage, x + 4 * r * ldx, k, whole + 8 * n + 2 * r * k, whole + 8 * r, exponent)
        x, ldx = whole + 8 * n, k
    if n == 1:
        row_product(width, storage, x, k, x2, k2, w, stride, columns, out, base, bias, scale, x_scale, chain, floor)
        return
    for part in range(0, PANEL_COLUMNS // 2, len(width)):
        for panel in range(columns // PANEL_COLUMNS):
            c = 4 * (panel * PANEL_COLUMNS + part)
            bias_here, chain_here = bias + c if bias else bias, chain + c if chain else chain
            _panel(
                width, storage, n, x, ldx, k, x2, ldx2, k2, w + panel * stride + part * 4, stride, out + c, ldo, base + c, ldb,
                bias_here, scale + c, x_scale, chain_here, ldc, floor,
            )  # fmt: skip


@compiled(nogil=True)
def row_product(
    width, storage, x, k, x2, k2, w, stride, columns, out, base, bias, scale, x_scale, chain, floor
):  # fmt: skip  # pragma: no cover - compiled
    """``product`` of one row; for int8 storage, of what ``to_whole`` wrote at ``x`` and ``x_scale``."""
    always_inlined()
    panels = columns // PANEL_COLUMNS
    for part in range(0, PANEL_COLUMNS // 2, len(width)):
        panel = 0
        while panel < panels:
            c, here = 4 * (panel * PANEL_COLUMNS + part), w + panel * stride + part * 4
            bias_here, chain_here, left = bias + c if bias else bias, chain + c if chain else chain, panels - panel
            if left >= 4:  # 8 accumulators hide the latency of the multiply-adds
                product_tile(
                    width, storage, ONE, (0,) * 4, x, k, k, x2, k, k2, here, stride, out + c, k, base + c, k, bias_here, scale + c,
                    x_scale, chain_here, k, floor,
                )  # fmt: skip
                panel += 4
            elif left >= 2:
                product_tile(
                    width, storage, ONE, (0,) * 2, x, k, k, x2, k, k2, here, stride, out + c, k, base + c, k, bias_here, scale + c,
                    x_scale, chain_here, k, floor,
                )  # fmt: skip
                panel += 2
            else:
                product_tile(
                    width, storage, ONE, ONE, x, k, k, x2, k, k2, here, stride, out + c, k, base + c, k, bias_here, scale + c,
                    x_scale, chain_here, k, floor,
                )  # fmt: skip
                panel += 1


@compiled(nogil=True)
def gated_product(
    width, storage, x, x_scale, k, w, stride, channels, base, chain, scale, out, whole, numbers
):  # fmt: skip  # pragma: no cover - compiled
    """out = tanh(f) * sigmoid(g) of one row, where (f | g) = base + (chain + x @ w) has ``channels`` columns each.

    For int8 storage, x, x_scale are what ``to_whole`` wrote, and it is written to ``whole``, ``numbers`` for ``out``.
    """
    always_inlined()
    if len(storage) == 3:
        set_float(numbers + 4, NOTHING)
    across, panels = channels // PANEL_COLUMNS * stride, channels // PANEL_COLUMNS
    for part in range(0, PANEL_COLUMNS // 2, len(width)):
        panel = 0
        while panel < panels:
            c, here = 4 * (panel * PANEL_COLUMNS + part), w + panel * stride + part * 4
            if panels - panel > 1:
                gated_tile(
                    width, storage, (0,) * 2, x, k, here, stride, across, base + c, chain + c, scale + c, x_scale, channels,
                    out + c, whole + c // 2, numbers,
                )  # fmt: skip
                panel += 2
            else:
                gated_tile(
                    width, storage, (0,), x, k, here, stride, across, base + c, chain + c, scale + c, x_scale, channels,
                    out + c, whole + c // 2, numbers,
                )  # fmt: skip
                panel += 1


@compiled(nogil=True)
def _panel(
    width, storage, n, x, ldx, k, x2, ldx2, k2, w, stride, out, ldo, base, ldb, bias, scale, x_scale, chain, ldc, floor
):  # fmt: skip  # pragma: no cover - compiled
    """One panel (its part of ``lanes`` columns twice), rows in tiles of 12, 8, 4 and the rest; of 6 in place of 12 and 8
    where the host may have 16 vector registers alone, and for int8, which takes two a sum.
    """
    never_inlined()
    r, x_bytes = 0, 2 if len(storage) == 3 else 4
    while n - r >= 12 and len(width) == 16 and len(storage) < 3:
        product_tile(
            width, storage, (0,) * 12, (0,), x + x_bytes * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
            chain + 4 * r * ldc if chain else chain, ldc, floor,
        )  # fmt: skip
        r += 12
    while n - r >= 8 and len(width) == 16 and len(storage) < 3:
        product_tile(
            width, storage, (0,) * 8, (0,), x + x_bytes * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
            chain + 4 * r * ldc if chain else chain, ldc, floor,
        )  # fmt: skip
        r += 8
    while n - r >= 6 and (len(width) < 16 or len(storage) == 3):
        product_tile(
            width, storage, (0,) * 6, (0,), x + x_bytes * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
            chain + 4 * r * ldc if chain else chain, ldc, floor,
        )  # fmt: skip
        r += 6
    while n - r >= 4:
        product_tile(
            width, storage, (0,) * 4, (0,), x + x_bytes * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
            chain + 4 * r * ldc if chain else chain, ldc, floor,
        )  # fmt: skip
        r += 4
    if n - r == 3:
        product_tile(
            width, storage, (0,) * 3, (0,), x + x_bytes * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
            chain + 4 * r * ldc if chain else chain, ldc, floor,
        )  # fmt: skip
    elif n - r == 2:
        product_tile(
            width, storage, (0,) * 2, (0,), x + x_bytes * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
            chain + 4 * r * ldc if chain else chain, ldc, floor,
        )  # fmt: skip
    elif n - r == 1:
        product_tile(
            width, storage, (0,), (0,), x + x_bytes * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, x_scale + 8 * r,
            chain + 4 * r * ldc if chain else chain, ldc, floor,
        )  # fmt: skip
