"""Matrix products of packed weights with any number of rows, cut into register tiles."""

from __future__ import annotations

from orchestrion.compiled import compiled
from orchestrion.renderer.kernels.tile import product_tile
from orchestrion.renderer.kernels.vectors import never_inlined
from orchestrion.renderer.kernels.whole import to_whole

PANEL_COLUMNS = 32
WIDEST = 6  # panels of one row: 12 accumulators hide the latency of the multiply-adds


@compiled(nogil=True)
def product(
    width, storage, n, x, ldx, k, x2, ldx2, k2, w, stride, lead, columns, out, ldo, base, ldb, bias, scale, whole, exponent, chain,
    ldc, floor,
):  # fmt: skip  # pragma: no cover - compiled
    """out[:n, :columns] = max(base + bias + (chain + x @ w + x2 @ w2), floor); see ``product_tile``.

    All are addresses or lengths: ``columns`` is a multiple of 32, ``stride`` the bytes from one panel to the next,
    ``whole`` room for n * (8 + 2 * k) bytes, used for int8 storage. ``lead`` columns come first by themselves, so that one
    row's next product can begin while the others are made. ``exponent``, where x has a known bound, is that of its greatest
    magnitude, biased by 127; 0 to look for it.
    """
    never_inlined()
    lanes = len(width)
    x_scale = whole
    if len(storage) == 3:
        for r in range(n):
            to_whole(width, storage, x + 4 * r * ldx, k, whole + 8 * n + 2 * r * k, whole + 8 * r, exponent)
        x, ldx = whole + 8 * n, k
    panels = columns // PANEL_COLUMNS
    for part in range(0, 16, lanes):
        panel = 0
        while panel < panels:
            c = 4 * (panel * PANEL_COLUMNS + part)
            here = w + panel * stride + part * 4
            bias_here, chain_here = bias + c if bias else bias, chain + c if chain else chain
            if n == 1:
                # As equal groups as can be: a narrow rest would wait for its own multiply-adds.
                end = lead // PANEL_COLUMNS if panel * PANEL_COLUMNS < lead else panels
                groups = (end - panel + WIDEST - 1) // WIDEST
                taken = (end - panel + groups - 1) // groups
                _row(
                    width, storage, taken, x, k, x2, k2, here, stride, out + c, base + c, bias_here, scale + c, x_scale,
                    chain_here, floor,
                )  # fmt: skip
                panel += taken
            else:
                _panel(
                    width, storage, n, x, ldx, k, x2, ldx2, k2, here, stride, out + c, ldo, base + c, ldb,
                    bias_here, scale + c, x_scale, chain_here, ldc, floor,
                )  # fmt: skip
                panel += 1


@compiled(nogil=True)
def _row(
    width, storage, panels, x, k, x2, k2, w, stride, out, base, bias, scale, x_scale, chain, floor
):  # fmt: skip  # pragma: no cover - compiled
    """One row, 1 to 6 panels (their part of ``lanes`` columns twice)."""
    never_inlined()
    one = (0,)
    if panels == 6:
        product_tile(
            width, storage, one, (0,) * 6, x, k, k, x2, k, k2, w, stride, out, k, base, k, bias, scale, x_scale, chain, k, floor
        )  # fmt: skip
    elif panels == 5:
        product_tile(
            width, storage, one, (0,) * 5, x, k, k, x2, k, k2, w, stride, out, k, base, k, bias, scale, x_scale, chain, k, floor
        )  # fmt: skip
    elif panels == 4:
        product_tile(
            width, storage, one, (0,) * 4, x, k, k, x2, k, k2, w, stride, out, k, base, k, bias, scale, x_scale, chain, k, floor
        )  # fmt: skip
    elif panels == 3:
        product_tile(
            width, storage, one, (0,) * 3, x, k, k, x2, k, k2, w, stride, out, k, base, k, bias, scale, x_scale, chain, k, floor
        )  # fmt: skip
    elif panels == 2:
        product_tile(
            width, storage, one, (0,) * 2, x, k, k, x2, k, k2, w, stride, out, k, base, k, bias, scale, x_scale, chain, k, floor
        )  # fmt: skip
    else:
        product_tile(
            width, storage, one, one, x, k, k, x2, k, k2, w, stride, out, k, base, k, bias, scale, x_scale, chain, k, floor
        )  # fmt: skip


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
