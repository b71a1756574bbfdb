"""The compiled sample loop: every voice one sample further, again and again; nothing is allocated inside."""

from __future__ import annotations

import numpy as np

from orchestrion.bridge.randomness import uniform_scalar
from orchestrion.compiled import compiled
from orchestrion.renderer.kernels.products import product
from orchestrion.renderer.kernels.vectors import add, copy, exponentials, gate, greatest, read_float

# Columns of `layers` (int64, one row a layer): addresses, the dilation, and how many past products are made at once.
GATE, GATE_SCALE, AFTER, AFTER_SCALE, AFTER_BIAS, RING, DILATION, AHEAD, CHAIN = range(9)
# Entries of `places` (int64): addresses and sizes. UNIT is the biased exponent of what lies within -1 .. 1. NONE is 0: a
# literal 0 would be a type of its own, and compile anew.
(
    EMBED_NOW, EMBED_BEFORE, EXCITATION, EXCITATION_ROWS, EXCITATION_SCALE, SKIP_BIAS, HEAD, HEAD_SCALE, HEAD_BIAS,
    OUT, OUT_SCALE, OUT_BIAS, ZEROS, WIDTH, SKIP_WIDTH, HEAD_WIDTH, LEVELS_WIDTH, LEVELS, HOP, ROW_BYTES, UNIT, NONE,
) = range(22)  # fmt: skip
N_PLACES = 22
# Addresses of scratch, [v, ...] each: "stream" is h and then the skip sum; "a" the gates' input; "z" their output.
SCRATCH = ("stream", "a", "z", "head", "logits", "weights", "whole")
STREAM, A, Z, HEAD_SUM, LOGITS, WEIGHTS, WHOLE = range(7)
LEAST = np.float32(-np.inf)
NOTHING = np.float32(0.0)


@compiled(nogil=True)
def run(
    width, storage, plain, places, layers, scratch, rows, excitation, sharpness, keys, counters, now, before, out, forced,
    clock, first, n_steps,
):  # fmt: skip  # pragma: no cover - compiled
    """Draw samples ``first .. first + n_steps`` of a block for all voices.

    Args:
        width, storage, plain: compile-time tags: of the vectors, of the weights, and of float32 weights.
        places, layers, scratch: addresses and sizes, see above.
        rows: address of [f, layers, v, 2 * width] float32.
        excitation: address of [f * hop, v, excitation rows] float32.
        sharpness: [f, v] float32, one over the temperature.
        keys, counters: [v] uint64 streams of random numbers; int64 numbers drawn so far.
        now, before: [v] int64 levels of the last sample and of the one before; updated.
        out: [f * hop, v] int32 levels, written.
        forced: [f * hop, v] int32; a level >= 0 is taken instead of the drawn one.
        clock: samples since the rings were empty; tells the slots.
    """
    n = len(keys)
    n_layers = len(layers)
    for t in range(first, first + n_steps):
        frame = t // places[HOP]
        _input(width, plain, n, places, scratch, excitation, t, now, before)
        row = rows + 8 * frame * n_layers * n * places[WIDTH]
        _stack(width, storage, n, places, layers, scratch, row, clock + t - first)
        _head(width, storage, n, places, scratch)
        for v in range(n):
            u = uniform_scalar(keys[v], counters[v])
            level = _draw(width, places, scratch, v, sharpness[frame, v], u)
            if forced[t, v] >= 0:
                level = forced[t, v]
            counters[v] += 1
            before[v], now[v] = now[v], level
            out[t, v] = level


@compiled(nogil=True)
def _input(width, plain, n, places, scratch, excitation, t, now, before):  # pragma: no cover - compiled
    """stream = E_now[now] + E_before[before] + excitation @ W | b_skip."""
    residual, skips, none = places[WIDTH], places[SKIP_WIDTH], places[NONE]
    length = skips + residual
    for v in range(n):
        stream = scratch[STREAM] + 4 * v * length
        for c in range(0, skips, len(width)):
            copy(width, places[SKIP_BIAS] + 4 * c, stream + 4 * (residual + c))
        for c in range(0, residual, len(width)):
            a = places[EMBED_NOW] + 4 * (now[v] * residual + c)
            add(width, a, places[EMBED_BEFORE] + 4 * (before[v] * residual + c), stream + 4 * c)
    if places[EXCITATION]:
        k, h = places[EXCITATION_ROWS], scratch[STREAM]
        product(
            width, plain, n, excitation + 4 * t * n * k, k, k, none, none, none, places[EXCITATION], 128 * k, none, residual,
            h, length, h, length, none, places[EXCITATION_SCALE], scratch[WHOLE], none, none, none, LEAST,
        )  # fmt: skip


@compiled(nogil=True)
def _stack(width, storage, n, places, layers, scratch, row, clock):  # pragma: no cover - compiled
    """All gated layers: leaves relu(skip sum + bias) in the stream."""
    residual, skips, none = places[WIDTH], places[SKIP_WIDTH], places[NONE]
    stream, a, z = scratch[STREAM], scratch[A], scratch[Z]
    length, last = skips + residual, len(layers) - 1
    for i in range(last + 1):
        layer = layers[i]
        past = layer[RING] + 4 * (clock & (layer[DILATION] - 1)) * n * residual
        _gate_sums(
            width, storage, n, places, layer, scratch[WHOLE], past, stream, length, a, row + 8 * i * n * residual, clock
        )  # fmt: skip
        for v in range(n):
            for c in range(0, residual, len(width)):
                copy(width, stream + 4 * (v * length + c), past + 4 * (v * residual + c))
                filtered = a + 4 * (2 * v * residual + c)
                gate(width, filtered, filtered + 4 * residual, z + 4 * (v * residual + c))
        if i < last:
            product(
                width, storage, n, z, residual, residual, none, none, none, layer[AFTER], residual * places[ROW_BYTES],
                residual, length, stream, length, stream, length, layer[AFTER_BIAS], layer[AFTER_SCALE], scratch[WHOLE], places[UNIT],
                none, none, LEAST,
            )  # fmt: skip
    layer, skip = layers[last], stream + 4 * residual
    product(
        width, storage, n, z, residual, residual, none, none, none, layer[AFTER] + residual * (residual // 32) * places[ROW_BYTES],
        residual * places[ROW_BYTES], none, skips, skip, length, skip, length, layer[AFTER_BIAS] + 4 * residual,
        layer[AFTER_SCALE] + 4 * residual, scratch[WHOLE], places[UNIT], none, none, NOTHING,
    )  # fmt: skip


@compiled(nogil=True)
def _gate_sums(
    width, storage, n, places, layer, whole, past, h, length, a, row, clock
):  # fmt: skip  # pragma: no cover - compiled
    """a = row + past @ W_past + h @ W_now.

    With few voices the weights' way from the cache is what takes time. The past of the next ``AHEAD`` samples is already
    known (it is at most the dilation), so its chains are made that many at once and only continued here.
    """
    residual, none = places[WIDTH], places[NONE]
    k, row_bytes, ahead = residual, places[ROW_BYTES], layer[AHEAD]
    stride = 2 * residual * row_bytes
    if ahead <= 1 and len(storage) < 3:  # whole numbers have one scale for each x, so x2 is another product
        product(
            width, storage, n, past, k, k, h, length, k, layer[GATE], stride, none, 2 * k,
            a, 2 * k, row, 2 * k, none, layer[GATE_SCALE], whole, none, none, none, LEAST,
        )  # fmt: skip
        return
    turn = clock & (ahead - 1)
    if turn == 0:
        product(
            width, storage, ahead * n, past, k, k, none, none, none, layer[GATE], stride, none, 2 * k,
            layer[CHAIN], 2 * k, places[ZEROS], none, none, layer[GATE_SCALE], whole, none, none, none, LEAST,
        )  # fmt: skip
    product(
        width, storage, n, h, length, k, none, none, none, layer[GATE] + k * row_bytes, stride, none, 2 * k,
        a, 2 * k, row, 2 * k, none, layer[GATE_SCALE], whole, none, layer[CHAIN] + 8 * turn * n * k, 2 * k, LEAST,
    )  # fmt: skip


@compiled(nogil=True)
def _head(width, storage, n, places, scratch):  # pragma: no cover - compiled
    """The last two products: leaves the logits in scratch."""
    skips, hidden, levels, none = places[SKIP_WIDTH], places[HEAD_WIDTH], places[LEVELS_WIDTH], places[NONE]
    product(
        width, storage, n, scratch[STREAM] + 4 * places[WIDTH], skips + places[WIDTH], skips, none, none, none, places[HEAD],
        skips * places[ROW_BYTES], none, hidden, scratch[HEAD_SUM], hidden, places[HEAD_BIAS], none, none, places[HEAD_SCALE], scratch[WHOLE], none,
        none, none, NOTHING,
    )  # fmt: skip
    product(
        width, storage, n, scratch[HEAD_SUM], hidden, hidden, none, none, none, places[OUT], hidden * places[ROW_BYTES],
        none, levels, scratch[LOGITS], levels, places[OUT_BIAS], none, none, places[OUT_SCALE], scratch[WHOLE], none, none, none,
        LEAST,
    )  # fmt: skip


@compiled(nogil=True)
def _draw(width, places, scratch, v, sharpness, u):  # pragma: no cover - compiled
    """The first level at which the cumulative softmax exceeds ``u``.

    Sums go by blocks of 16 in a fixed order, so that they are the same for all widths of vectors.
    """
    n = places[LEVELS_WIDTH]
    logits, weights = scratch[LOGITS] + 4 * v * n, scratch[WEIGHTS]
    peak = greatest(width, logits, n)
    for c in range(0, n, len(width)):
        exponentials(width, logits + 4 * c, weights + 4 * c, peak, sharpness)
    total = 0.0
    for block in range(0, n, 16):
        total += _sum16(weights + 4 * block)
    target = u * total
    below, block = 0.0, 0
    while block < n - 16:
        above = below + _sum16(weights + 4 * block)
        if above > target:
            break
        below = above
        block += 16
    level = block
    while level < block + 15:
        below += read_float(weights + 4 * level)
        if below > target:
            break
        level += 1
    return min(level, places[LEVELS] - 1)


@compiled(nogil=True)
def _sum16(address):  # pragma: no cover - compiled
    total = read_float(address)
    for i in range(1, 16):
        total += read_float(address + 4 * i)
    return total
