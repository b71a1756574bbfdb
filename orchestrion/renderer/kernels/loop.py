"""The compiled sample loop: every voice one sample further, again and again; nothing is allocated inside.

A few voices may have a second thread beside the one that draws, the *helper*: it makes most of the skip sums, which no later
layer waits for, half of the last two products, and what the past will add to coming samples. The drawing thread never waits for
a helper that is not there: at every sample it looks whether the helper stands ready, else it does all of that sample's work
itself; and when it has waited long within a sample, because the helper's processor went to another program, it goes on alone for
a while. Columns are computed by themselves, so who computes them changes no bit.
"""

from __future__ import annotations

import math

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.matrices.emitter import INT8_STORED
from orchestrion.matrices.product import gated_product, multiply, prepare, product, row_product
from orchestrion.matrices.tile import row_bytes
from orchestrion.matrices.vectors import add, copy, exponentials, gate, greatest, read_float, set_float, set_word, word
from orchestrion.matrices.whole import to_whole
from orchestrion.randomness import uniform_scalar
from orchestrion.renderer.coding import LEAST_REST, LOG_SCALE_HIGH, LOG_SCALE_LOW, LOG_SCALE_SHIFT
from orchestrion.renderer.kernels.handover import announce, breathe, heard
from orchestrion.renderer.kernels.packing import GATED

# Columns of `layers` (int64, one row a layer): addresses; the dilation; how many samples' past products, a group, are made at
# once; and the group that the helper last made them for, in the half of CHAIN that its number's last bit tells.
(
    PAST, PAST_SCALE, NOW, NOW_SCALE, RESIDUAL, RESIDUAL_SCALE, RESIDUAL_BIAS, SKIPS, SKIPS_SCALE, RING, DILATION, AHEAD, CHAIN,
    MADE,
) = range(14)  # fmt: skip
N_COLUMNS = 14
LAYER_BYTES = 8 * N_COLUMNS
# Entries of `places` (int64): addresses and sizes. ONE is 1, NONE is 0: a literal would be a type of its own, and compile anew.
# Z_STEP: bytes from one layer's gates to the next one's. WORDS: what the two threads tell each other, 0 without a helper.
# OWN_...: columns that the drawing thread keeps of what is shared.
(
    EMBED_NOW, EMBED_BEFORE, HISTORY, HISTORY_ROWS, HISTORY_SCALE, SKIP_BIAS, HEAD, HEAD_SCALE, HEAD_BIAS,
    OUT, OUT_SCALE, OUT_BIAS, ZEROS, WIDTH, SKIP_WIDTH, HEAD_WIDTH, LEVELS_WIDTH, LEVELS, HOP, ONE, NONE,
    Z_STEP, WORDS, OWN_SKIPS, OWN_HEAD, OWN_LEVELS, N_LAYERS, MIXTURES,
) = range(28)  # fmt: skip
N_PLACES = 28
# Addresses of scratch, [v, ...] each: "stream" is h and then the skip sum; "a" the gates' input; "z" their output.
SCRATCH = ("stream", "a", "z", "head", "logits", "weights", "whole", "whole_h", "whole_z", "values")
STREAM, A, Z, HEAD_SUM, LOGITS, WEIGHTS, WHOLE, WHOLE_H, WHOLE_Z, VALUES = range(10)
LINE = 64  # bytes from where the numbers of "whole_h" and "whole_z" are to what they are the numbers of
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
    width, storage, plain, out_storage, places, layers, scratch, rows, drive, centre, sharpness, keys, counters, recent, out, forced,
    clock, first, n_steps,
):  # fmt: skip  # pragma: no cover - compiled
    """Draw samples ``first .. first + n_steps`` of a block for all voices.

    Args:
        width, storage, plain, out_storage: compile-time tags: of the vectors, of the weights, of float32 weights, and of the last
            matrix's, which a mixture keeps in float32.
        places, layers, scratch: addresses of the tables above. Not arrays: what counts the references to an array would take a
            tenth of the time.
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
    n = len(keys)
    n_layers = word(places, N_LAYERS)
    words, none = word(places, WORDS), word(places, NONE)
    from_turn = 0
    for t in range(first, first + n_steps):
        turn = clock + t - first + 1
        shared = none
        if words:
            shared = none + 1 if turn >= from_turn and heard(words + READY) == turn else none
            announce(words + TURN, 2 * turn + shared)
        frame = t // word(places, HOP)
        _input(width, plain, n, places, scratch, drive, t, recent)
        row = rows + 8 * frame * n_layers * n * word(places, WIDTH)
        if n == 1:
            _stack_of_one(width, storage, places, layers, scratch, row, turn, shared)
        else:
            _stack(width, storage, n, places, layers, scratch, row, turn, shared)
        if not _head(width, storage, out_storage, n, places, scratch, turn, n_layers, shared):
            from_turn = turn + ALONE
        for v in range(n):
            u = uniform_scalar(keys[v], counters[v])
            if word(places, MIXTURES):
                middle = read_float(centre + 4 * (t * n + v)) if centre else NOTHING
                code = _draw_mixture(places, scratch, v, sharpness[frame, v], u, middle)
            else:
                code = _draw(width, places, scratch, v, sharpness[frame, v], u)
            if forced[t, v] >= 0:
                code = forced[t, v]
            counters[v] += 1
            for i in range(recent.shape[1] - 1):
                recent[v, i] = recent[v, i + 1]
            recent[v, recent.shape[1] - 1] = code
            out[t, v] = code


@compiled(nogil=True)
def help_along(width, storage, out_storage, n, places, layers, scratch, clock, n_steps):  # pragma: no cover - compiled
    """The helper's side of ``run`` with the same ``clock`` and ``n_steps``; returns at their end, or when STOP is set.

    ``scratch`` is its own in "whole" and the same elsewhere.
    """
    words = word(places, WORDS)
    turn, last = clock + 1, clock + n_steps
    while turn <= last:
        announce(words + READY, turn)
        told = heard(words + TURN)
        while told < 2 * turn:
            if heard(words + STOP):
                return
            breathe()
            told = heard(words + TURN)
        if told == 2 * turn + 1:
            _help(width, storage, out_storage, n, places, layers, scratch, turn)
        turn = told // 2 + 1


@compiled(nogil=True)
def _help(width, storage, out_storage, n, places, layers, scratch, turn):  # pragma: no cover - compiled
    """One shared sample."""
    words, n_layers = word(places, WORDS), word(places, N_LAYERS)
    residual, skips, own = word(places, WIDTH), word(places, SKIP_WIDTH), word(places, OWN_SKIPS)
    length, begun = skips + residual, turn * (n_layers + 2)
    skip = word(scratch, STREAM) + 4 * (residual + own)
    for v in range(n):
        for c in range(0, skips - own, len(width)):
            copy(width, word(places, SKIP_BIAS) + 4 * (own + c), skip + 4 * (v * length + c))
    _past_of_next(width, storage, n, places, layers, word(scratch, WHOLE), turn - 1)
    there = begun
    for i in range(n_layers):
        while there <= begun + i:
            there = heard(words + STEP)
            if there <= begun + i:
                breathe()
        floor = NOTHING if i == n_layers - 1 else LEAST
        z = word(scratch, Z) + i * word(places, Z_STEP)
        prepare(width, storage, n, z, residual, residual, word(scratch, WHOLE), word(places, ONE))
        _skips(width, storage, n, places, layers + i * LAYER_BYTES, scratch, z, own, skips - own, floor)
    announce(words + DONE, 3 * turn)
    _await(words + STEP, begun + n_layers + 1)
    _hidden(width, storage, n, places, scratch, word(places, OWN_HEAD), word(places, HEAD_WIDTH) - word(places, OWN_HEAD))
    announce(words + DONE, 3 * turn + 1)
    _await(words + STEP, begun + n_layers + 2)
    _logits(width, out_storage, n, places, scratch, word(places, OWN_LEVELS), word(places, LEVELS_WIDTH) - word(places, OWN_LEVELS))
    announce(words + DONE, 3 * turn + 2)


@compiled(nogil=True)
def _await(address, value):  # pragma: no cover - compiled
    """Wait until the word at ``address`` is at least ``value``; how often it had to be looked at again."""
    looks = 0
    while heard(address) < value:
        breathe()
        looks += 1
    return looks


@compiled(nogil=True)
def _input(width, plain, n, places, scratch, drive, t, recent):  # pragma: no cover - compiled
    """h = drive + E_now[last code] + E_before[the one before], or of a mixture drive + values of the last codes @ W."""
    residual, none, newest = word(places, WIDTH), word(places, NONE), recent.shape[1] - 1
    length = word(places, SKIP_WIDTH) + residual
    for v in range(n):
        h = word(scratch, STREAM) + 4 * v * length
        added = drive + 4 * (t * n + v) * residual if drive else word(places, ZEROS)
        for c in range(0, residual, len(width)):
            copy(width, added + 4 * c, h + 4 * c)
        if not word(places, MIXTURES):
            for c in range(0, residual, len(width)):
                add(width, h + 4 * c, word(places, EMBED_NOW) + 4 * (recent[v, newest] * residual + c), h + 4 * c)
                add(width, h + 4 * c, word(places, EMBED_BEFORE) + 4 * (recent[v, newest - 1] * residual + c), h + 4 * c)
    if word(places, MIXTURES):
        k, h, numbers = word(places, HISTORY_ROWS), word(scratch, STREAM), word(scratch, VALUES)
        step = np.float32(2.0) / np.float32(word(places, LEVELS) - 1)
        for v in range(n):
            for i in range(newest + 1):
                set_float(numbers + 4 * (v * k + i), np.float32(recent[v, i]) * step - np.float32(1.0))
        product(
            width, plain, n, numbers, k, k, word(places, HISTORY), residual, h, length, h, length, none,
            word(places, HISTORY_SCALE), word(scratch, WHOLE), none, none, none, LEAST,
        )  # fmt: skip


@compiled(nogil=True)
def _stack(width, storage, n, places, layers, scratch, row, turn, shared):  # pragma: no cover - compiled
    """All gated layers: leaves relu(skip sum + bias) in the stream, of a shared sample the first ``OWN_SKIPS`` columns."""
    residual, skips, none = word(places, WIDTH), word(places, SKIP_WIDTH), word(places, NONE)
    stream, a, clock = word(scratch, STREAM), word(scratch, A), turn - 1
    length, last = skips + residual, word(places, N_LAYERS) - 1
    own = word(places, OWN_SKIPS) if shared else skips
    begun = turn * (word(places, N_LAYERS) + 2)
    for v in range(n):
        for c in range(0, own, len(width)):
            copy(width, word(places, SKIP_BIAS) + 4 * c, stream + 4 * (v * length + residual + c))
    for i in range(last + 1):
        layer = layers + i * LAYER_BYTES
        past = word(layer, RING) + 4 * (clock & (word(layer, DILATION) - 1)) * n * residual
        z = word(scratch, Z) + i * word(places, Z_STEP)
        chain = _chain_of(width, storage, n, places, layer, word(scratch, WHOLE), clock)
        product(
            width, storage, n, stream, length, residual, word(layer, NOW), 2 * residual, a, 2 * residual, row + 8 * i * n * residual,
            2 * residual, none, word(layer, NOW_SCALE), word(scratch, WHOLE), none, chain, 2 * residual, LEAST,
        )  # fmt: skip
        for v in range(n):
            for c in range(0, residual, len(width)):
                copy(width, stream + 4 * (v * length + c), past + 4 * (v * residual + c))
                chunk = c // GATED * GATED
                filtered = a + 4 * (2 * v * residual + chunk + c)
                gate(width, filtered, filtered + 4 * min(GATED, residual - chunk), z + 4 * (v * residual + c))
        if shared:
            announce(word(places, WORDS) + STEP, begun + i + 1)
        prepare(width, storage, n, z, residual, residual, word(scratch, WHOLE), word(places, ONE))
        if i < last:
            multiply(
                width, storage, n, z, residual, residual, word(layer, RESIDUAL), residual, stream, length, stream, length,
                word(layer, RESIDUAL_BIAS), word(layer, RESIDUAL_SCALE), word(scratch, WHOLE), none, none, LEAST,
            )  # fmt: skip
        _skips(width, storage, n, places, layer, scratch, z, none, own, NOTHING if i == last else LEAST)


@compiled(nogil=True)
def _stack_of_one(width, storage, places, layers, scratch, row, turn, shared):  # pragma: no cover - compiled
    """``_stack`` for one voice: gates stay in registers, and what whole numbers multiply is rounded once.

    A layer's skip sums come in the next one, where the processor would wait for the gates.
    """
    residual, skips, none = word(places, WIDTH), word(places, SKIP_WIDTH), word(places, NONE)
    h, clock, last = word(scratch, STREAM), turn - 1, word(places, N_LAYERS) - 1
    skip, own = h + 4 * residual, word(places, OWN_SKIPS) if shared else skips
    h_numbers, whole = word(scratch, WHOLE_H), len(storage) == INT8_STORED
    for c in range(0, own, len(width)):
        copy(width, word(places, SKIP_BIAS) + 4 * c, skip + 4 * c)
    if whole:
        to_whole(width, storage, h, residual, h_numbers + LINE, h_numbers, none)
    for i in range(last + 2):
        layer = layers + i * LAYER_BYTES
        z, z_numbers = word(scratch, Z) + i * word(places, Z_STEP), word(scratch, WHOLE_Z) + (i & 1) * (LINE + 4 * residual)
        if i <= last:
            chain = _chain_of(width, storage, none + 1, places, layer, word(scratch, WHOLE), clock)
            gated_product(
                width, storage, h_numbers + LINE if whole else h, h_numbers, residual, word(layer, NOW), residual,
                row + 8 * i * residual, chain, word(layer, NOW_SCALE), z, z_numbers + LINE, z_numbers,
            )  # fmt: skip
            if shared:
                announce(word(places, WORDS) + STEP, turn * (last + 3) + i + 1)
            past = word(layer, RING) + 4 * (clock & (word(layer, DILATION) - 1)) * residual
            for c in range(0, residual, len(width)):
                copy(width, h + 4 * c, past + 4 * c)
        if i > 0:
            one, x_numbers = layer - LAYER_BYTES, word(scratch, WHOLE_Z) + (i - 1 & 1) * (LINE + 4 * residual)
            row_product(
                width, storage, x_numbers + LINE if whole else z - word(places, Z_STEP), residual, word(one, SKIPS), own, skip, skip,
                none, word(one, SKIPS_SCALE), x_numbers, none, NOTHING if i > last else LEAST,
            )  # fmt: skip
        if i < last:
            row_product(
                width, storage, z_numbers + LINE if whole else z, residual, word(layer, RESIDUAL), residual, h, h,
                word(layer, RESIDUAL_BIAS), word(layer, RESIDUAL_SCALE), z_numbers, none, LEAST,
            )  # fmt: skip
            if whole:
                to_whole(width, storage, h, residual, h_numbers + LINE, h_numbers, none)


@compiled(nogil=True)
def _chain_of(width, storage, n, places, layer, whole, clock):  # pragma: no cover - compiled
    """The chains past @ W_past of this sample, made now if nobody has made its group's.

    With few voices the weights' way from the cache is what takes time. The past of the next ``AHEAD`` samples is already
    known (it is at most the dilation), so that many are made at once, here or by the helper, and only continued.
    """
    ahead, k = word(layer, AHEAD), word(places, WIDTH)
    place, group = clock & (ahead - 1), clock // ahead
    if place == 0 and word(layer, MADE) != group:
        _past(width, storage, n, places, layer, whole, group)
    return _chain(n, k, layer, group) + 8 * place * n * k


@compiled(nogil=True)
def _skips(
    width, storage, n, places, layer, scratch, z, start, columns, floor
):  # fmt: skip  # pragma: no cover - compiled
    """Add the layer's part to ``columns`` of the skip sum from ``start``; ``z`` is prepared."""
    residual, none = word(places, WIDTH), word(places, NONE)
    length, skip = residual + word(places, SKIP_WIDTH), word(scratch, STREAM) + 4 * (residual + start)
    multiply(
        width, storage, n, z, residual, residual, word(layer, SKIPS) + start // 32 * residual * row_bytes(storage), columns,
        skip, length, skip, length, none, word(layer, SKIPS_SCALE) + 4 * start, word(scratch, WHOLE), none, none, floor,
    )  # fmt: skip


@compiled(nogil=True)
def _chain(n, k, layer, group):  # pragma: no cover - compiled
    return word(layer, CHAIN) + (group & 1) * word(layer, AHEAD) * n * 8 * k


@compiled(nogil=True)
def _past(width, storage, n, places, layer, whole, group):  # pragma: no cover - compiled
    """The chains past @ W_past of a group of samples; their past must be known."""
    k, none, ahead = word(places, WIDTH), word(places, NONE), word(layer, AHEAD)
    past = word(layer, RING) + 4 * (group * ahead & (word(layer, DILATION) - 1)) * n * k
    product(
        width, storage, ahead * n, past, k, k, word(layer, PAST), 2 * k, _chain(n, k, layer, group), 2 * k,
        word(places, ZEROS), none, none, word(layer, PAST_SCALE), whole, none, none, none, LEAST,
    )  # fmt: skip


@compiled(nogil=True)
def _past_of_next(width, storage, n, places, layers, whole, clock):  # pragma: no cover - compiled
    """The next group's chains of some layers: over the samples of a group, of all that know so much of their past."""
    for i in range(word(places, N_LAYERS)):
        layer = layers + i * LAYER_BYTES
        ahead = word(layer, AHEAD)
        if word(layer, DILATION) >= 2 * ahead and (clock + i) & (ahead - 1) == 0 and ahead > 1:
            group = clock // ahead + 1
            _past(width, storage, n, places, layer, whole, group)
            set_word(layer, MADE, group)


@compiled(nogil=True)
def _head(width, storage, out_storage, n, places, scratch, turn, n_layers, shared):  # pragma: no cover - compiled
    """The last two products: leaves the logits in scratch; False if the helper was waited for too long."""
    words, none, looks = word(places, WORDS), word(places, NONE), 0
    hidden, levels = word(places, HEAD_WIDTH), word(places, LEVELS_WIDTH)
    step = turn * (n_layers + 2) + n_layers
    if shared:
        hidden, levels = word(places, OWN_HEAD), word(places, OWN_LEVELS)
        announce(words + STEP, step + 1)
        looks += _await(words + DONE, 3 * turn)
    _hidden(width, storage, n, places, scratch, none, hidden)
    if shared:
        announce(words + STEP, step + 2)
        looks += _await(words + DONE, 3 * turn + 1)
    _logits(width, out_storage, n, places, scratch, none, levels)
    if shared:
        looks += _await(words + DONE, 3 * turn + 2)
    return looks < PATIENCE


@compiled(nogil=True)
def _hidden(width, storage, n, places, scratch, start, columns):  # pragma: no cover - compiled
    """relu(skip sum @ W_head + b_head), ``columns`` of it from ``start``."""
    skips, hidden, none = word(places, SKIP_WIDTH), word(places, HEAD_WIDTH), word(places, NONE)
    product(
        width, storage, n, word(scratch, STREAM) + 4 * word(places, WIDTH), skips + word(places, WIDTH), skips,
        word(places, HEAD) + start // 32 * skips * row_bytes(storage), columns, word(scratch, HEAD_SUM) + 4 * start, hidden,
        word(places, HEAD_BIAS) + 4 * start, none, none, word(places, HEAD_SCALE) + 4 * start, word(scratch, WHOLE), none, none, none,
        NOTHING,
    )  # fmt: skip


@compiled(nogil=True)
def _logits(width, storage, n, places, scratch, start, columns):  # pragma: no cover - compiled
    """Hidden @ W_out + b_out, ``columns`` of it from ``start``."""
    hidden, levels, none = word(places, HEAD_WIDTH), word(places, LEVELS_WIDTH), word(places, NONE)
    product(
        width, storage, n, word(scratch, HEAD_SUM), hidden, hidden, word(places, OUT) + start // 32 * hidden * row_bytes(storage),
        columns, word(scratch, LOGITS) + 4 * start, levels, word(places, OUT_BIAS) + 4 * start, none, none,
        word(places, OUT_SCALE) + 4 * start, word(scratch, WHOLE), none, none, none, LEAST,
    )  # fmt: skip


@compiled(nogil=True)
def _draw(width, places, scratch, v, sharpness, u):  # pragma: no cover - compiled
    """The first level at which the cumulative softmax exceeds ``u``.

    Sums go by blocks of 16 in a fixed order, so that they are the same for all widths of vectors.
    """
    n = word(places, LEVELS_WIDTH)
    logits, weights = word(scratch, LOGITS) + 4 * v * n, word(scratch, WEIGHTS)
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
    return min(level, word(places, LEVELS) - 1)


@compiled(nogil=True)
def _draw_mixture(places, scratch, v, sharpness, u, centre):  # pragma: no cover - compiled
    """A code of the mixture of logistics about ``centre``: ``u`` picks a component, and what is left of it the value.

    See ``renderer.output.draw``, its twin.
    """
    mixtures, raw = word(places, MIXTURES), word(scratch, LOGITS) + 4 * v * word(places, LEVELS_WIDTH)
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
    value = min(max(value, -1.0), 1.0)
    return math.floor((value + 1.0) / 2.0 * (word(places, LEVELS) - 1) + 0.5)


@compiled(nogil=True)
def _sum16(address):  # pragma: no cover - compiled
    total = read_float(address)
    for i in range(1, 16):
        total += read_float(address + 4 * i)
    return total
