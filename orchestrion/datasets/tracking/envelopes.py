"""Complex envelopes of all partials that sound in a recording, found together.

The recording is modelled as x(t) = Σ_notes Re Σ_k c_k(t) exp(i r_k Φ(t)). A pass demodulates what the model leaves over: the mean
of the residual times exp(-i r_k Φ) under a squared Hann window round every knot. That is a product in the Fourier
domain: of a frame's windowed spectrum with the window's own transform, which is 0 but for a few bins round the partial.

Partials that a window cannot tell apart share what it hears in proportion to the power that each is expected to have: the
Wiener filter's answer for one bin. Each pass has a window of its own, from long ones (which tell neighbours apart) to short ones (which
know attacks); near its attack a note keeps the value that it has once the window lies within it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.datasets.tracking.ringing import KNOT, Ringing

TAPS = 8  # bins of the window's transform that are not 0
STEPS = 256  # into which a bin is divided in the table of it
HELD = 0.3  # of the window: how long after an attack it hears what was before, too
ATTACK = 48  # samples over which a note sets in
FADE = 96  # samples over which it ends
BLOCK_KNOTS = 512


def spectra(x: np.ndarray, first: int, n: int, window: int) -> np.ndarray:
    """Transforms of ``x`` under Hann windows round the knots ``first`` to ``first + n``, phases counted from the knot, ``[n, bins]``."""
    from scipy.fft import rfft

    begin, stop = first * KNOT - window // 2, (first + n - 1) * KNOT + window // 2
    part = np.zeros(stop - begin, np.float32)
    a, b = max(begin, 0), min(stop, len(x))
    if a < b:
        part[a - begin : b - begin] = x[a:b]
    frames = np.lib.stride_tricks.sliding_window_view(part, window)[::KNOT] * _hann(window)
    found = rfft(frames, axis=1)
    found[:, 1::2] *= -1  # time counted from the middle
    return np.asarray(found)


@lru_cache
def _hann(window: int) -> np.ndarray:
    return np.hanning(window + 1)[:-1].astype(np.float32)


@lru_cache
def _transform() -> np.ndarray:
    """The Hann window's transform ``[STEPS + 1, TAPS]`` at the bins round a partial, over its squares' sum: row j a partial j / STEPS above a bin."""
    offset = np.arange(TAPS)[None] - (TAPS // 2 - 1) - np.arange(STEPS + 1)[:, None] / STEPS
    values = 0.5 * np.sinc(offset) + 0.25 * np.sinc(offset - 1) + 0.25 * np.sinc(offset + 1)
    return np.ascontiguousarray((values / (values**2).sum(1, keepdims=True)).astype(np.float32))


def add_pass(
    residual: np.ndarray, notes: Ringing, expected: np.ndarray, c: np.ndarray, window: int, *, floor: float, lowest_hz: float, sample_rate: int,
    oldest_s: float = math.inf, share: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Add to the envelopes ``c`` (complex64 [cells]) what a window of ``window`` samples hears of them in ``residual``.

    Args:
        expected: float32 [cells] amplitude that each is expected to have.
        floor: amplitude of what is no partial, which takes its share too.
        lowest_hz: fundamentals below it are left out: their partials lie closer than the window can tell.
        oldest_s: notes older than this are left alone.
        share: float32 [cells], filled with the share that each got.
    """
    n_knots = -(-len(residual) // KNOT) + 1
    step = notes.phase[notes.first_phase + 1] - notes.phase[notes.first_phase]
    taken = step / KNOT * sample_rate / (2 * math.pi) >= lowest_hz
    shares = np.empty(0, np.float32) if share is None else share
    change = np.zeros(len(c), np.complex64)
    for first in range(0, n_knots, BLOCK_KNOTS):
        n = min(BLOCK_KNOTS, n_knots - first)
        _demodulate(
            spectra(residual, first, n, window), first, window, notes.first_knot, notes.n_knots, notes.n_partials, notes.first_partial,
            notes.first_phase, notes.first_cell, notes.ratios, notes.phase, taken, expected, np.float32(floor**2), _transform(), change, shares,
        )  # fmt: skip
    held = round(HELD * window)
    _hold(change, c, notes.onset, notes.end, notes.first_knot, notes.n_knots, notes.n_partials, notes.first_cell, held, oldest_s * sample_rate)


@compiled(nogil=True, fastmath=True)
def _demodulate(  # pragma: no cover - compiled
    spectrum: np.ndarray, first: int, window: int, first_knot: np.ndarray, n_knots: np.ndarray, n_partials: np.ndarray,
    first_partial: np.ndarray, first_phase: np.ndarray, first_cell: np.ndarray, ratios: np.ndarray, phase: np.ndarray, taken: np.ndarray,
    expected: np.ndarray, floor: float, kernel: np.ndarray, change: np.ndarray, shares: np.ndarray,
) -> None:  # fmt: skip
    """change += 2 · <spectrum, kernel at each partial>, each with its share of the expected power in its bins."""
    n, bins = spectrum.shape
    half = TAPS // 2 - 1
    power = np.zeros((n, bins), np.float32)
    for deposit in (True, False):
        for i in range(len(first_knot)):
            a, b = max(first_knot[i], first), min(first_knot[i] + n_knots[i], first + n)
            k_n = n_partials[i]
            for m in range(a, b):
                j = m - first_knot[i]
                p = first_phase[i] + j
                # The frequency at the knot, from the phases on either side.
                left, right = max(j - 1, 0), min(j + 1, n_knots[i] - 1)
                turn = (phase[first_phase[i] + right] - phase[first_phase[i] + left]) / ((right - left) * KNOT)
                cell = first_cell[i] + j * k_n
                for k in range(k_n):
                    ratio = ratios[first_partial[i] + k]
                    place = ratio * turn * window / (2 * math.pi)
                    whole = math.floor(place)
                    row = int((place - whole) * STEPS + 0.5)
                    begin = whole - half
                    if begin < 0 or begin + TAPS > bins:
                        continue
                    e = expected[cell + k] ** 2
                    if deposit:
                        for t in range(TAPS):
                            w = kernel[row, t]
                            power[m - first, begin + t] += e * w * w
                        continue
                    re, im, everyone, fourth = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
                    for t in range(TAPS):
                        w = kernel[row, t]
                        s = spectrum[m - first, begin + t]
                        re += w * s.real
                        im += w * s.imag
                        everyone += w * w * power[m - first, begin + t]
                        fourth += w * w * w * w
                    part = e * fourth / (everyone + floor * fourth + np.float32(1e-30))
                    if len(shares):
                        shares[cell + k] = part
                    if not taken[i]:
                        continue
                    angle = ratio * phase[p]
                    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
                    gain = np.float32(2.0) * part / window
                    change[cell + k] += gain * complex(re * cos + im * sin, im * cos - re * sin)


@compiled(nogil=True)
def _hold(  # pragma: no cover - compiled
    change: np.ndarray, c: np.ndarray, onset: np.ndarray, end: np.ndarray, first_knot: np.ndarray, n_knots: np.ndarray,
    n_partials: np.ndarray, first_cell: np.ndarray, held: int, oldest: float,
) -> None:  # fmt: skip
    """c += change; within ``held`` samples of a note's ends with the value that stands once they are past."""
    for i in range(len(onset)):
        k_n, m = n_partials[i], n_knots[i]
        low = min(m - 1, max(0, -(-(onset[i] + held) // KNOT) - first_knot[i]))
        high = max(low, min(m - 1, (end[i] - held) // KNOT - first_knot[i]))
        for j in range(m):
            age = (first_knot[i] + j) * KNOT - onset[i]
            if age > oldest:
                continue
            source = min(max(j, low), high)
            for k in range(k_n):
                c[first_cell[i] + j * k_n + k] += change[first_cell[i] + source * k_n + k]


def synthesise(notes: Ringing, c: np.ndarray, n_samples: int) -> np.ndarray:
    """Σ Re c exp(i r Φ) of all notes, float32 [n_samples]; envelopes straight between knots."""
    out = np.zeros(n_samples, np.float32)
    _synthesise(
        out, notes.onset, notes.end, notes.first_knot, notes.n_partials, notes.first_partial, notes.first_phase, notes.first_cell, notes.ratios,
        notes.phase, np.ascontiguousarray(c.real), np.ascontiguousarray(c.imag),
    )  # fmt: skip
    return out


@compiled(nogil=True, fastmath=True)
def _synthesise(  # pragma: no cover - compiled
    out: np.ndarray, onset: np.ndarray, end: np.ndarray, first_knot: np.ndarray, n_partials: np.ndarray, first_partial: np.ndarray,
    first_phase: np.ndarray, first_cell: np.ndarray, ratios: np.ndarray, phase: np.ndarray, c_re: np.ndarray, c_im: np.ndarray,
) -> None:  # fmt: skip
    for i in range(len(onset)):
        k_n = n_partials[i]
        re, im, turn_re, turn_im = np.empty(k_n, np.float32), np.empty(k_n, np.float32), np.empty(k_n, np.float32), np.empty(k_n, np.float32)
        a, b, step_a, step_b = np.empty(k_n, np.float32), np.empty(k_n, np.float32), np.empty(k_n, np.float32), np.empty(k_n, np.float32)
        stop = min(end[i], len(out))
        begin = max(onset[i], 0)
        while begin < stop:
            m = begin // KNOT
            j = m - first_knot[i]
            p, cell = first_phase[i] + j, first_cell[i] + j * k_n
            slope = (phase[p + 1] - phase[p]) / KNOT
            into = begin - m * KNOT
            here = phase[p] + slope * into
            for k in range(k_n):
                r = ratios[first_partial[i] + k]
                re[k], im[k], turn_re[k], turn_im[k] = math.cos(here * r), math.sin(here * r), math.cos(slope * r), math.sin(slope * r)
                step_a[k] = (c_re[cell + k_n + k] - c_re[cell + k]) / KNOT
                step_b[k] = (c_im[cell + k_n + k] - c_im[cell + k]) / KNOT
                a[k] = c_re[cell + k] + into * step_a[k]
                b[k] = c_im[cell + k] + into * step_b[k]
            last = min((m + 1) * KNOT, stop)
            for t in range(begin, last):
                total = np.float32(0.0)
                for k in range(k_n):
                    total += a[k] * re[k] - b[k] * im[k]
                    a[k] += step_a[k]
                    b[k] += step_b[k]
                    turned = re[k] * turn_re[k] - im[k] * turn_im[k]
                    im[k] = re[k] * turn_im[k] + im[k] * turn_re[k]
                    re[k] = turned
                if t - onset[i] < ATTACK:
                    total *= np.float32((t - onset[i] + 1) / ATTACK)
                if end[i] - t <= FADE:
                    total *= np.float32((end[i] - t) / FADE)
                out[t] += total
            begin = last
