"""Partials of one recorded note: their frequencies, and their complex envelopes along a pitch contour.

A note is modelled as ``x(t) = Re Σ_k c_k(t) exp(i r_k Φ(t))``: Φ is the phase of the fundamental (radians), r_k the ratio of
partial k to it, and c_k a slowly varying complex envelope, known at *knots* ``HOP`` samples apart. The envelopes are found
by demodulation with a Hann window and refined on the residual, so that neighbouring partials do not count twice.

Struck strings have a constant fundamental and stretched partials, r_k = k·√((1 + Bk²)/(1 + B)) (Fletcher and Rossing, "The
Physics of Musical Instruments", 12.3). Bowed and blown notes have r_k = k, and a contour that is found first. Steady tones
that are left then have ratios of their own: an organ's ranks, the modes of a bar, strings that stray from the formula.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import median_filter

from orchestrion.compiled import compiled

HOP = 96  # samples between knots
BLOCK = 32  # samples over which a phasor turns before it is taken anew from its exact phase
HIGHEST = 0.46  # of the sample rate
MOST_PARTIALS = 128
WINDOW_S, PERIODS = 0.0213, 2.6  # a window's length: at least this, and at least so many periods
DAMPING = 0.7  # of what later passes add: partials that share a window would otherwise overshoot
CONTOUR_PARTIALS, CONTOUR_ROUNDS = 6, 3
TUNED_PARTIALS = 3, 6, 12, 24, 36, 48, 64, 96  # each step from what the one before extrapolates to, less than a window's width off
MOST_TUNED = 24  # of notes that others sound over
# Tones beside the series: so many at most, found in this stretch, over the median of their surroundings and under the loudest partial by so
# much, with a share of their power that keeps its phase (of noise it is .3 at most).
MOST_ASIDE, ASIDE_S, ASIDE_OVER_DB, ASIDE_UNDER_DB, ASIDE_STEADY, SURROUNDINGS_HZ = 32, (0.05, 0.55), 20.0, 70.0, 0.4, 150
MOVED_STEADY = 0.1  # the share that is enough for a partial of the series to be taken where it is
LEAST_MOVED_HZ = 1.0  # less is left to the formula


@dataclass(frozen=True)
class Partials:
    """The partials of a note.

    Attributes:
        phase: ``[m]`` Φ at the knots, radians.
        ratios: ``[k]`` frequencies over the fundamental's.
        envelopes: ``[m, k]`` complex: amplitude, and phase beside r_k Φ.
        inharmonicity: B, 0 for harmonic partials.
    """

    phase: np.ndarray
    ratios: np.ndarray
    envelopes: np.ndarray
    inharmonicity: float

    def samples(self, n: int, envelopes: np.ndarray | None = None) -> np.ndarray:
        """The sum of the partials, float64 [n]; with other ``envelopes`` where given."""
        c = self.envelopes if envelopes is None else envelopes
        made = _synthesise(n, self.phase, self.ratios, np.ascontiguousarray(c.real), np.ascontiguousarray(c.imag))
        return np.asarray(made)

    def fundamental_hz(self, sample_rate: int) -> np.ndarray:
        """``[m - 1]`` frequency of the fundamental between knots."""
        return np.diff(self.phase) / HOP * sample_rate / (2 * math.pi)


def struck(x: np.ndarray, pitch: float, sample_rate: int, *, passes: int = 4, stretched: bool = True, aside: bool = False) -> Partials:
    """Partials of constant frequency of the note ``x`` float [n] that sounds from its first sample; with tones ``aside`` of the series."""
    f1, b = tuning(x, pitch, sample_rate, stretched, most=TUNED_PARTIALS[-1])
    if stretched:  # a bar's modes are no stiff string's
        f1, b = min((f1, b), tuning(x, pitch, sample_rate, False), key=lambda tuned: _left(x, tuned[0], tuned[1], sample_rate))
    phase = 2 * math.pi * f1 / sample_rate * HOP * np.arange(_n_knots(len(x)))
    found = _found(x, phase, stretched_ratios(b, f1, sample_rate), b, _window(f1, sample_rate), passes)
    return _with_tones_aside(x, found, f1, sample_rate, passes) if aside else found


def sustained(x: np.ndarray, pitch: float, sample_rate: int, *, passes: int = 3, aside: bool = False) -> Partials:
    """Harmonic partials along the pitch contour of the bowed or blown note ``x`` float [n]; with tones ``aside`` of the series."""
    f1, _ = tuning(x, pitch, sample_rate, False)
    phase = 2 * math.pi * f1 / sample_rate * HOP * np.arange(_n_knots(len(x)))
    ratios = stretched_ratios(0.0, f1, sample_rate)
    window = _window(f1, sample_rate)
    for _ in range(CONTOUR_ROUNDS):
        phase = phase + drift(_demodulate(x, phase, ratios[:CONTOUR_PARTIALS], window, 2))
    found = _found(x, phase, ratios, 0.0, window, passes)
    return _with_tones_aside(x, found, f1, sample_rate, passes) if aside else found


def _found(x: np.ndarray, phase: np.ndarray, ratios: np.ndarray, inharmonicity: float, window: int, passes: int) -> Partials:
    return Partials(phase, ratios, _demodulate(x, phase, ratios, window, passes), inharmonicity)


def refined(found: Partials, x: np.ndarray, sample_rate: int, passes: int) -> Partials:
    """``found`` with what it leaves of the note ``x``, as far as its partials' windows reach."""
    f1 = float(np.median(found.fundamental_hz(sample_rate)))
    for _ in range(passes):
        more = _demodulate(x - found.samples(len(x)), found.phase, found.ratios, _window(f1, sample_rate), 1)
        found = replace(found, envelopes=found.envelopes + DAMPING * more)
    return found


def _left(x: np.ndarray, f1: float, inharmonicity: float, sample_rate: int) -> float:
    """Energy of what these partials leave of the note's first half second, emphasised so that treble counts."""
    part = np.asarray(x[: sample_rate // 2], dtype=np.float64)
    phase = 2 * math.pi * f1 / sample_rate * HOP * np.arange(_n_knots(len(part)))
    found = _found(part, phase, stretched_ratios(inharmonicity, f1, sample_rate), inharmonicity, _window(f1, sample_rate), 2)
    return float((np.diff(part - found.samples(len(part))) ** 2).sum())


def _with_tones_aside(x: np.ndarray, found: Partials, f1: float, sample_rate: int, passes: int) -> Partials:
    """``found``, its partials where they really are, and behind them the steady tones that it leaves, if any."""
    window, first, last = _window(f1, sample_rate), *(int(s * sample_rate) for s in ASIDE_S)
    turned = found.fundamental_hz(sample_rate)[first // HOP : last // HOP]
    if len(x) < last or not len(turned):
        return found
    here, f1 = slice(first // HOP, last // HOP), float(np.median(turned))
    c = found.envelopes[here]
    turn = np.angle((c[1:] * np.conj(c[:-1])).sum(0))
    moved_hz = turn / (2 * math.pi * HOP) * sample_rate
    steady = _is_steady(c * np.exp(-1j * turn * np.arange(len(c))[:, None]), MOVED_STEADY)
    ratios = found.ratios + np.where(steady & (np.abs(moved_hz) > LEAST_MOVED_HZ), moved_hz / f1, 0.0)
    straight = found
    if not np.array_equal(ratios, found.ratios):
        straight = _found(x, found.phase, ratios, found.inharmonicity, window, passes)
    hz = _tones(x[first:last], (x - straight.samples(len(x)))[first:last], ratios * f1, sample_rate / window, sample_rate)
    if not len(hz):
        return straight
    more = np.concatenate([ratios, hz / f1])
    steady = _is_steady(_found(x, found.phase, more, found.inharmonicity, window, passes).envelopes[here])
    steady[: len(ratios)] = True
    return _found(x, found.phase, more[steady], found.inharmonicity, window, passes) if steady[len(ratios) :].any() else straight


def _is_steady(c: np.ndarray, share: float = ASIDE_STEADY) -> np.ndarray:
    """Of envelopes ``[m, k]``: whether each is a tone that keeps its phase in ``share`` of its power, and loud enough to count."""
    power = (np.abs(c) ** 2).mean(0)
    return np.asarray((np.abs(c.mean(0)) ** 2 > share * power) & (power > power.max(initial=0.0) * 10 ** (-ASIDE_UNDER_DB / 10)))


def _tones(x: np.ndarray, rest: np.ndarray, known_hz: np.ndarray, apart_hz: float, sample_rate: int) -> np.ndarray:
    """Frequencies of lines in the spectrum of ``rest``, as far ``apart_hz`` from each other and from those that are known; ascending."""
    n = 2 * len(rest)
    window, bin_hz = np.hanning(len(rest)), sample_rate / n
    power, loudest = np.abs(np.fft.rfft(rest * window, n)) ** 2, float((np.abs(np.fft.rfft(x * window, n)) ** 2).max())
    surroundings = median_filter(power, int(2 * SURROUNDINGS_HZ / bin_hz) + 1)
    peak = (power[1:-1] > power[:-2]) & (power[1:-1] >= power[2:])
    peak &= (power[1:-1] > 10 ** (ASIDE_OVER_DB / 10) * surroundings[1:-1]) & (power[1:-1] > loudest * 10 ** (-ASIDE_UNDER_DB / 10))
    chosen: list[float] = []
    for place in sorted(np.flatnonzero(peak) + 1, key=lambda i: -power[i]):
        before, here, after = np.log(power[place - 1 : place + 2] + 1e-300)
        hz = (place + 0.5 * (before - after) / (before - 2 * here + after)) * bin_hz
        if apart_hz < hz < HIGHEST * sample_rate and np.abs(np.concatenate([known_hz, chosen]) - hz).min() > apart_hz:
            chosen.append(float(hz))
        if len(chosen) == MOST_ASIDE:
            break
    return np.array(sorted(chosen))


def stretched_ratios(inharmonicity: float, f1: float, sample_rate: int, most: int = MOST_PARTIALS) -> np.ndarray:
    """``[k]`` ratios of the partials below ``HIGHEST`` of the sample rate to the fundamental ``f1`` Hz."""
    k = np.arange(1, most + 1, dtype=np.float64)
    ratios = k * np.sqrt((1 + inharmonicity * k * k) / (1 + inharmonicity))
    return ratios[ratios * f1 < HIGHEST * sample_rate]


def typical_inharmonicity(pitch: float) -> float:
    """B of a typical piano's string: bass bridge and treble bridge together (Rigaud, David, Daudet, JASA 2013)."""
    return math.exp(-0.0847 * pitch - 5.82) + math.exp(0.0926 * pitch - 13.64)


def tuning(x: np.ndarray, pitch: float, sample_rate: int, stretched: bool, *, most: int = MOST_TUNED) -> tuple[float, float]:
    """f1 (Hz) and B, from the phases of ever more partials, up to ``most``, in the first half second or so."""
    expected = 440.0 * 2.0 ** ((pitch - 69) / 12)
    n = min(len(x), int(sample_rate * max(0.5, 40 / expected)))
    part = np.asarray(x[:n], dtype=np.float64)
    f1 = _peak(part, expected, sample_rate)
    b = typical_inharmonicity(pitch) if stretched else 0.0
    window = _window(f1, sample_rate)
    for partials in (step for step in TUNED_PARTIALS if step <= most):
        ratios = stretched_ratios(b, f1, sample_rate, partials)
        step = 2 * math.pi * f1 / sample_rate * HOP
        c = _demodulate(part, step * np.arange(_n_knots(n)), ratios, window, 2)
        inside = c[window // HOP : max(window // HOP + 2, len(c) - window // HOP)]
        turn = np.sum(inside[1:] * np.conj(inside[:-1]), axis=0)
        ratio = ratios + np.angle(turn) / step  # measured frequency over f1
        k, weight = np.arange(1, len(ratios) + 1.0), np.abs(turn) / (np.abs(turn).max() + 1e-30)
        weight = np.sqrt(weight) * (weight > 1e-4)
        y = (ratio / k) ** 2  # = f1'²(1 + Bk²) / f1²
        if stretched and (weight > 0).sum() >= 3:
            basis = np.stack([np.ones_like(k), k * k], 1)
            (level, slope), *_ = np.linalg.lstsq(basis * weight[:, None], y * weight, rcond=None)
            if level > 0:
                b = float(np.clip(slope / level, 0.0, 0.02))
                f1 *= math.sqrt(level * (1 + b))
        else:
            f1 *= math.sqrt(float((y * weight).sum() / (weight.sum() + 1e-30)) or 1.0)
        f1 = float(np.clip(f1, expected * 2 ** (-1 / 12), expected * 2 ** (1 / 12)))
    return f1, b


def _peak(x: np.ndarray, expected: float, sample_rate: int) -> float:
    """The loudest frequency within 40 cents of ``expected``, by a zoomed Fourier transform."""
    t = np.arange(len(x)) / sample_rate
    hz = expected * 2 ** (np.linspace(-40, 40, 81) / 1200)
    step = np.exp(-2j * np.pi * (hz[1] - hz[0]) * t)
    turn, windowed, loudness = np.exp(-2j * np.pi * hz[0] * t), x * np.hanning(len(x)), []
    for _ in hz:
        loudness.append(abs(np.dot(turn, windowed)))
        turn = turn * step
    linear = hz[0] + (hz[1] - hz[0]) * np.arange(len(hz))
    return float(linear[int(np.argmax(loudness))])


def drift(c: np.ndarray) -> np.ndarray:
    """``[m]`` by how much Φ is to be corrected: the partials' own phase steps, the loudest counting most, smoothed."""
    k = np.arange(1, c.shape[1] + 1)
    step = np.angle(c[1:] * np.conj(c[:-1])) / k
    weight = np.minimum(np.abs(c[1:]), np.abs(c[:-1])) ** 2 * k * k
    turned = (step * weight).sum(1) / (weight.sum(1) + 1e-20)
    kernel = np.hanning(11)[1:-1] / np.hanning(11)[1:-1].sum()
    smooth = np.convolve(np.pad(turned, (4, 4), mode="edge"), kernel, mode="valid")
    return np.concatenate([[0.0], np.cumsum(smooth)])


def _window(f1: float, sample_rate: int) -> int:
    """Samples of the demodulation's window, a whole number of pairs of knots."""
    wanted = sample_rate * max(WINDOW_S, PERIODS / f1)
    return 2 * HOP * max(2, math.ceil(wanted / (2 * HOP)))


def _n_knots(n: int) -> int:
    return n // HOP + 2


def _demodulate(x: np.ndarray, phase: np.ndarray, ratios: np.ndarray, window: int, passes: int) -> np.ndarray:
    x = np.ascontiguousarray(x, dtype=np.float64)
    re, im = np.zeros((len(phase), len(ratios))), np.zeros((len(phase), len(ratios)))
    hann = np.hanning(window + 1)[:-1]
    rest = x
    for done in range(passes):
        _add_envelopes(rest, phase, ratios, hann, 2.0 if done == 0 else 2.0 * DAMPING, re, im)
        if done < passes - 1:
            rest = x - _synthesise(len(x), phase, ratios, re, im)
    return re + 1j * im


@compiled(nogil=True, fastmath=True)
def _add_envelopes(  # pragma: no cover - compiled
    x: np.ndarray, phase: np.ndarray, ratios: np.ndarray, hann: np.ndarray, gain: float, re: np.ndarray, im: np.ndarray
) -> None:
    """re, im [m, k] += gain · mean of x·exp(-i r_k Φ) under the window round each knot, over the part of it within x."""
    n, k_n, window = len(x), len(ratios), len(hann)
    sums_re, sums_im = np.zeros((len(phase), k_n), np.float32), np.zeros((len(phase), k_n), np.float32)
    weight = np.zeros(len(phase))
    turn_re, turn_im = np.empty(k_n, np.float32), np.empty(k_n, np.float32)
    now_re, now_im = np.empty(k_n, np.float32), np.empty(k_n, np.float32)
    for begin in range(0, n, BLOCK):
        _phasors(phase, ratios, begin, now_re, now_im, turn_re, turn_im)
        for t in range(begin, min(begin + BLOCK, n)):
            value = np.float32(x[t])
            first = max(0, (t - window // 2) // HOP + 1)
            last = min(len(phase) - 1, (t + window // 2) // HOP)
            for m in range(first, last + 1):
                place = t - m * HOP + window // 2
                if place < 0 or place >= window:
                    continue
                w = np.float32(hann[place])
                weight[m] += w
                a = w * value
                for k in range(k_n):
                    sums_re[m, k] += a * now_re[k]
                    sums_im[m, k] -= a * now_im[k]
            for k in range(k_n):
                r = now_re[k] * turn_re[k] - now_im[k] * turn_im[k]
                now_im[k] = now_re[k] * turn_im[k] + now_im[k] * turn_re[k]
                now_re[k] = r
    for m in range(len(phase)):
        if weight[m] > 0:
            for k in range(k_n):
                re[m, k] += gain * sums_re[m, k] / weight[m]
                im[m, k] += gain * sums_im[m, k] / weight[m]


@compiled(nogil=True, fastmath=True)
def _synthesise(  # pragma: no cover - compiled
    n: int, phase: np.ndarray, ratios: np.ndarray, re: np.ndarray, im: np.ndarray
) -> np.ndarray:
    """Σ_k Re c_k exp(i r_k Φ), envelopes straight between knots, [n]."""
    k_n = len(ratios)
    out = np.zeros(n)
    turn_re, turn_im = np.empty(k_n, np.float32), np.empty(k_n, np.float32)
    now_re, now_im = np.empty(k_n, np.float32), np.empty(k_n, np.float32)
    for begin in range(0, n, BLOCK):
        _phasors(phase, ratios, begin, now_re, now_im, turn_re, turn_im)
        m = begin // HOP
        for t in range(begin, min(begin + BLOCK, n)):
            part = np.float32((t - m * HOP) / HOP)
            total = np.float32(0.0)
            for k in range(k_n):
                a = np.float32(re[m, k]) + part * np.float32(re[m + 1, k] - re[m, k])
                b = np.float32(im[m, k]) + part * np.float32(im[m + 1, k] - im[m, k])
                total += a * now_re[k] - b * now_im[k]
                r = now_re[k] * turn_re[k] - now_im[k] * turn_im[k]
                now_im[k] = now_re[k] * turn_im[k] + now_im[k] * turn_re[k]
                now_re[k] = r
            out[t] = total
    return out


@compiled(nogil=True)
def _phasors(  # pragma: no cover - compiled
    phase: np.ndarray, ratios: np.ndarray, begin: int, now_re: np.ndarray, now_im: np.ndarray, turn_re: np.ndarray,
    turn_im: np.ndarray,
) -> None:  # fmt: skip
    """exp(i r_k Φ) at sample ``begin``, and by how much it turns a sample; Φ is straight between knots."""
    m = begin // HOP
    slope = (phase[m + 1] - phase[m]) / HOP
    here = phase[m] + slope * (begin - m * HOP)
    for k in range(len(ratios)):
        angle, turn = here * ratios[k], slope * ratios[k]
        now_re[k], now_im[k] = math.cos(angle), math.sin(angle)
        turn_re[k], turn_im[k] = math.cos(turn), math.sin(turn)
