"""The sample loop for GPUs: one Triton kernel that stays until its samples are drawn, written once for all sizes.

A program owns ``ROWS`` voices in lockstep and needs no other program: it loops over samples, and inside over layers. The
residual stream, the skip sum and the logits never leave its registers. Weights come from the second-level cache through
shared memory, some layers ahead of their use; each layer's past lies in a ring in global memory.

    ring of a layer with dilation d, 2d slots:   read (n - d) mod 2d, write n mod 2d

So no slot is read and written in one sample, and one barrier a sample keeps the program's threads in order. What the
weights multiply is rounded to float16 like them (eleven bits, where bfloat16 has eight), sums are float32. The draw of a level,
or of a mixture's component, is made of whole numbers: their sums are exact in any order, so that it depends on the logits alone.

All widths are powers of two of at least 16, as Triton's products want them; ``weights`` pads with what changes nothing.
"""

from __future__ import annotations

import triton
import triton.language as tl

from orchestrion.renderer import coding

PROGRAM_VOICES = 16  # the least that tensor cores multiply; with 32, each sample takes a third longer (`benchmarks/gpu.py`)
WARPS = 8
LEAST_REST = tl.constexpr(coding.LEAST_REST)
LOG_SCALE_LOW, LOG_SCALE_HIGH = tl.constexpr(coding.LOG_SCALE_LOW), tl.constexpr(coding.LOG_SCALE_HIGH)
LOG_SCALE_SHIFT = tl.constexpr(coding.LOG_SCALE_SHIFT)


@triton.jit(do_not_specialize=["clock", "first", "n_steps"])
def play(
    embed_now, embed_before, w_hist, w_past, w_now, w_res, b_res, w_skip, b_skip, w_head, b_head, w_out, b_out,
    rings, keys, counters, recent, pool, drive, centre, places, sharpness, forced, out, logits,
    n_voices, clock, first, n_steps,
    LAYERS: tl.constexpr, CYCLE: tl.constexpr, WIDTH: tl.constexpr, SKIP: tl.constexpr, HEAD: tl.constexpr,
    LEVELS: tl.constexpr, HOP: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr, DRIVEN: tl.constexpr,
    MIXTURES: tl.constexpr, HISTORY: tl.constexpr, KEPT: tl.constexpr, GRID: tl.constexpr, FORCED: tl.constexpr,
    ROWS: tl.constexpr,
):  # fmt: skip  # pragma: no cover - compiled
    """Draw samples ``first .. first + n_steps`` of a block for all voices.

    Args:
        embed_now, embed_before: [LEVELS, WIDTH] float32, of a softmax.
        w_hist: [HISTORY, WIDTH] float32, of a mixture.
        w_past, w_now: [LAYERS, WIDTH, 2 * WIDTH] float16; columns are filter 0, gate 0, filter 1, gate 1, …
        w_res, b_res: [LAYERS, WIDTH, WIDTH] float16, [LAYERS, WIDTH] float32.
        w_skip, b_skip: [LAYERS, WIDTH, SKIP] float16, [SKIP] float32.
        w_head, b_head, w_out, b_out: [SKIP, HEAD] and [HEAD, LEVELS] float16, [HEAD] and [LEVELS] float32.
        rings: [programs, slots, ROWS, WIDTH] float16, read and written.
        keys, counters: [voices] int64 (the bits of uint64): streams of random numbers, and numbers drawn so far.
        recent: [KEPT, voices] int32 codes, that of sample n in row n mod KEPT; updated.
        pool: [places, LAYERS, 2 * WIDTH] float32, V·y and gate biases of frames, columns as in w_now.
        drive: [places * HOP, WIDTH] float32, added at the input in the same frames where DRIVEN.
        centre: [places * HOP] float32, what a mixture's means lie about.
        places: [frames, voices] int64: where in the pool each voice's frames lie.
        sharpness: [frames, voices] float32, one over the temperature.
        forced: [frames * HOP, voices] int32, read when FORCED; a code >= 0 is taken instead of the drawn one.
        out: [frames * HOP, voices] int32 codes, written.
        logits: [voices, LEVELS] float32, written once: those of the last sample, or a mixture's parameters.
        MIXTURES: logistics of the output, 0 for a softmax; GRID: codes of a mixture.
        n_voices: a multiple of ROWS; there is a program for each ROWS of them.
        clock: samples since the rings began, modulo a multiple of their lengths.
    """
    program = tl.program_id(0)
    row = tl.arange(0, ROWS)
    voice = program * ROWS + row
    channel, gate, level = tl.arange(0, WIDTH), tl.arange(0, 2 * WIDTH), tl.arange(0, LEVELS)
    skips, chunk = tl.arange(0, SKIP), tl.arange(0, CHUNK)
    gate_tile = channel[:, None] * (2 * WIDTH) + gate[None, :]
    residual_tile = channel[:, None] * WIDTH + channel[None, :]
    skip_tile = channel[:, None] * SKIP + skips[None, :]
    ring_tile = row[:, None] * WIDTH + channel[None, :]
    slots_a_stack: tl.constexpr = 2 * ((1 << CYCLE) - 1)
    slots: tl.constexpr = LAYERS // CYCLE * slots_a_stack + 2 * ((1 << (LAYERS % CYCLE)) - 1)
    ring = rings + program.to(tl.int64) * (slots * ROWS * WIDTH)

    key, counter = tl.load(keys + voice), tl.load(counters + voice)
    for t in range(first, first + n_steps):
        frame = t // HOP
        place = tl.load(places + frame * n_voices + voice)
        step = clock + t - first
        h = tl.zeros([ROWS, WIDTH], tl.float32)
        if DRIVEN:
            h += tl.load(drive + ((place * HOP + t % HOP) * WIDTH)[:, None] + channel[None, :])
        if MIXTURES > 0:
            for i in tl.static_range(HISTORY):
                code = tl.load(recent + ((step + KEPT - HISTORY + i) & (KEPT - 1)) * n_voices + voice)
                value = code.to(tl.float32) * (2.0 / (GRID - 1)) - 1.0
                h += value[:, None] * tl.load(w_hist + i * WIDTH + channel)[None, :]
        else:
            last = tl.load(recent + ((step + KEPT - 1) & (KEPT - 1)) * n_voices + voice)
            h += tl.load(embed_now + last[:, None] * WIDTH + channel[None, :])
            last = tl.load(recent + ((step + KEPT - 2) & (KEPT - 1)) * n_voices + voice)
            h += tl.load(embed_before + last[:, None] * WIDTH + channel[None, :])

        skip = tl.zeros([ROWS, SKIP], tl.float32) + tl.load(b_skip + skips)[None, :]
        for layer in tl.range(0, LAYERS, num_stages=STAGES):
            dilation = 1 << (layer % CYCLE)
            begin = ring + (layer // CYCLE * slots_a_stack + 2 * (dilation - 1)) * (ROWS * WIDTH)
            past = tl.load(begin + ((step + dilation) & (2 * dilation - 1)) * (ROWS * WIDTH) + ring_tile)
            a = tl.load(pool + ((place * LAYERS + layer) * (2 * WIDTH))[:, None] + gate[None, :])
            a = tl.dot(past, tl.load(w_past + layer * (2 * WIDTH * WIDTH) + gate_tile), a)
            x = h.to(rings.dtype.element_ty)
            tl.store(begin + (step & (2 * dilation - 1)) * (ROWS * WIDTH) + ring_tile, x)
            a = tl.dot(x, tl.load(w_now + layer * (2 * WIDTH * WIDTH) + gate_tile), a)
            z = _gated(a, ROWS, WIDTH).to(rings.dtype.element_ty)
            skip = tl.dot(z, tl.load(w_skip + layer * (WIDTH * SKIP) + skip_tile), skip)
            h = tl.dot(z, tl.load(w_res + layer * (WIDTH * WIDTH) + residual_tile), h)
            h += tl.load(b_res + layer * WIDTH + channel)[None, :]

        positive = tl.maximum(skip, 0.0).to(rings.dtype.element_ty)
        logit = tl.zeros([ROWS, LEVELS], tl.float32) + tl.load(b_out + level)[None, :]
        for start in tl.range(0, HEAD, CHUNK, num_stages=STAGES):
            some = start + chunk
            hidden = tl.dot(positive, tl.load(w_head + skips[:, None] * HEAD + some[None, :]))
            hidden = tl.maximum(hidden + tl.load(b_head + some)[None, :], 0.0).to(rings.dtype.element_ty)
            logit = tl.dot(hidden, tl.load(w_out + some[:, None] * LEVELS + level[None, :]), logit)

        bits = _random_bits(key, counter + (t - first))
        sharp = tl.load(sharpness + frame * n_voices + voice)
        if MIXTURES > 0:
            middle = tl.load(centre + place * HOP + t % HOP)
            drawn = _draw_mixture(logit, middle, level, sharp, bits, MIXTURES, GRID)
        else:
            drawn = _draw(logit, sharp, bits)
        if FORCED:
            taken = tl.load(forced + t * n_voices + voice)
            drawn = tl.where(taken >= 0, taken, drawn)
        tl.store(recent + (step & (KEPT - 1)) * n_voices + voice, drawn)
        tl.store(out + t * n_voices + voice, drawn)
        if t == first + n_steps - 1:
            tl.store(logits + voice[:, None] * LEVELS + level[None, :], logit)
        # What one thread has put into the rings and among the codes, another one reads at the next sample.
        tl.debug_barrier()


@triton.jit
def _gated(a, ROWS: tl.constexpr, WIDTH: tl.constexpr):  # pragma: no cover - compiled
    """tanh(filter) σ(gate) of ``a`` [ROWS, 2 * WIDTH], whose columns take turns."""
    filtered, gated = tl.split(tl.reshape(a, [ROWS, WIDTH, 2]))
    return (2.0 / (1.0 + tl.exp(-2.0 * filtered)) - 1.0) / (1.0 + tl.exp(-gated))


@triton.jit
def _random_bits(key, n):  # pragma: no cover - compiled
    """The upper 53 bits of number ``n`` of the stream ``key``, at the top of a uint64; see ``orchestrion.randomness``."""
    z = key.to(tl.uint64, bitcast=True) + (n + 1).to(tl.uint64, bitcast=True) * 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    z = z ^ (z >> 31)
    return (z >> 11) << 11


@triton.jit
def _draw(logit, sharpness, bits):  # pragma: no cover - compiled
    """The first level at which the cumulative softmax exceeds ``bits`` / 2**64, [ROWS] int32.

    Weights are whole numbers of 2**-40, the greatest one being 1. Only those below 2**-16 lose bits by that.
    """
    peak = tl.max(logit, axis=1)
    weight = (tl.exp((logit - peak[:, None]) * sharpness[:, None]) * 1099511627776.0).to(tl.int64)
    total = tl.sum(weight, axis=1)
    target = tl.umulhi(bits, total.to(tl.uint64, bitcast=True)).to(tl.int64, bitcast=True)
    level = tl.sum((tl.cumsum(weight, axis=1) <= target[:, None]).to(tl.int32), axis=1)
    return tl.minimum(level, logit.shape[1] - 1)  # logits that are not numbers must not lead out of the tables


@triton.jit
def _draw_mixture(
    raw, centre, column, sharpness, bits, MIXTURES: tl.constexpr, GRID: tl.constexpr
):  # fmt: skip  # pragma: no cover - compiled
    """A code of the mixture of logistics about ``centre``, [ROWS] int32: twin of ``renderer.output.draw``.

    ``bits`` / 2**64 picks a component by whole numbers, as `_draw` does a level, and what is left of it the value.
    """
    weights = tl.where(column[None, :] < MIXTURES, raw, -float("inf"))
    peak = tl.max(weights, axis=1)
    weight = (tl.exp(weights - peak[:, None]) * 1099511627776.0).to(tl.int64)
    total = tl.sum(weight, axis=1)
    target = tl.umulhi(bits, total.to(tl.uint64, bitcast=True)).to(tl.int64, bitcast=True)
    chosen = tl.sum((tl.cumsum(weight, axis=1) <= target[:, None]).to(tl.int32), axis=1)
    chosen = tl.minimum(chosen, MIXTURES - 1)[:, None]
    below = tl.sum(tl.where(column[None, :] < chosen, weight, 0), axis=1)
    share = tl.sum(tl.where(column[None, :] == chosen, weight, 0), axis=1)
    rest = (target - below).to(tl.float32) / tl.maximum(share, 1).to(tl.float32)
    rest = tl.minimum(tl.maximum(rest, LEAST_REST), 1.0 - LEAST_REST)
    mean = tl.sum(tl.where(column[None, :] == chosen + MIXTURES, raw, 0.0), axis=1) + centre
    scale = tl.sum(tl.where(column[None, :] == chosen + 2 * MIXTURES, raw, 0.0), axis=1)
    scale = tl.minimum(tl.maximum(scale, LOG_SCALE_LOW), LOG_SCALE_HIGH) + LOG_SCALE_SHIFT
    value = mean + tl.exp(scale) * tl.log(rest / (1.0 - rest)) / sharpness
    value = tl.minimum(tl.maximum(value, -1.0), 1.0)
    code = tl.floor((value + 1.0) * (0.5 * (GRID - 1)) + 0.5).to(tl.int32)
    return tl.minimum(tl.maximum(code, 0), GRID - 1)
