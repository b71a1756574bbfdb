"""Matrix products of packed weights with any number of rows, cut into register tiles."""

from __future__ import annotations

from numba import njit

from orchestrion.renderer.kernels.vectors import never_inlined, product_tile

PANEL_COLUMNS = 32


@njit(nogil=True, cache=True)
def product(
    width, storage, n, x, ldx, k, x2, ldx2, k2, w, columns, out, ldo, base, ldb, bias, scale, chain, ldc, floor
):  # fmt: skip  # pragma: no cover - compiled
    """out[:n, :columns] = max(base + bias + scale * (chain + x @ w + x2 @ w2), floor); see ``product_tile``.

    All are addresses or lengths; ``w`` has ``k + k2`` rows and ``columns`` (a multiple of 32) columns.
    """
    never_inlined()
    lanes, row_bytes, word_bytes = len(width), 256 >> len(storage), 1 if len(storage) == 3 else 4
    stride = (k + k2) * row_bytes
    last = columns // PANEL_COLUMNS
    for part in range(0, 16, lanes):
        panel = 0
        while n == 1 and last - panel >= 4:
            c = 4 * (panel * PANEL_COLUMNS + part)
            product_tile(
                width, storage, (0,) * 1, (0,) * 4, x, ldx, k, x2, ldx2, k2, w + panel * stride + part * word_bytes,
                stride, out + c, ldo, base + c, ldb, bias + c if bias else 0, scale + c, chain + c if chain else 0, ldc, floor,
            )  # fmt: skip
            panel += 4
        while panel < last:
            c = 4 * (panel * PANEL_COLUMNS + part)
            _panel(
                width, storage, n, x, ldx, k, x2, ldx2, k2, w + panel * stride + part * word_bytes, stride,
                out + c, ldo, base + c, ldb, bias + c if bias else 0, scale + c, chain + c if chain else 0, ldc, floor,
            )  # fmt: skip
            panel += 1


@njit(nogil=True, cache=True)
def _panel(
    width, storage, n, x, ldx, k, x2, ldx2, k2, w, stride, out, ldo, base, ldb, bias, scale, chain, ldc, floor
):  # fmt: skip  # pragma: no cover - compiled
    """One panel (its part of ``lanes`` columns twice) of ``product``, rows in tiles of 12, 8, 4, 2 and 1."""
    never_inlined()
    r = 0
    while n - r >= 12:
        product_tile(
            width, storage, (0,) * 12, (0,) * 1, x + 4 * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, chain + 4 * r * ldc, ldc, floor,
        )  # fmt: skip
        r += 12
    while n - r >= 8:
        product_tile(
            width, storage, (0,) * 8, (0,) * 1, x + 4 * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, chain + 4 * r * ldc, ldc, floor,
        )  # fmt: skip
        r += 8
    while n - r >= 4:
        product_tile(
            width, storage, (0,) * 4, (0,) * 1, x + 4 * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, chain + 4 * r * ldc, ldc, floor,
        )  # fmt: skip
        r += 4
    while n - r >= 2:
        product_tile(
            width, storage, (0,) * 2, (0,) * 1, x + 4 * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, chain + 4 * r * ldc, ldc, floor,
        )  # fmt: skip
        r += 2
    while n - r >= 1:
        product_tile(
            width, storage, (0,) * 1, (0,) * 1, x + 4 * r * ldx, ldx, k, x2 + 4 * r * ldx2, ldx2, k2, w, stride,
            out + 4 * r * ldo, ldo, base + 4 * r * ldb, ldb, bias, scale, chain + 4 * r * ldc, ldc, floor,
        )  # fmt: skip
        r += 1
