"""The compiled sample loop: it advances every voice by one sample at a time and allocates nothing.

With few voices a *helper* thread may work beside the drawing thread. It computes most of the skip sums (no later layer needs
them), half of the last two products, and the terms that past samples contribute to coming ones.

The drawing thread never depends on the helper. At every sample it checks whether the helper is ready, and does all of the work
itself if not. If it has waited long within a sample, because another program took the helper's processor, it goes on alone for
a while. Each column is computed by itself, so which thread computes it changes no bit.
"""

from __future__ import annotations

import math

import numpy as np

from orchestrion.compiled import compiled, part
from orchestrion.matrices.arithmetic import is_whole, lanes
from orchestrion.matrices.operands import NO_ROWS, ONE, ZERO, Rows, WholeRow
from orchestrion.matrices.product import gated_product, multiply, prepare, product, row_product
from orchestrion.matrices.vectors import add, copy, exponentials, gate, greatest, read_float, set_float
from orchestrion.matrices.whole import to_whole
from orchestrion.randomness import uniform_scalar
from orchestrion.renderer.coding import LEAST_REST, LOG_SCALE_HIGH, LOG_SCALE_LOW, LOG_SCALE_SHIFT
from orchestrion.renderer.kernels.handover import announce, breathe, heard, wait_for
from orchestrion.renderer.kernels.layout import LINE, columns_of, layer_at, network_at, scratch_at, weights_of
from orchestrion.renderer.kernels.packing import GATED

LEAST = np.float32(-np.inf)
NOTHING = np.float32(0.0)
# Words, a cache line each. The drawing thread writes TURN (twice the sample's number, and 1 if it is shared) and STEP (how far it
# is), its caller STOP; the helper READY (the number of the sample it waits for) and DONE. Numbers of samples begin at 1.
TURN, STEP, STOP, READY, DONE = (64 * line for line in range(5))
WORDS_BYTES = 320
PATIENCE = 20_000  # looks at a word: many times what a helper takes that runs, less than the time another program gets
ALONE = 512  # samples, once it was lost


@compiled(nogil=True)
def run(
    how, plain, last, network, scratch, rows, drive, centre, sharpness, keys, counters, recent, out, forced, clock, first, n_steps,
):  # fmt: skip  # pragma: no cover - compiled
    """Draw samples ``first .. first + n_steps`` of a block for all voices.

    Args:
        how, plain, last: `Arithmetic` of the weights, of float32 weights, and of the last matrix's, which a mixture keeps in float32.
        network, scratch: addresses of a `layout.NETWORK` and a `layout.SCRATCH`.
        rows: address of [f, layers, v, 2 * width] float32.
        drive: address of [f * hop, v, width] float32, added at the input, or 0.
        centre: address of [f * hop, v] float32, what a mixture's means lie about, or 0.
        sharpness: [f, v] float32, one over the temperature.
        keys, counters: [v] uint64 streams of random numbers; int64 numbers drawn so far.
        recent: [v, history] int64 codes of the last samples, oldest first; updated.
        out: [f * hop, v] int32 codes, written.
        forced: [f * hop, v] int32; a code >= 0 is taken instead of the drawn one.
        clock: samples since the rings were empty; tells the slots.
    """
    n, net, own = len(keys), network_at(network, 0), scratch_at(scratch, 0)
    from_turn = 0
    for t in range(first, first + n_steps):
        turn = clock + t - first + 1
        shared = 0
        if net.words:
            shared = int(turn >= from_turn and heard(net.words + READY) == turn)
            announce(net.words + TURN, 2 * turn + shared)
        frame = t // net.hop
        _input(plain, n, net, own, drive, t, recent)
        row = rows + 8 * frame * net.n_layers * n * net.width
        if n == 1:
            _stack_of_one(how, net, own, row, turn, shared)
        else:
            _stack(how, n, net, own, row, turn, shared)
        if not _head(how, last, n, net, own, turn, shared):
            from_turn = turn + ALONE
        for v in range(n):
            u = uniform_scalar(keys[v], counters[v])
            if net.mixtures:
                middle = read_float(centre + 4 * (t * n + v)) if centre else NOTHING
                code = _draw_mixture(net, own, v, sharpness[frame, v], u, middle)
            else:
                code = _draw(how, net, own, v, sharpness[frame, v], u)
            if forced[t, v] >= 0:
                code = forced[t, v]
            counters[v] += 1
            for i in range(recent.shape[1] - 1):
                recent[v, i] = recent[v, i + 1]
            recent[v, recent.shape[1] - 1] = code
            out[t, v] = code


@compiled(nogil=True)
def help_along(how, last, n, network, scratch, clock, n_steps):  # pragma: no cover - compiled
    """The helper's side of ``run`` with the same ``clock`` and ``n_steps``; returns at their end, or when STOP is set.

    ``scratch`` has its own "room", and is the same elsewhere.
    """
    net, own = network_at(network, 0), scratch_at(scratch, 0)
    turn, end = clock + 1, clock + n_steps
    while turn <= end:
        announce(net.words + READY, turn)
        told = heard(net.words + TURN)
        while told < 2 * turn:
            if heard(net.words + STOP):
                return
            breathe()
            told = heard(net.words + TURN)
        if told == 2 * turn + 1:
            _help(how, last, n, net, own, turn)
        turn = told // 2 + 1


@part
def _help(how, last, n, net, own, turn):  # pragma: no cover - compiled
    """One shared sample."""
    skips, first, begun = net.head.k, net.own_skips, turn * (net.n_layers + 2)
    skip = own.stream + 4 * (net.width + first)
    for v in range(n):
        for c in range(0, skips - first, lanes(how)):
            copy(how, net.skip_bias + 4 * (first + c), skip + 4 * (v * (skips + net.width) + c))
    _past_of_next(how, n, net, own, turn - 1)
    there = begun
    for i in range(net.n_layers):
        while there <= begun + i:
            there = heard(net.words + STEP)
            if there <= begun + i:
                breathe()
        z = Rows(own.z + i * net.z_step, net.width)
        prepare(how, n, z, net.width, own.room, ONE)
        _skips(how, n, net, own, layer_at(net.layers, i), z, first, skips - first, NOTHING if i == net.n_layers - 1 else LEAST)
    announce(net.words + DONE, 3 * turn)
    wait_for(net.words + STEP, begun + net.n_layers + 1)
    _hidden(how, n, net, own, net.own_head, net.head.columns - net.own_head)
    announce(net.words + DONE, 3 * turn + 1)
    wait_for(net.words + STEP, begun + net.n_layers + 2)
    _out(last, n, net, own, net.own_out, net.out.columns - net.own_out)
    announce(net.words + DONE, 3 * turn + 2)


@part
def _input(plain, n, net, own, drive, t, recent):  # pragma: no cover - compiled
    """h = drive + E_now[last code] + E_before[the one before], or of a mixture drive + values of the last codes @ W."""
    newest, stream = recent.shape[1] - 1, Rows(own.stream, net.head.k + net.width)
    for v in range(n):
        h = stream.address + 4 * v * stream.stride
        added = drive + 4 * (t * n + v) * net.width if drive else net.zeros
        for c in range(0, net.width, lanes(plain)):
            copy(plain, added + 4 * c, h + 4 * c)
        if not net.mixtures:
            for c in range(0, net.width, lanes(plain)):
                add(plain, h + 4 * c, net.embed_now + 4 * (recent[v, newest] * net.width + c), h + 4 * c)
                add(plain, h + 4 * c, net.embed_before + 4 * (recent[v, newest - 1] * net.width + c), h + 4 * c)
    if net.mixtures:
        k, step = net.history.k, np.float32(2.0) / np.float32(net.codes - 1)
        for v in range(n):
            for i in range(newest + 1):
                set_float(own.values + 4 * (v * k + i), np.float32(recent[v, i]) * step - np.float32(1.0))
        multiply(plain, n, Rows(own.values, k), weights_of(net.history), stream, stream, ZERO, NO_ROWS, ZERO, LEAST)


@part
def _stack(how, n, net, own, row, turn, shared):  # pragma: no cover - compiled
    """All gated layers: leaves relu(skip sum + bias) in the stream, of a shared sample the first ``own_skips`` columns."""
    residual, clock, last = net.width, turn - 1, net.n_layers - 1
    stream, a = Rows(own.stream, net.head.k + residual), Rows(own.a, 2 * residual)
    columns, begun = net.own_skips if shared else net.head.k, turn * (net.n_layers + 2)
    for v in range(n):
        for c in range(0, columns, lanes(how)):
            copy(how, net.skip_bias + 4 * c, stream.address + 4 * (v * stream.stride + residual + c))
    for i in range(last + 1):
        layer = layer_at(net.layers, i)
        past = layer.ring + 4 * (clock & (layer.dilation - 1)) * n * residual
        z, base = Rows(own.z + i * net.z_step, residual), Rows(row + 8 * i * n * residual, 2 * residual)
        chain = Rows(_chain_of(how, n, net, own, layer, clock), 2 * residual)
        product(how, n, stream, weights_of(layer.now), a, base, ZERO, chain, own.room, ZERO, LEAST)
        for v in range(n):
            for c in range(0, residual, lanes(how)):
                copy(how, stream.address + 4 * (v * stream.stride + c), past + 4 * (v * residual + c))
                chunk = c // GATED * GATED
                filtered = a.address + 4 * (2 * v * residual + chunk + c)
                gate(how, filtered, filtered + 4 * min(GATED, residual - chunk), z.address + 4 * (v * residual + c))
        if shared:
            announce(net.words + STEP, begun + i + 1)
        prepare(how, n, z, residual, own.room, ONE)
        if i < last:
            multiply(how, n, z, weights_of(layer.residual), stream, stream, layer.residual_bias, NO_ROWS, own.room, LEAST)
        _skips(how, n, net, own, layer, z, ZERO, columns, NOTHING if i == last else LEAST)


@part
def _stack_of_one(how, net, own, row, turn, shared):  # pragma: no cover - compiled
    """``_stack`` for one voice: gates stay in registers, and what whole numbers multiply is rounded once.

    A layer's skip sums come in the next one, where the processor would wait for the gates.
    """
    residual, clock, last, h = net.width, turn - 1, net.n_layers - 1, own.stream
    skip, columns = h + 4 * residual, net.own_skips if shared else net.head.k
    whole_h = WholeRow(own.whole_h + LINE, own.whole_h)
    for c in range(0, columns, lanes(how)):
        copy(how, net.skip_bias + 4 * c, skip + 4 * c)
    if is_whole(how):
        to_whole(how, h, residual, whole_h.numbers, whole_h.facts, ZERO)
    for i in range(last + 2):
        layer, z = layer_at(net.layers, i), own.z + i * net.z_step
        whole_z = _whole_z(net, own, i)
        if i <= last:
            chain = _chain_of(how, ONE, net, own, layer, clock)
            x = whole_h.numbers if is_whole(how) else h
            gated_product(how, x, whole_h.facts, weights_of(layer.now), row + 8 * i * residual, chain, z, whole_z)
            if shared:
                announce(net.words + STEP, turn * (last + 3) + i + 1)
            past = layer.ring + 4 * (clock & (layer.dilation - 1)) * residual
            for c in range(0, residual, lanes(how)):
                copy(how, h + 4 * c, past + 4 * c)
        if i > 0:
            below, whole_below = layer_at(net.layers, i - 1), _whole_z(net, own, i - 1)
            x = whole_below.numbers if is_whole(how) else z - net.z_step
            w = columns_of(how, below.skips, ZERO, columns)
            row_product(how, x, whole_below.facts, w, skip, skip, ZERO, ZERO, NOTHING if i > last else LEAST)
        if i < last:
            x = whole_z.numbers if is_whole(how) else z
            row_product(how, x, whole_z.facts, weights_of(layer.residual), h, h, layer.residual_bias, ZERO, LEAST)
            if is_whole(how):
                to_whole(how, h, residual, whole_h.numbers, whole_h.facts, ZERO)


@part
def _whole_z(net, own, i):  # pragma: no cover - compiled
    """Where layer i's gates lie as whole numbers; two layers take turns."""
    facts = own.whole_z + (i & 1) * (LINE + 4 * net.width)
    return WholeRow(facts + LINE, facts)


@part
def _chain_of(how, n, net, own, layer, clock):  # pragma: no cover - compiled
    """The chains past @ W_past of this sample, made now if nobody has made its group's.

    With few voices the weights' way from the cache is what takes time. The past of the next ``ahead`` samples is already
    known (it is at most the dilation), so that many are made at once, here or by the helper, and only continued.
    """
    place, group = clock & (layer.ahead - 1), clock // layer.ahead
    if place == 0 and layer.made != group:
        _past(how, n, net, own, layer, group)
    return _chain(n, net, layer, group) + 8 * place * n * net.width


@part
def _chain(n, net, layer, group):  # pragma: no cover - compiled
    return layer.chain + (group & 1) * layer.ahead * n * 8 * net.width


@part
def _past(how, n, net, own, layer, group):  # pragma: no cover - compiled
    """The chains past @ W_past of a group of samples; their past must be known."""
    k = net.width
    past = Rows(layer.ring + 4 * (group * layer.ahead & (layer.dilation - 1)) * n * k, k)
    out = Rows(_chain(n, net, layer, group), 2 * k)
    product(how, layer.ahead * n, past, weights_of(layer.past), out, Rows(net.zeros, ZERO), ZERO, NO_ROWS, own.room, ZERO, LEAST)


@part
def _past_of_next(how, n, net, own, clock):  # pragma: no cover - compiled
    """The next group's chains of some layers: over the samples of a group, of all that know so much of their past."""
    for i in range(net.n_layers):
        layer = layer_at(net.layers, i)
        if layer.dilation >= 2 * layer.ahead and (clock + i) & (layer.ahead - 1) == 0 and layer.ahead > 1:
            group = clock // layer.ahead + 1
            _past(how, n, net, own, layer, group)
            layer.made = group


@part
def _skips(how, n, net, own, layer, z, start, columns, floor):  # pragma: no cover - compiled
    """Add the layer's part to ``columns`` of the skip sum from ``start``; ``z`` is prepared."""
    skip = Rows(own.stream + 4 * (net.width + start), net.width + net.head.k)
    multiply(how, n, z, columns_of(how, layer.skips, start, columns), skip, skip, ZERO, NO_ROWS, own.room, floor)


@part
def _head(how, last, n, net, own, turn, shared):  # pragma: no cover - compiled
    """The last two products: leaves what is drawn from in scratch; False if the helper was waited for too long."""
    hidden, columns, looks = net.head.columns, net.out.columns, 0
    step = turn * (net.n_layers + 2) + net.n_layers
    if shared:
        hidden, columns = net.own_head, net.own_out
        announce(net.words + STEP, step + 1)
        looks += wait_for(net.words + DONE, 3 * turn)
    _hidden(how, n, net, own, ZERO, hidden)
    if shared:
        announce(net.words + STEP, step + 2)
        looks += wait_for(net.words + DONE, 3 * turn + 1)
    _out(last, n, net, own, ZERO, columns)
    if shared:
        looks += wait_for(net.words + DONE, 3 * turn + 2)
    return looks < PATIENCE


@part
def _hidden(how, n, net, own, start, columns):  # pragma: no cover - compiled
    """relu(skip sum @ W_head + b_head), ``columns`` of it from ``start``."""
    skip, out = Rows(own.stream + 4 * net.width, net.head.k + net.width), Rows(own.hidden + 4 * start, net.head.columns)
    w, bias = columns_of(how, net.head, start, columns), Rows(net.head_bias + 4 * start, ZERO)
    product(how, n, skip, w, out, bias, ZERO, NO_ROWS, own.room, ZERO, NOTHING)


@part
def _out(how, n, net, own, start, columns):  # pragma: no cover - compiled
    """Hidden @ W_out + b_out, ``columns`` of it from ``start``."""
    hidden, out = Rows(own.hidden, net.head.columns), Rows(own.out + 4 * start, net.out.columns)
    w, bias = columns_of(how, net.out, start, columns), Rows(net.out_bias + 4 * start, ZERO)
    prepare(how, n, hidden, w.k, own.room, ZERO)
    multiply(how, n, hidden, w, out, bias, ZERO, NO_ROWS, own.room, LEAST)


@part
def _draw(how, net, own, v, sharpness, u):  # pragma: no cover - compiled
    """The first level at which the cumulative softmax exceeds ``u``.

    Sums go by blocks of 16 in a fixed order, so that they are the same for all widths of vectors.
    """
    n = net.out.columns
    logits, weights = own.out + 4 * v * n, own.weights
    peak = greatest(how, logits, n)
    for c in range(0, n, lanes(how)):
        exponentials(how, logits + 4 * c, weights + 4 * c, peak, sharpness)
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
    return min(level, net.codes - 1)


@part
def _draw_mixture(net, own, v, sharpness, u, centre):  # pragma: no cover - compiled
    """A code of the mixture of logistics about ``centre``: ``u`` picks a component, and what is left of it the value.

    See ``renderer.output.draw``, its twin.
    """
    mixtures, raw = net.mixtures, own.out + 4 * v * net.out.columns
    peak, total = np.float64(read_float(raw)), 0.0
    for k in range(1, mixtures):
        peak = max(peak, np.float64(read_float(raw + 4 * k)))
    for k in range(mixtures):
        total += math.exp(read_float(raw + 4 * k) - peak)
    target, below, chosen = u * total, 0.0, 0
    share = math.exp(read_float(raw) - peak)
    while chosen < mixtures - 1 and below + share <= target:
        below += share
        chosen += 1
        share = math.exp(read_float(raw + 4 * chosen) - peak)
    rest = min(max((target - below) / max(share, 1e-12), LEAST_REST), 1.0 - LEAST_REST)
    mean = np.float64(read_float(raw + 4 * (mixtures + chosen))) + np.float64(centre)
    scale = min(max(np.float64(read_float(raw + 4 * (2 * mixtures + chosen))), LOG_SCALE_LOW), LOG_SCALE_HIGH) + LOG_SCALE_SHIFT
    value = mean + math.exp(scale) * math.log(rest / (1.0 - rest)) / sharpness
    if math.isnan(value):  # of weights that come to infinities; no number has no code
        value = 0.0
    value = min(max(value, -1.0), 1.0)
    return math.floor((value + 1.0) / 2.0 * (net.codes - 1) + 0.5)


@part
def _sum16(address):  # pragma: no cover - compiled
    total = read_float(address)
    for i in range(1, 16):
        total += read_float(address + 4 * i)
    return total
