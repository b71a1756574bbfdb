"""Compiled inner loops of the composer's sampler: gates, the sparse input layer, the walk along the notes.

Everything is float32. The products over all pitches are those of ``orchestrion.matrices``; what is here is what matrix
products do badly: 78 steps of matrix times vector with a decision after each, and inputs of which nearly all are zero.
"""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.randomness import uniform_scalar

FAST = {"contract", "nsz", "nnan", "ninf"}  # fused multiply-add, all values finite; no reordering of sums


@compiled(nogil=True, error_model="numpy", fastmath=FAST, inline="always")
def tanh(x):
    """tanh(x) = 2t/(1 + t²) with t = tanh(x/2) from Lambert's continued fraction; absolute error below 3e-7.

    Plain arithmetic, so that the compiler turns loops of it into vector code.
    """
    y = max(min(np.float32(0.5) * x, np.float32(4.5)), np.float32(-4.5))
    q = y * y
    n = y * (np.float32(135135.0) + q * (np.float32(17325.0) + q * (np.float32(378.0) + q)))
    d = np.float32(135135.0) + q * (np.float32(62370.0) + q * (np.float32(3150.0) + q * np.float32(28.0)))
    return np.float32(2.0) * n * d / (n * n + d * d)


@compiled(nogil=True, error_model="numpy", fastmath=FAST, inline="always")
def sigmoid(x):
    """σ(x) = (1 + tanh(x/2)) / 2."""
    return np.float32(0.5) + np.float32(0.5) * tanh(np.float32(0.5) * x)


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def update_cell(gates, c, h):  # pragma: no cover - compiled
    """One LSTM cell: gates i, f, g, o [4u or more] → c, h [u] in place."""
    u = c.shape[0]
    # Slices, since a sum as an index might be negative to the compiler and would keep it from vectorising.
    gates_i, gates_f, gates_g, gates_o = gates[:u], gates[u : 2 * u], gates[2 * u : 3 * u], gates[3 * u :]
    for j in range(u):
        c[j] = sigmoid(gates_f[j]) * c[j] + sigmoid(gates_i[j]) * tanh(gates_g[j])
        h[j] = sigmoid(gates_o[j]) * tanh(c[j])


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def update_cells(gates, shift, c, own, own_at, above):  # pragma: no cover - compiled
    """Cells of all pitches: gates [p, 4u or more] + shift [4u] → c [p, u]; h goes to ``own`` [p, own_at:] and ``above`` [p, :u].

    Whole arrays with an offset rather than views: rows known to be contiguous are what the compiler can vectorise.
    """
    u = c.shape[1]
    for p in range(c.shape[0]):
        g, h, up = gates[p], own[p][own_at : own_at + u], above[p][:u]
        for j in range(4 * u):
            g[j] += shift[j]
        update_cell(g, c[p], h)
        for j in range(u):
            up[j] = h[j]


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def add_inputs(gates, fixed, shift, previous, near, around, pitch_low, wraps):  # pragma: no cover - compiled
    """Add the input layer's share to gates [p, 4u or more]: ``fixed`` [p, 4u], ``shift`` [4u], one row a sounding note and neighbour.

    ``near`` [25, 2, 4u] are the weights of the vicinity, ``around`` [12, 4u] those of the pitch-class context.
    """
    n, m = gates.shape[0], fixed.shape[1]
    for p in range(n):
        for j in range(m):
            gates[p, j] += fixed[p, j] + shift[j]
    for q in range(n):
        if previous[q, 0] == 0:
            continue
        for p in range(n):
            place = (q - p) % 12
            for j in range(m):
                gates[p, j] += around[place, j]
        _add_near(gates, near, previous[q, 1], q)
        if wraps and q >= n - 12:
            _add_near(gates, near, previous[q, 1], q - n)


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def add_memories(gates, near, memory):  # pragma: no cover - compiled
    """Add to gates [p, 4u or more] one row a note of the earlier rolls ``memory`` [m, p, 2] and neighbour; weights ``near`` [m, 25, 2, 4u]."""
    for i in range(memory.shape[0]):
        for q in range(memory.shape[1]):
            if memory[i, q, 0]:
                _add_near(gates, near[i], memory[i, q, 1], q)


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def _add_near(gates, near, articulated, q):  # pragma: no cover - compiled
    m = near.shape[2]
    for p in range(max(0, q - 12), min(gates.shape[0], q + 13)):
        for j in range(m):
            gates[p, j] += near[q - p + 12, 0, j]
        if articulated:
            for j in range(m):
                gates[p, j] += near[q - p + 12, 1, j]


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def accumulate(gates, m, x, k, w, first):  # pragma: no cover - compiled
    """gates [v, :m] += x [v, :k] @ w[first : first + k] (rows of w [., m]) of every piece v, eight rows at a time."""
    i = 0
    while i + 8 <= k:
        r = first + i
        w0, w1, w2, w3, w4, w5, w6, w7 = w[r], w[r + 1], w[r + 2], w[r + 3], w[r + 4], w[r + 5], w[r + 6], w[r + 7]
        for v in range(gates.shape[0]):
            x0, x1, x2, x3 = x[v, i], x[v, i + 1], x[v, i + 2], x[v, i + 3]
            x4, x5, x6, x7 = x[v, i + 4], x[v, i + 5], x[v, i + 6], x[v, i + 7]
            g = gates[v][:m]
            for j in range(m):
                low = x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
                g[j] += low + (x4 * w4[j] + x5 * w5[j] + x6 * w6[j] + x7 * w7[j])
        i += 8
    while i < k:
        row = w[first + i]
        for v in range(gates.shape[0]):
            g, scale = gates[v][:m], x[v, i]
            for j in range(m):
                g[j] += scale * row[j]
        i += 1


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def walk_notes(
    thoughts,
    n_below,
    sizes,
    packed,
    out_w,
    out_b,
    previous,
    allowed,
    polyphony,
    conservativity,
    temperature,
    keys,
    first,
    known,
    given,
    urge,
    rows,
    logits,
    surprise,
):  # pragma: no cover - compiled
    """Decide every note of a step of all pieces v from low to high: their weights are read once for all.

    Args:
        thoughts: [v, p, 4·u0 or more], the time axis' share of the first note layer's gates, bias included.
        n_below: inputs of the first note layer from below: 2, or with the chord (`features.chord_below`) 26.
        sizes: units of each note layer. packed: their weights one after the other (see ``sampler.pack_notes``).
        out_w, out_b: [u, 2], [2].
        previous: the last step [v, p, 2]. allowed: [v, p] in 0/1. polyphony: [v], most notes at once.
        conservativity, temperature: [v].
        keys, first: random streams [v] and their number for the lowest pitch (two numbers a pitch).
        known: [v, p], 1 where the note is as in ``given`` [v, p, 2] and not drawn.
        urge: [v], added to the logits of attacks and taken from those of notes that go on.
        rows: [v, p, 2] uint8, written. logits: [v, p, 2], written. surprise: [v], minus log likelihood of the known notes, written.
    """
    n_pieces, n, n_layers, widest = thoughts.shape[0], thoughts.shape[1], sizes.shape[0], sizes.max()
    c = np.zeros((n_layers, n_pieces, widest), dtype=np.float32)
    h = np.zeros((n_layers, n_pieces, widest), dtype=np.float32)
    gates = np.empty((n_pieces, 4 * widest), dtype=np.float32)
    below = np.zeros((n_pieces, n_below), dtype=np.float32)
    turned = np.empty(24, dtype=np.float32)
    sounding = np.zeros(n_pieces, dtype=np.int64)
    coming = np.zeros(n_pieces, dtype=np.int64)  # known notes above, for which there must be room
    for v in range(n_pieces):
        surprise[v] = 0.0
        for p in range(n):
            coming[v] += known[v, p] and given[v, p, 0]
    for p in range(n):
        at = 0
        for layer in range(n_layers):
            u = sizes[layer]
            k = n_below if layer == 0 else sizes[layer - 1]
            w = packed[at : at + (k + u) * 4 * u].reshape((k + u, 4 * u))
            at += (k + u) * 4 * u
            if layer == 0:
                for v in range(n_pieces):
                    gates[v, : 4 * u] = thoughts[v, p, : 4 * u]
                accumulate(gates, 4 * u, below, k, w, 0)
            else:
                for v in range(n_pieces):
                    gates[v, : 4 * u] = packed[at : at + 4 * u]
                at += 4 * u
                accumulate(gates, 4 * u, h[layer - 1], k, w, 0)
            accumulate(gates, 4 * u, h[layer], u, w, k)
            for v in range(n_pieces):
                update_cell(gates[v, : 4 * u], c[layer, v, :u], h[layer, v, :u])
        for v in range(n_pieces):
            play, attack = out_b[0], out_b[1]
            for j in range(sizes[n_layers - 1]):
                play += h[n_layers - 1, v, j] * out_w[j, 0]
                attack += h[n_layers - 1, v, j] * out_w[j, 1]
            logits[v, p, 0], logits[v, p, 1] = play, attack
            if known[v, p]:
                rows[v, p, 0], rows[v, p, 1] = given[v, p, 0], given[v, p, 1]
                coming[v] -= given[v, p, 0]
                surprise[v] -= np.log(_chance(play if given[v, p, 0] else -play) + 1e-12)
                if given[v, p, 0] and previous[v, p, 0]:
                    surprise[v] -= np.log(_chance(attack if given[v, p, 1] else -attack) + 1e-12)
            else:
                number = first + np.uint64(2 * p)
                rows[v, p, 0] = rows[v, p, 1] = 0
                free = allowed[v, p] and sounding[v] + coming[v] < polyphony[v]
                # A new note is wished for by the urge; one that goes on is not, but for its chance of a new attack.
                wished = play + (urge[v] if previous[v, p, 0] == 0 else -urge[v])
                if free and uniform_scalar(keys[v], number) < _chance(wished / temperature[v]) ** conservativity[v]:
                    rows[v, p, 0] = 1
                    # A note that follows silence has an attack: in the data it always does.
                    second = number + np.uint64(1)
                    if previous[v, p, 0] == 0 or uniform_scalar(keys[v], second) < _chance((attack + urge[v]) / temperature[v]):
                        rows[v, p, 1] = 1
            if n_below > 2:  # the next note is a semitone farther above them all
                chord = below[v, 2:]
                if rows[v, p, 0]:
                    chord[0] += 1
                    if sounding[v] == 0:
                        chord[12] = 1
                for i in range(12):
                    turned[i], turned[12 + i] = chord[(i + 1) % 12], chord[12 + (i + 1) % 12]
                chord[:] = turned
            if rows[v, p, 0]:
                sounding[v] += 1
            below[v, 0], below[v, 1] = rows[v, p, 0], rows[v, p, 1]


@compiled(nogil=True)
def _chance(logit):  # pragma: no cover - compiled
    return 1.0 / (1.0 + np.exp(-np.float64(logit)))
