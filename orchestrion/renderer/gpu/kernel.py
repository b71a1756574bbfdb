"""The sample loop for GPUs: one Triton kernel that stays until its samples are drawn, written once for all sizes.

A program owns ``ROWS`` voices in lockstep and needs no other program: it loops over samples, and inside over layers. The
residual stream, the skip sum and the logits never leave its registers. Weights come from the second-level cache through
shared memory, some layers ahead of their use; each layer's past lies in a ring in global memory.

    ring of a layer with dilation d, 2d slots:   read (n - d) mod 2d, write n mod 2d

So no slot is read and written in one sample, and one barrier a sample keeps the program's threads in order. What the
weights multiply is rounded to float16 like them (eleven bits, where bfloat16 has eight), sums are float32. The draw is made
of whole numbers: their sums are exact in any order, so that it depends on the logits alone.

All widths are powers of two of at least 16, as Triton's products want them; ``weights`` pads with what changes nothing.
"""

from __future__ import annotations

import triton
import triton.language as tl

# Voices a program: the least that tensor cores multiply, quickest for each; and twice as many for the same weights.
NARROW, WIDE = 16, 32
WARPS = 8


@triton.jit(do_not_specialize=["clock", "first", "n_steps"])
def play(
    embed_now, embed_before, w_exc, w_past, w_now, w_res, b_res, w_skip, b_skip, w_head, b_head, w_out, b_out,
    rings, keys, counters, now, before, pool, source, places, sharpness, forced, out, logits,
    n_voices, clock, first, n_steps,
    LAYERS: tl.constexpr, CYCLE: tl.constexpr, WIDTH: tl.constexpr, SKIP: tl.constexpr, HEAD: tl.constexpr,
    LEVELS: tl.constexpr, CHANNELS: tl.constexpr, HOP: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    FORCED: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip  # pragma: no cover - compiled
    """Draw samples ``first .. first + n_steps`` of a block for all voices.

    Args:
        embed_now, embed_before: [LEVELS, WIDTH] float32.
        w_exc: [CHANNELS, WIDTH] float32, of the excitation.
        w_past, w_now: [LAYERS, WIDTH, 2 * WIDTH] float16; columns are filter 0, gate 0, filter 1, gate 1, …
        w_res, b_res: [LAYERS, WIDTH, WIDTH] float16, [LAYERS, WIDTH] float32.
        w_skip, b_skip: [LAYERS, WIDTH, SKIP] float16, [SKIP] float32.
        w_head, b_head, w_out, b_out: [SKIP, HEAD] and [HEAD, LEVELS] float16, [HEAD] and [LEVELS] float32.
        rings: [programs, slots, ROWS, WIDTH] float16, read and written.
        keys, counters: [voices] int64 (the bits of uint64): streams of random numbers, and numbers drawn so far.
        now, before: [voices] int32 levels of the last sample and of the one before; updated.
        pool: [places, LAYERS, 2 * WIDTH] float32, V·y and gate biases of frames, columns as in w_now.
        source: [places * HOP, CHANNELS] float32, the excitation of the same frames.
        places: [frames, voices] int64: where in the pool each voice's frames lie.
        sharpness: [frames, voices] float32, one over the temperature.
        forced: [frames * HOP, voices] int32, read when FORCED; a level >= 0 is taken instead of the drawn one.
        out: [frames * HOP, voices] int32 levels, written.
        logits: [voices, LEVELS] float32, written once: those of the last sample.
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
    level_now, level_before = tl.load(now + voice), tl.load(before + voice)
    for t in range(first, first + n_steps):
        frame = t // HOP
        place = tl.load(places + frame * n_voices + voice)
        h = tl.load(embed_now + level_now[:, None] * WIDTH + channel[None, :])
        h += tl.load(embed_before + level_before[:, None] * WIDTH + channel[None, :])
        for i in tl.static_range(CHANNELS):
            strength = tl.load(source + (place * HOP + t % HOP) * CHANNELS + i)
            h += strength[:, None] * tl.load(w_exc + i * WIDTH + channel)[None, :]

        skip = tl.zeros([ROWS, SKIP], tl.float32) + tl.load(b_skip + skips)[None, :]
        step = clock + t - first
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
        drawn = _draw(logit, tl.load(sharpness + frame * n_voices + voice), bits)
        if FORCED:
            taken = tl.load(forced + t * n_voices + voice)
            drawn = tl.where(taken >= 0, taken, drawn)
        level_before, level_now = level_now, drawn
        tl.store(out + t * n_voices + voice, drawn)
        if t == first + n_steps - 1:
            tl.store(logits + voice[:, None] * LEVELS + level[None, :], logit)
        # What one thread has put into the rings, another one reads at the next sample.
        tl.debug_barrier()
    tl.store(now + voice, level_now)
    tl.store(before + voice, level_before)


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
