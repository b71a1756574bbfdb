"""The harmonic source of an instrument, fitted to single notes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.bridge.noise import N_FINE
from orchestrion.bridge.source import (
    AGES_S,
    CONTOUR_S,
    LEAST_CENTS,
    N_AGES,
    SILENT_DB,
    HarmonicSource,
    Vibrato,
    going_on,
    stretched_ratios,
)
from orchestrion.datasets.banks import partials
from orchestrion.datasets.banks.beating import with_pairs
from orchestrion.datasets.banks.modulation import KNOTS, NOISE, modulation, moved_db, noise_modulation, resolution_of
from orchestrion.datasets.banks.noisetable import noise_tables
from orchestrion.datasets.banks.partials import HOP, Partials

USUAL_VELOCITY = 80
QUIETEST = 1e-5  # amplitude: -100 dB
MOST_LOUDER_DB = 6.0
CONTOUR_KNOTS, SMOOTHED, MOST_BENT_CENTS = 250, 5, 63.0  # four seconds; knots of the fit


@dataclass(frozen=True, eq=False)
class FittedNote:
    """What was found in one note.

    Attributes:
        f1_hz, inharmonicity: of its partials; of bowed and blown notes the median along the note.
        ratios: ``[k]`` frequencies over the first one's: of the series, and behind it of tones aside.
        level_db: ``[k, ages]``.
        noise_db: ``[52, ages]``.
        noise_shape_db: ``[193]`` of a bin over its band spread evenly.
        phase: ``[k]`` at the attack.
        contour_cents: ``[m]`` the pitch contour at knots ``HOP`` samples apart; zeros where the note was struck.
        modulation_db, modulation_share: ``[r, m]`` courses that the partials go along beside their levels, and ``[k, r]`` each partial's share.
        noise_modulation_db, noise_modulation_share: ``[2, m]`` and ``[52, 2]`` likewise of the noise; m is 0 where the note was struck.
        source: ``[n]`` float32: the note by these amplitudes, along the recording's own phases.
    """

    f1_hz: float
    inharmonicity: float
    ratios: np.ndarray
    level_db: np.ndarray
    noise_db: np.ndarray
    phase: np.ndarray
    contour_cents: np.ndarray
    source: np.ndarray
    noise_shape_db: np.ndarray
    modulation_db: np.ndarray
    modulation_share: np.ndarray
    noise_modulation_db: np.ndarray
    noise_modulation_share: np.ndarray


def fit_note(x: np.ndarray, pitch: int, sample_rate: int, *, sustained: bool, stretched: bool, aside: bool = False) -> FittedNote:
    """Fit one note: float [n], which sounds from its first sample and is held to its last.

    Args:
        sustained: bowed or blown; else struck or plucked.
        stretched: whether the partials of what is struck may be those of a stiff string.
        aside: whether steady tones beside the series are partials, too; else they are noise.
    """
    x = np.asarray(x, dtype=np.float64)
    if sustained:
        found = partials.sustained(x, pitch, sample_rate, aside=aside)
    else:
        found = partials.struck(x, pitch, sample_rate, stretched=stretched, aside=aside)
    measured, is_tone = np.abs(found.envelopes), None
    if sustained and aside:
        found, measured, is_tone = with_pairs(x, found, sample_rate)
    level = _level_table(measured, sample_rate, len(x))
    if not sustained:
        level = _going_on_falling(level, len(x) / sample_rate)
    amplitude = _at_knots(level, len(found.phase), sample_rate)
    resolution = resolution_of(sustained)
    courses, shares = modulation(measured, amplitude, sample_rate, resolution, is_tone)
    moved = 10 ** (moved_db(courses, shares, len(amplitude), sample_rate, resolution.knot_s) / 20)
    # What few courses leave out of a partial's moves, its loud moments above all, would make it softer.
    softer = _level_table(measured, sample_rate, len(x)) - _level_table(amplitude * moved, sample_rate, len(x))
    level = level + np.clip(softer, 0.0, MOST_LOUDER_DB)
    amplitude = _at_knots(level, len(found.phase), sample_rate) * moved
    unit = found.envelopes / np.maximum(np.abs(found.envelopes), 1e-12)
    source = found.samples(len(x), unit * amplitude)
    rest = x - found.samples(len(x))
    hz = found.fundamental_hz(sample_rate)
    loud = np.abs(found.envelopes[:, 0])[:-1] > 1e-4 * np.abs(found.envelopes[:, 0]).max()
    f1 = float(np.median(hz[loud])) if loud.any() else float(np.median(hz))
    contour = 1200 * np.log2(np.maximum(hz, 1e-3) / f1) * loud
    noise = noise_tables(rest, sample_rate)
    noise_courses, noise_shares = np.zeros((NOISE.courses, 0)), np.zeros((N_FINE, NOISE.courses))
    if sustained:
        noise_courses, noise_shares = noise_modulation(noise.power, noise.table, sample_rate)
    arrays = (
        found.ratios, level, noise.level_db, _phases(found, f1, sample_rate), contour, source, noise.shape_db, courses, shares, noise_courses, noise_shares,
    )  # fmt: skip
    return FittedNote(f1, found.inharmonicity, *(array.astype(np.float32) for array in arrays))


def tables(
    notes: Sequence[tuple[int, float, FittedNote]],
    sample_rate: int,
    release_db_s: np.ndarray,
    low: int,
    high: int,
    *,
    vibrato: Vibrato,
    recorded: Collection[int],
    exponent: float,
    modulation_s: float,
) -> HarmonicSource:
    """One source out of fitted notes.

    Args:
        notes: (pitch, velocity of its layer, fit), at most one for a pitch and layer.
        release_db_s: ``[128]`` by pitch.
        low, high: pitches to fill; those without a note take their nearest neighbour's, transposed.
        exponent: see `HarmonicSource`.
        recorded: the pitches that were heard; the others are marked as filled.
        modulation_s: between the knots of the fits' modulation.
    """
    velocities = sorted({velocity for _, velocity, _ in notes})
    pitches = np.arange(low, high + 1)
    columns: list[tuple[float, float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    moves: list[tuple[np.ndarray, ...]] = []
    ratios: list[np.ndarray] = []
    heard = np.zeros(len(pitches), bool)
    for place, pitch in enumerate(pitches):
        near = [_nearest(notes, int(pitch), velocity) for velocity in velocities]
        heard[place] = pitch in recorded
        # Of several layers one gives phases, tuning and contour: that of usual loudness.
        best, fit = min(zip(near, velocities, strict=True), key=lambda one: (abs(one[0][0] - pitch), abs(one[1] - USUAL_VELOCITY)))[0]
        f1 = fit.f1_hz * 2.0 ** ((pitch - best) / 12)
        k = max(len(f.phase) for _, f in near)
        ratio = fit.ratios if len(near) == 1 else stretched_ratios(fit.inharmonicity, k)
        there = ratio * f1 < partials.HIGHEST * sample_rate
        there[0] = True
        level = np.stack([_padded(f.level_db, k, SILENT_DB)[there] for _, f in near])
        columns.append((f1, fit.inharmonicity, level, _padded(fit.phase, k, 0.0)[there], np.stack([f.noise_db for _, f in near]), _contour(fit, sample_rate)))
        ratios.append(ratio[there])
        shape, share = np.stack([f.noise_shape_db for _, f in near]), _padded(fit.modulation_share, k, 0.0)[there]
        moves.append((shape, _going_on(fit.modulation_db, modulation_s), share, _going_on(fit.noise_modulation_db, NOISE.knot_s), fit.noise_modulation_share))
    contours = np.stack([c[5] for c in columns])
    shapes, courses, shares, noise_courses, noise_shares = zip(*moves, strict=True)
    in_series = all(np.allclose(ratio, stretched_ratios(c[1], len(ratio)), rtol=1e-6) for ratio, c in zip(ratios, columns, strict=True))
    used = max(1, *(int(np.count_nonzero(course.any(axis=1))) for course in courses))  # the greatest come first
    has_moving_noise = any(course.any() for course in noise_courses)
    return HarmonicSource(
        sample_rate, pitches, heard, np.array([c[0] for c in columns]), np.array([c[1] for c in columns]),
        np.array([len(c[3]) for c in columns]), np.array(velocities, float), np.concatenate([c[2] for c in columns], 1).astype(np.float32),
        np.concatenate([c[3] for c in columns]).astype(np.float32), np.stack([c[4] for c in columns], 1).astype(np.float32),
        np.array([release_db_s[p] for p in pitches], np.float32), vibrato, exponent,
        contour_cents=contours.astype(np.float32) if np.any(np.abs(contours) >= LEAST_CENTS) else None, noise_shape_db=np.stack(shapes, 1),
        modulation_db=np.stack(courses)[:, :used], modulation_share=np.concatenate(shares)[:, :used],
        noise_modulation_db=np.stack(noise_courses) if has_moving_noise else None,
        noise_modulation_share=np.stack(noise_shares) if has_moving_noise else None,
        ratio=None if in_series else np.concatenate(ratios).astype(np.float32), modulation_s=modulation_s,
    )  # fmt: skip


def vibrato_of(contours: Sequence[np.ndarray], knots_a_second: float, *, from_s: float = 0.5, least_s: float = 1.0) -> Vibrato:
    """Depth, rate and delay of the vibrato that pitch contours in cents have in the median; none where they hardly move.

    Args:
        from_s: where notes are steady.
        least_s: shorter ones are left out.
    """
    depths, rates = [], []
    for contour in contours:
        steady = contour[int(from_s * knots_a_second) :]
        if len(steady) < least_s * knots_a_second:
            continue
        steady = steady - steady.mean()
        spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady)), 4 * len(steady)))
        hz = np.fft.rfftfreq(4 * len(steady), 1 / knots_a_second)
        band = (hz >= 3.5) & (hz <= 8.0)
        peak = int(np.argmax(np.where(band, spectrum, 0)))
        depths.append(4 * spectrum[peak] / len(steady))  # a Hann window halves a sinusoid, a sinusoid's halves lie either side
        rates.append(hz[peak])
    if not depths or np.median(depths) < 1.0:
        return Vibrato()
    return Vibrato(cents=float(np.clip(np.median(depths), 0, 40)), rate_hz=float(np.median(rates)))


def _nearest(notes: Sequence[tuple[int, float, FittedNote]], pitch: int, velocity: float) -> tuple[int, FittedNote]:
    """The note of this layer nearest in pitch: (its pitch, fit)."""
    p, _, fit = min((note for note in notes if note[1] == velocity), key=lambda note: (abs(note[0] - pitch), note[0]))
    return p, fit


def _padded(values: np.ndarray, k: int, fill: float) -> np.ndarray:
    out = np.full((k, *values.shape[1:]), fill, dtype=np.float32)
    out[: min(k, len(values))] = values[:k]
    return out


def _level_table(amplitude: np.ndarray, sample_rate: int, n: int) -> np.ndarray:
    """Amplitudes ``[m, k]`` at knots as dB ``[k, ages]``: the mean square round each age, the last known one beyond the note's end."""
    square = np.maximum(amplitude, QUIETEST) ** 2
    age = np.arange(len(square)) * HOP / sample_rate
    known = age <= max(n / sample_rate - 0.03, 0.02)
    edges = np.concatenate([[0.0], (AGES_S[1:] + AGES_S[:-1]) / 2, [np.inf]])
    out = np.empty((N_AGES, square.shape[1]))
    for i, (low, high, centre) in enumerate(zip(edges[:-1], edges[1:], AGES_S, strict=True)):
        cell = known & (age >= low) & (age < max(high, low + HOP / sample_rate))
        if cell.any() and centre <= age[known][-1]:
            out[i] = square[cell].mean(0)
        else:
            nearest = int(np.argmin(np.abs(np.where(known, age, np.inf) - centre)))
            out[i] = square[nearest] if i == 0 or centre <= age[known][-1] else out[i - 1]
    return 10 * np.log10(out).T


def _going_on_falling(level: np.ndarray, seconds: float) -> np.ndarray:
    """A struck note's ages beyond its recording fall on as they last did."""
    known = np.flatnonzero(AGES_S <= seconds - 0.03)
    if len(known) < 4 or len(known) == N_AGES:
        return level
    first, last = known[-4], known[-1]
    slope = np.minimum((level[:, last] - level[:, first]) / (AGES_S[last] - AGES_S[first]), 0.0)
    out = level.copy()
    out[:, last + 1 :] = level[:, last, None] + slope[:, None] * (AGES_S[last + 1 :] - AGES_S[last])
    return np.asarray(np.maximum(out, SILENT_DB))


def _contour(fit: FittedNote, sample_rate: int) -> np.ndarray:
    """A note's contour as tables keep it, ``[m]`` cents: smoothed over 20 ms."""
    window = np.hanning(SMOOTHED + 2)[1:-1]
    smooth = np.convolve(np.pad(fit.contour_cents, SMOOTHED // 2, mode="edge"), window / window.sum(), "valid")
    kept = smooth[:: round(CONTOUR_S * sample_rate / HOP)][:CONTOUR_KNOTS]
    return going_on(np.clip(kept, -MOST_BENT_CENTS, MOST_BENT_CENTS), CONTOUR_KNOTS)


def _going_on(courses: np.ndarray, knot_s: float) -> np.ndarray:
    """What moves a note as tables keep it, ``[r, m]``."""
    return np.asarray(going_on(courses.T, KNOTS, knot_s).T if courses.shape[1] else np.zeros((len(courses), 1), np.float32))


def _at_knots(level: np.ndarray, n_knots: int, sample_rate: int) -> np.ndarray:
    """The table's amplitudes ``[m, k]`` at knots."""
    age = np.arange(n_knots) * HOP / sample_rate
    return np.stack([10 ** (np.interp(age, AGES_S, row) / 20) for row in level], 1)


def _phases(found: Partials, f1: float, sample_rate: int) -> np.ndarray:
    """Each partial's phase at the attack, had it always turned as it does from .02 to .3 s."""
    first, last = int(0.02 * sample_rate / HOP), int(0.3 * sample_rate / HOP)
    m = np.arange(len(found.phase))[first : max(last, first + 2)]
    constant = 2 * np.pi * f1 / sample_rate * HOP * m
    turned = found.envelopes[m] * np.exp(1j * (found.phase[m] - constant)[:, None] * found.ratios)
    return np.asarray(np.angle(turned.sum(0)), dtype=np.float32)
