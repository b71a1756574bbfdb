"""A frame of a harmonic source, as programs for the GPU: `source.GpuSource` launches them."""

from __future__ import annotations

import math

import triton
import triton.language as tl

from orchestrion.bridge.noise import LEAST, N_BANDS, N_FINE, N_SHAPE
from orchestrion.bridge.source import N_AGES

LEAST_DB = tl.constexpr(-140.0)  # of a partial; softer is nothing
LEAST_POWER = tl.constexpr(LEAST)
TABLE_AGES = tl.constexpr(N_AGES)
FINE_BANDS, COARSE_BANDS = tl.constexpr(N_FINE), tl.constexpr(N_BANDS)
SHAPE_PLACES = tl.constexpr(N_SHAPE)
TURN = tl.constexpr(2 * math.pi)
DECIBEL = tl.constexpr(math.log2(10) / 20)  # of an amplitude, as a power of two


@triton.jit
def _at_age(ages, age):  # pragma: no cover - compiled
    """Which of the table's ages an age lies before, at least 1, and how far it is from the one before that to it."""
    a = tl.arange(0, 32)
    known = tl.load(ages + a, mask=a < TABLE_AGES, other=1e9)
    i = 1 + tl.sum(((a > 0) & (a < TABLE_AGES - 1) & (known < age)).to(tl.int32), axis=0)
    low, high = tl.load(ages + i - 1), tl.load(ages + i)
    return i, tl.minimum(tl.maximum((age - low) / (high - low), 0.0), 1.0).to(tl.float32)


@triton.jit
def _level(table, shares, note, stride, offset, i, share, mask, N_LAYERS: tl.constexpr):  # pragma: no cover - compiled
    """Decibels of a table ``[layers, …, ages]`` at an age, its layers mixed as a note's velocity wants them."""
    db = tl.zeros(offset.shape, tl.float32)
    for d in range(N_LAYERS):
        of = table + d * stride + offset * TABLE_AGES + i
        low, high = tl.load(of - 1, mask=mask, other=0.0), tl.load(of, mask=mask, other=0.0)
        db += tl.load(shares + note * N_LAYERS + d) * (low + share * (high - low))
    return db


@triton.jit
def _moved(courses, course_shares, row, knots, offset, age, mask, N_COURSES: tl.constexpr, KNOT_S: tl.constexpr):  # pragma: no cover - compiled
    """Decibels of what moves rows ``offset`` of ``course_shares [rows, courses]`` at an age; ``courses [pitches, knots, courses]``."""
    j = tl.minimum(tl.maximum((age / KNOT_S).to(tl.int32), 0), knots - 2)
    between = tl.minimum(tl.maximum(age / KNOT_S - j, 0.0), 1.0).to(tl.float32)
    db = tl.zeros(offset.shape, tl.float32)
    for r in range(N_COURSES):
        at = courses + (row * knots + j) * N_COURSES + r
        low, high = tl.load(at), tl.load(at + N_COURSES)
        db += tl.load(course_shares + offset * N_COURSES + r, mask=mask, other=0.0) * (low + between * (high - low))
    return db


@triton.jit
def _periods(age, ratio, turned, row, knots, CONTOURED: tl.constexpr, KNOT_S: tl.constexpr):  # pragma: no cover - compiled
    """Periods of what is 1 Hz without its contour, after ``age`` seconds."""
    if not CONTOURED:
        return age
    else:
        j = tl.minimum(tl.maximum((age / KNOT_S).to(tl.int32), 0), knots - 2)
        u = age / KNOT_S - j
        low, high = tl.load(ratio + row * knots + j), tl.load(ratio + row * knots + j + 1)
        return tl.load(turned + row * knots + j) + KNOT_S * u * (low + u / 2 * (high - low))


@triton.jit(do_not_specialize=["start", "n_rows", "n_levels", "knots", "n_attack", "move_knots"])
def partials(
    out, first_pair, pairs, whole, real, shares, f1, ratio, turned, level, phase, ages, first_partial, n_partials, partial_ratio, attack,
    courses, course_shares, clock, start, n_rows, n_levels, knots, n_attack, move_knots,
    N_LAYERS: tl.constexpr, N_COURSES: tl.constexpr, CONTOURED: tl.constexpr, HOP: tl.constexpr,
    LANES: tl.constexpr, CHUNK: tl.constexpr, KNOT_S: tl.constexpr, MOVE_S: tl.constexpr, RATE: tl.constexpr,
):  # fmt: skip  # pragma: no cover - compiled
    """A frame's partials and recorded attacks."""
    program = tl.program_id(0)
    frame, frame_s, highest = start + program, tl.load(clock), tl.load(clock + 1)
    t, k = tl.arange(0, LANES), tl.arange(0, CHUNK)
    total = tl.zeros([LANES], tl.float32)
    for p in range(tl.load(first_pair + program), tl.load(first_pair + program + 1)):
        note = tl.load(pairs + p)
        onset, offset, end = tl.load(whole + note * 6), tl.load(whole + note * 6 + 1), tl.load(whole + note * 6 + 2)
        row, layer = tl.load(whole + note * 6 + 4), tl.load(whole + note * 6 + 5)
        gain, release = tl.load(real + note * 4), tl.load(real + note * 4 + 1)
        hz1 = tl.load(f1 + note)
        age = (frame - onset).to(tl.float64) * frame_s
        later = (frame + 1 - onset).to(tl.float64) * frame_s
        i, share = _at_age(ages, age)
        j, next_share = _at_age(ages, later)
        fallen = (tl.maximum(frame - offset, 0) * frame_s).to(tl.float32) * release
        then = (tl.maximum(frame + 1 - offset, 0) * frame_s).to(tl.float32) * release
        begun, ended = _periods(age, ratio, turned, row, knots, CONTOURED, KNOT_S), _periods(later, ratio, turned, row, knots, CONTOURED, KNOT_S)
        begin, n = tl.load(first_partial + row), tl.load(n_partials + row)
        for first in range(0, n, CHUNK):
            hz = tl.load(partial_ratio + begin + first + k, mask=first + k < n, other=0.0) * hz1
            audible = (first + k < n) & (hz < highest)
            here = _level(level, shares, note, n_levels * TABLE_AGES, begin + first + k, i, share, audible, N_LAYERS) + gain - fallen
            there = _level(level, shares, note, n_levels * TABLE_AGES, begin + first + k, j, next_share, audible, N_LAYERS) + gain - then
            here += _moved(courses, course_shares, row, move_knots, begin + first + k, age, audible, N_COURSES, MOVE_S)
            there += _moved(courses, course_shares, row, move_knots, begin + first + k, later, audible, N_COURSES, MOVE_S)
            here = tl.where(audible & (here > LEAST_DB), tl.exp2(here * DECIBEL), 0.0)
            there = tl.where(audible & (there > LEAST_DB), tl.exp2(there * DECIBEL), 0.0)
            position = hz * begun
            angle = ((position - tl.floor(position)) * TURN).to(tl.float32) + tl.load(phase + begin + first + k, mask=audible, other=0.0)
            turn = (hz * (ended - begun) * (TURN / HOP)).to(tl.float32)
            amplitude = here[:, None] + ((there - here) / HOP)[:, None] * t[None, :]
            total += tl.sum(amplitude * tl.cos(angle[:, None] + turn[:, None] * t[None, :]), axis=0)
        if layer >= 0:
            at = (frame - onset) * HOP + t
            since = tl.maximum(at - (offset - onset) * HOP, 0).to(tl.float32) / RATE
            recorded = tl.load(attack + (layer * n_rows + row) * n_attack + at, mask=(at < n_attack) & (at < (end - onset) * HOP), other=0.0)
            total += recorded * tl.load(real + note * 4 + 2) * tl.exp2(-since * release * DECIBEL)
    tl.store(out + program * HOP + t, total, mask=t < HOP)


@triton.jit(do_not_specialize=["start", "n_rows", "move_knots"])
def noise(
    features, spectra, first_pair, pairs, whole, real, shares, noise, ages, band_of_bin, scale_of_bin, coarse_of_fine, shape, place_of_bin,
    courses, course_shares, clock, start, fall, louder_db, n_rows, move_knots,
    N_LAYERS: tl.constexpr, N_COURSES: tl.constexpr, SHAPED: tl.constexpr, KNOT_S: tl.constexpr, BINS: tl.constexpr, LANES: tl.constexpr, CHANNELS: tl.constexpr, LOW: tl.constexpr,
    PITCHES: tl.constexpr, VELOCITY: tl.constexpr, ONSET: tl.constexpr, DECAY: tl.constexpr, SOUNDING: tl.constexpr,
    RECORDED: tl.constexpr, WHOLE: tl.constexpr, GONE: tl.constexpr, FLOOR: tl.constexpr, SPAN: tl.constexpr,
):  # fmt: skip  # pragma: no cover - compiled
    """A frame's features and the spectrum of its noise."""
    program = tl.program_id(0)
    frame, frame_s = start + program, tl.load(clock)
    bin, fine, pitches, coarse = tl.arange(0, LANES), tl.arange(0, 64), tl.arange(0, 128), tl.arange(0, 16)
    band = tl.load(band_of_bin + bin, mask=bin < BINS, other=-1)
    scale = tl.load(scale_of_bin + bin, mask=bin < BINS, other=0.0)
    place = tl.load(place_of_bin + bin, mask=bin < BINS, other=0)
    re, im = tl.zeros([LANES], tl.float32), tl.zeros([LANES], tl.float32)
    powers = tl.zeros([64], tl.float32)
    velocity, onsets = tl.zeros([128], tl.float32), tl.zeros([128], tl.float32)
    decay, sounding = tl.zeros([128], tl.float32), tl.zeros([128], tl.float32)
    for p in range(tl.load(first_pair + program), tl.load(first_pair + program + 1)):
        note = tl.load(pairs + p)
        onset, offset = tl.load(whole + note * 6), tl.load(whole + note * 6 + 1)
        pitch, row = tl.load(whole + note * 6 + 3), tl.load(whole + note * 6 + 4)
        gain, release, strength = tl.load(real + note * 4), tl.load(real + note * 4 + 1), tl.load(real + note * 4 + 3)
        age = ((frame - onset).to(tl.float64) + 0.5) * frame_s
        i, share = _at_age(ages, age)
        lower = gain - (tl.maximum(frame - offset, 0) * frame_s).to(tl.float32) * release
        gone = 0.0
        if RECORDED:
            gone = tl.minimum(tl.maximum((age.to(tl.float32) - WHOLE) / (GONE - WHOLE), 0.0), 1.0)
            gone = 0.5 - 0.5 * tl.cos(gone * (TURN / 2))
        stride = n_rows * FINE_BANDS * TABLE_AGES
        db = _level(noise, shares, note, stride, row * FINE_BANDS + fine, i, share, fine < FINE_BANDS, N_LAYERS) + lower
        db += _moved(courses, course_shares, row, move_knots, row * FINE_BANDS + fine, age, fine < FINE_BANDS, N_COURSES, KNOT_S)
        power = tl.where(fine < FINE_BANDS, tl.exp2(db * (2 * DECIBEL)), 0.0)
        db = _level(noise, shares, note, stride, row * FINE_BANDS + band, i, share, band >= 0, N_LAYERS) + lower
        db += _moved(courses, course_shares, row, move_knots, row * FINE_BANDS + band, age, band >= 0, N_COURSES, KNOT_S)
        in_bin = tl.where(band >= 0, tl.exp2(db * (2 * DECIBEL)), 0.0)
        if RECORDED:
            power *= gone * gone
            in_bin *= gone * gone
        powers += power
        # splitmix64 (Steele et al. 2014): two bits a bin, 32 bins a number
        z = pitch.to(tl.uint64) * 0xD1342543DE82EF95 + frame.to(tl.int64).to(tl.uint64, bitcast=True) * 0x2545F4914F6CDD1D
        z = z + (bin // 32 + 1).to(tl.uint64) * 0x9E3779B97F4A7C15
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB
        bits = (z ^ (z >> 31)) >> (2 * (bin % 32)).to(tl.uint64)
        shaped = scale
        if SHAPED:
            shape_db = tl.zeros([LANES], tl.float32)
            for d in range(N_LAYERS):
                of_layer = tl.load(shape + (d * n_rows + row) * SHAPE_PLACES + place, mask=bin < BINS, other=0.0)
                shape_db += tl.load(shares + note * N_LAYERS + d) * of_layer
            shaped = scale * tl.exp2(shape_db * (2 * DECIBEL))
        size = tl.where(in_bin > LEAST_POWER, tl.sqrt(in_bin * shaped * 0.5), 0.0)
        re += tl.where((bits & 1) != 0, size, -size)
        im += tl.where((bits & 2) != 0, size, -size)
        held = (pitches == pitch - LOW) & (frame < offset)
        velocity = tl.where(held, strength, velocity)
        sounding = tl.where(held, 1.0, sounding)
        onsets = tl.where(held & (frame == onset), strength, onsets)
        decay = tl.where(held, strength * tl.exp(-fall * (frame - onset).to(tl.float32)), decay)
    into = features + program * CHANNELS
    if VELOCITY >= 0:
        tl.store(into + VELOCITY + pitches, velocity, mask=pitches < PITCHES)
    if ONSET >= 0:
        tl.store(into + ONSET + pitches, onsets, mask=pitches < PITCHES)
    if DECAY >= 0:
        tl.store(into + DECAY + pitches, decay, mask=pitches < PITCHES)
    if SOUNDING >= 0:
        tl.store(into + SOUNDING + pitches, sounding, mask=pitches < PITCHES)
    group = tl.load(coarse_of_fine + fine, mask=fine < FINE_BANDS, other=-1)
    sums = tl.sum(tl.where(group[None, :] == coarse[:, None], powers[None, :], 0.0), axis=1)
    db = tl.log2(tl.maximum(sums, 1e-30)) / (2 * DECIBEL) - louder_db
    tl.store(into + CHANNELS - COARSE_BANDS + coarse, tl.maximum(db - FLOOR, 0.0) / SPAN, mask=coarse < COARSE_BANDS)
    tl.store(spectra + (program * BINS + bin) * 2, re, mask=bin < BINS)
    tl.store(spectra + (program * BINS + bin) * 2 + 1, im, mask=bin < BINS)
