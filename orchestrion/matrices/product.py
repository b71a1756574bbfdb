"""Matrix products of packed weights with any number of rows, cut into register tiles."""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled, part, shared_part
from orchestrion.matrices.arithmetic import input_bytes, is_whole, lanes, row_bytes, step_bytes
from orchestrion.matrices.operands import Rows
from orchestrion.matrices.tile import gated_tiles, panel_tiles, row_tiles
from orchestrion.matrices.vectors import never_inlined, set_float
from orchestrion.matrices.whole import to_whole

NOTHING = np.float32(0.0)
PANEL = 32
HALF = PANEL // 2  # a vector of 16 lanes, or its parts


@shared_part
def product(how, n, x, w, out, base, bias, chain, room, bounded, floor):  # pragma: no cover - compiled
    """out[:n] = max(base + bias + (chain + x @ w), floor).

    Args:
        how: see `Arithmetic`.
        x, out, base, chain: `Rows`; no chain has the address 0.
        w: `Weights`.
        bias: address of ``[columns]``, or 0.
        room: address where x is put in whole numbers, ``n * (8 + 2 * k)`` bytes; 0 will do for other weights.
        bounded: not 0 where x is known to lie within -1 .. 1.
    """
    never_inlined()
    prepare(how, n, x, w.k, room, bounded)
    multiply(how, n, x, w, out, base, bias, chain, room, floor)


@compiled(nogil=True)
def call_product(how, n, x, w, out, base, bias, chain, room, bounded, floor):  # pragma: no cover - compiled
    """``product``, to be called from Python."""
    prepare(how, n, x, w.k, room, bounded)
    multiply(how, n, x, w, out, base, bias, chain, room, floor)


@part
def prepare(how, n, x, k, room, bounded):  # pragma: no cover - compiled
    """What ``multiply`` needs of x beside it: for weights of whole numbers, x rounded, in ``room``; all facts first."""
    if is_whole(how):
        for r in range(n):
            to_whole(how, x.address + 4 * r * x.stride, k, room + 8 * n + input_bytes(how) * r * k, room + 8 * r, bounded)


@shared_part
def multiply(how, n, x, w, out, base, bias, chain, room, floor):  # pragma: no cover - compiled
    """``product`` of what ``prepare`` has prepared."""
    never_inlined()
    if is_whole(how):
        x = Rows(room + 8 * n, w.k)
    if n == 1:
        row_product(how, x.address, room, w, out.address, base.address, bias, chain.address, floor)
        return
    panels = w.columns // PANEL
    for column in range(0, HALF, lanes(how)):
        for panel in range(panels):
            first, size = _group(panel, panels)
            c = 4 * (panel * PANEL + column)
            here = w.panels + first * w.k * row_bytes(how) + (panel - first) * step_bytes(how) + column * 4
            panel_tiles(
                how, n, x, w.k, here, size * step_bytes(how), w.scale + c, room, Rows(out.address + c, out.stride),
                Rows(base.address + c, base.stride), bias + c if bias else bias,
                Rows(chain.address + c if chain.address else chain.address, chain.stride), floor,
            )  # fmt: skip


@part
def _group(panel, panels):  # pragma: no cover - compiled
    """The first panel of those that lie side by side with ``panel``, and how many they are: 4, and in the end 2 and 1."""
    fours = panels & ~3
    if panel < fours:
        return panel & ~3, 4
    if panel < fours + (panels & 2):
        return fours, 2
    return panels - 1, 1


@part
def row_product(how, x, x_facts, w, out, base, bias, chain, floor):  # pragma: no cover - compiled
    """``multiply`` of one row, by addresses; of whole numbers, x and x_facts are what ``to_whole`` wrote."""
    for column in range(0, HALF, lanes(how)):
        row_tiles(how, x, x_facts, w, column, out, base, bias, chain, floor)


@part
def gated_product(how, x, x_facts, w, base, chain, out, out_whole):  # pragma: no cover - compiled
    """out = tanh(f) * sigmoid(g) of one row, where f and g, in the order of the renderer's ``packing.gate_order``, are
    base + (chain + x @ w), by addresses.

    Of whole numbers, x and x_facts are what ``to_whole`` wrote, and the same is written for ``out`` to the `WholeRow` ``out_whole``.
    """
    if is_whole(how):
        set_float(out_whole.facts + 4, NOTHING)
    for column in range(0, HALF, lanes(how)):
        gated_tiles(how, x, x_facts, w, column, base, chain, out, out_whole)
