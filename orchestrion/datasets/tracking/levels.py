"""Levels of partials in recordings: a table over pitch × partial × age, and each note's deviation from it.

A partial's level in dB is T[pitch, partial, age] + S[pitch, partial] · u(velocity), less the release's decay. u is linear up to velocity
64 and logarithmic beyond (`velocity_units`). S and T are weighted regressions over all notes. S is smoothed over pitch and partial;
T shrinks towards its neighbours' mean where few notes were heard. A note's weight is the share of its bins that it had to itself,
so that what a window could not resolve counts little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.bridge.source import AGES_S, N_AGES
from orchestrion.compiled import compiled
from orchestrion.datasets.tracking.ringing import KNOT, Ringing
from orchestrion.datasets.tracking.tuning import equal_tempered_hz

N_PITCHES, MOST_PARTIALS = 128, 64
MIDDLE_VELOCITY = 64
QUIETEST_DB = -110.0
EDGES_S = np.concatenate([[0.0], (AGES_S[1:] + AGES_S[:-1]) / 2, [np.inf]])
FIRST_SLOPE_DB, FIRST_SLOPE_WEIGHT = 0.35, 400.0  # a unit of velocity, before anything is heard
SLOPE_FROM_S = 0.04  # attacks have noise beside their partials, which grows faster
SLOPE_SEMITONES, LEVEL_SEMITONES = 5.0, 2.0  # over which slopes and levels are smoothed
NEIGHBOURS_WEIGHT = 1.5  # notes by which neighbours count against a pitch's own
LEAST_WEIGHT = 1e-4  # of notes: what fewer say is noise
RELEASE_DB_S, RELEASE_LOW, RELEASE_HIGH = 60.0, 10.0, 400.0
RELEASE_S = (0.03, 0.35)  # after the release: where its slope is measured
RELEASE_PARTIALS = 6
TUNED_S = (0.05, 1.5)  # after the attack: where a partial's frequency is measured
ALONE = 8  # power of a note's share of its bins with which it counts: nearly only where it is alone
OWN_SHARE = 0.15  # of the bins: a note that has so much of them keeps half of what it differs by


@dataclass(frozen=True, eq=False)
class Levels:
    """Tables by pitch (0 to 127) and partial.

    Attributes:
        level_db: ``[128, 64, ages]`` at velocity 64.
        slope_db: ``[128, 64]`` a unit of velocity.
        release_db_s: ``[128]``.
        heard: ``[128]`` notes heard of each pitch.
    """

    level_db: np.ndarray
    slope_db: np.ndarray
    release_db_s: np.ndarray
    heard: np.ndarray

    def expected(self, notes: Ringing, sample_rate: int) -> np.ndarray:
        """Amplitude of each cell by the tables, float32 [cells]."""
        out = np.empty(notes.n_cells, np.float32)
        _expected(
            notes.onset, notes.offset, notes.pitch, notes.velocity, notes.first_knot, notes.n_knots, notes.n_partials, notes.first_cell, self.level_db,
            self.slope_db, self.release_db_s, AGES_S, sample_rate, out,
        )  # fmt: skip
        return out


def first_guess() -> Levels:
    """Before anything is heard: partials fall by 8 dB an octave, and the faster with time the higher they are."""
    hz = np.array([equal_tempered_hz(p) for p in range(N_PITCHES)])[:, None] * np.arange(1, MOST_PARTIALS + 1)
    level = np.tile(-30.0 - 8.0 * np.log2(np.arange(1, MOST_PARTIALS + 1)), (N_PITCHES, 1))
    falling = (6.0 + hz / 150.0)[:, :, None] * AGES_S
    return Levels(
        np.maximum(level[:, :, None] - falling, QUIETEST_DB), np.full((N_PITCHES, MOST_PARTIALS), FIRST_SLOPE_DB), np.full(N_PITCHES, 100.0),
        np.zeros(N_PITCHES),
    )  # fmt: skip


class Survey:
    """Sums over the notes of a recording that the tables are made of; those of several recordings add up."""

    def __init__(self) -> None:
        self.sums = np.zeros((5, N_PITCHES, MOST_PARTIALS, N_AGES))  # weight, and its products with level, velocity, v², level · velocity
        self.release = np.zeros((2, N_PITCHES))  # Σ t², Σ t · dB about each note's middle
        self.turns = np.zeros((N_PITCHES, MOST_PARTIALS), np.complex128)  # by how much partials turn between knots beside their tuning
        self.phases = np.zeros((N_PITCHES, MOST_PARTIALS), np.complex128)
        self.heard = np.zeros(N_PITCHES)

    def add(self, notes: Ringing, c: np.ndarray, share: np.ndarray, expected: np.ndarray, sample_rate: int, *, from_sample: int = 0) -> None:
        """Notes that begin at ``from_sample`` or later, with envelopes ``c``, shares of their bins and what was expected (see `envelopes.add_pass`)."""
        begun = np.flatnonzero(notes.onset >= from_sample)
        _survey(
            begun, notes.onset, notes.offset, notes.pitch, notes.velocity, notes.first_knot, notes.n_knots, notes.n_partials, notes.first_cell, c,
            share, expected, EDGES_S, sample_rate, self.sums, self.release, self.turns, self.phases,
        )  # fmt: skip
        self.heard += np.bincount(notes.pitch[begun], minlength=N_PITCHES)

    def merge(self, other: Survey) -> None:
        for name in ("sums", "release", "turns", "phases", "heard"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def levels(self) -> Levels:
        """The tables."""
        w, wy, wv = self.sums[:3]
        slope = self._slopes()
        own = (wy - slope[:, :, None] * wv) / (w + 1e-9)
        near = _near(LEVEL_SEMITONES)
        weight = np.einsum("pq,qka->pka", near, w)
        smooth = np.einsum("pq,qka->pka", near, w * own) / (weight + 1e-12)
        _fill_ages(smooth, weight)
        level = (w * own + NEIGHBOURS_WEIGHT * smooth) / (w + NEIGHBOURS_WEIGHT)
        level[~(weight >= LEAST_WEIGHT).any(2)] = QUIETEST_DB
        return Levels(np.clip(level, QUIETEST_DB, 20.0), slope, self._releases(), self.heard.copy())

    def _slopes(self) -> np.ndarray:
        w, wy, wv, wvv, wvy = self.sums[..., AGES_S >= SLOPE_FROM_S]
        xx, xy = (wvv - wv**2 / (w + 1e-9)).sum(2), (wvy - wv * wy / (w + 1e-9)).sum(2)
        k = np.arange(MOST_PARTIALS)
        over_pitch, over_k = _near(SLOPE_SEMITONES), np.exp(-0.5 * (k[:, None] - k) ** 2)
        top = over_pitch @ xy @ over_k + FIRST_SLOPE_DB * FIRST_SLOPE_WEIGHT
        return np.asarray(np.clip(top / (over_pitch @ xx @ over_k + FIRST_SLOPE_WEIGHT), -0.2, 1.5))

    def _releases(self) -> np.ndarray:
        xx, xy = _near(3.0) @ self.release[0], _near(3.0) @ self.release[1]
        weight = 0.05 * max(float(self.release[0].mean()), 1e-6)
        return np.asarray(np.clip((RELEASE_DB_S * weight - xy) / (xx + weight), RELEASE_LOW, RELEASE_HIGH))


def _near(semitones: float) -> np.ndarray:
    """``[128, 128]`` how much one pitch says of another; far ones a little, so that all is filled."""
    apart = np.abs(np.arange(N_PITCHES)[:, None] - np.arange(N_PITCHES))
    return np.asarray(np.exp(-0.5 * (apart / semitones) ** 2) + 1e-4 * np.exp(-apart / 5.0))


def _fill_ages(level: np.ndarray, weight: np.ndarray) -> None:
    """Ages that no note near by has reached fall on from the last one as a first guess would; attacks that none had to itself are as
    loud as what follows, and partials that none had are silent.
    """
    guess = first_guess().level_db
    is_heard = weight >= LEAST_WEIGHT
    first = is_heard.argmax(2)[:, :, None]
    level[:] = np.where(np.arange(N_AGES) < first, np.take_along_axis(level, first, 2), level)
    level[~is_heard.any(2)] = QUIETEST_DB
    for a in range(1, N_AGES):
        fallen = level[:, :, a - 1] + np.minimum(guess[:, :, a] - guess[:, :, a - 1], 0.0)
        level[:, :, a] = np.where((weight[:, :, a] < LEAST_WEIGHT) & (a > first[:, :, 0]), fallen, level[:, :, a])


@compiled(nogil=True)
def velocity_units(velocity: float) -> float:  # pragma: no cover - compiled
    """What levels grow with: velocity - 64 for soft notes, 64 ln(velocity / 64) for loud ones, whose dB grow ever less."""
    return velocity - MIDDLE_VELOCITY if velocity < MIDDLE_VELOCITY else MIDDLE_VELOCITY * np.log(velocity / MIDDLE_VELOCITY)


@compiled(nogil=True)
def _expected(  # pragma: no cover - compiled
    onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, first_knot: np.ndarray, n_knots: np.ndarray,
    n_partials: np.ndarray, first_cell: np.ndarray, level: np.ndarray, slope: np.ndarray, release: np.ndarray, ages: np.ndarray,
    sample_rate: int, out: np.ndarray,
) -> None:  # fmt: skip
    for i in range(len(onset)):
        p, k_n, at = pitch[i], n_partials[i], 1
        held, units = (offset[i] - onset[i]) / sample_rate, velocity_units(velocity[i])
        for j in range(n_knots[i]):
            age = ((first_knot[i] + j) * KNOT - onset[i]) / sample_rate
            fallen = max(age - held, 0.0) * release[p]
            age = max(age, 0.0)
            while at < len(ages) - 1 and ages[at] < age:
                at += 1
            part = min(max((age - ages[at - 1]) / (ages[at] - ages[at - 1]), 0.0), 1.0)
            for k in range(k_n):
                db = level[p, k, at - 1] + part * (level[p, k, at] - level[p, k, at - 1]) + slope[p, k] * units
                out[first_cell[i] + j * k_n + k] = 10.0 ** (max(db - fallen, QUIETEST_DB) / 20)


@compiled(nogil=True)
def _survey(  # pragma: no cover - compiled
    chosen: np.ndarray, onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, first_knot: np.ndarray,
    n_knots: np.ndarray, n_partials: np.ndarray, first_cell: np.ndarray, c: np.ndarray, share: np.ndarray, expected: np.ndarray,
    edges: np.ndarray, sample_rate: int, sums: np.ndarray, release: np.ndarray, turns: np.ndarray, phases: np.ndarray,
) -> None:  # fmt: skip
    for i in chosen:
        p, k_n, m = pitch[i], n_partials[i], n_knots[i]
        held = (offset[i] - onset[i]) / sample_rate
        v = velocity_units(velocity[i])
        power, weight, count = np.zeros(k_n), np.zeros(k_n), 0
        cell = 0
        for j in range(m + 1):
            age = ((first_knot[i] + j) * KNOT - onset[i]) / sample_rate
            there = j < m and age <= max(held, 0.02)
            now = cell
            while there and now < len(edges) - 2 and edges[now + 1] <= age:
                now += 1
            if count and (now != cell or not there):
                for k in range(k_n):
                    w = weight[k] / count
                    y = 10 * np.log10(power[k] / (weight[k] + 1e-12) + 1e-12)
                    sums[0, p, k, cell] += w
                    sums[1, p, k, cell] += w * y
                    sums[2, p, k, cell] += w * v
                    sums[3, p, k, cell] += w * v * v
                    sums[4, p, k, cell] += w * v * y
                power[:] = 0
                weight[:] = 0
                count = 0
            cell = now
            if not there:
                break
            if age < 0:
                continue
            for k in range(k_n):
                at = first_cell[i] + j * k_n + k
                s = np.float64(share[at]) ** ALONE
                # What a note did not get of its bins it has as expected: the mean of its power, given what was heard (the E step of EM).
                power[k] += s * (c[at].real ** 2 + c[at].imag ** 2 + max(1.0 - share[at], 0.0) * np.float64(expected[at]) ** 2)
                weight[k] += s
                if TUNED_S[0] < age < min(TUNED_S[1], held) and j + 1 < m:
                    turns[p, k] += s * c[at + k_n] * np.conj(c[at])
                    if age < 0.3:
                        phases[p, k] += s * c[at] / (abs(c[at]) + 1e-9)
            count += 1
        for k in range(min(k_n, RELEASE_PARTIALS)):
            n, t, tt, y, ty, own = 0, 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(m):
                since = ((first_knot[i] + j) * KNOT - onset[i]) / sample_rate - held
                if RELEASE_S[0] < since < RELEASE_S[1]:
                    at = first_cell[i] + j * k_n + k
                    db = 10 * np.log10(c[at].real ** 2 + c[at].imag ** 2 + 1e-12)
                    n, t, tt, y, ty = n + 1, t + since, tt + since * since, y + db, ty + since * db
                    own += share[at]
            if n > 6 and own > 0.5 * n:
                release[0, p] += tt - t * t / n
                release[1, p] += ty - t * y / n


def own_amplitudes(notes: Ringing, c: np.ndarray, expected: np.ndarray, share: np.ndarray, sample_rate: int) -> np.ndarray:
    """Each note's own amplitudes, as smooth over time as a table's, float32 [cells].

    ``expected`` times what the note differs from it by: in the mean over each age of the table, and once over its release.
    """
    out = np.empty(notes.n_cells, np.float32)
    _own(notes.onset, notes.offset, notes.first_knot, notes.n_knots, notes.n_partials, notes.first_cell, c, expected, share, EDGES_S, sample_rate, out)
    return out


@compiled(nogil=True)
def _own(  # pragma: no cover - compiled
    onset: np.ndarray, offset: np.ndarray, first_knot: np.ndarray, n_knots: np.ndarray, n_partials: np.ndarray, first_cell: np.ndarray,
    c: np.ndarray, expected: np.ndarray, share: np.ndarray, edges: np.ndarray, sample_rate: int, out: np.ndarray,
) -> None:  # fmt: skip
    for i in range(len(onset)):
        k_n, m = n_partials[i], n_knots[i]
        held = (offset[i] - onset[i]) / sample_rate
        group, centre = np.empty(m, np.int64), np.zeros(len(edges) + 1)
        count = np.zeros(len(edges) + 1)
        g, cell, released = -1, -1, False
        for j in range(m):
            age = ((first_knot[i] + j) * KNOT - onset[i]) / sample_rate
            now = max(cell, 0)
            while now < len(edges) - 2 and edges[now + 1] <= age:
                now += 1
            if g < 0 or (age <= held and now != cell) or (age > held and not released):
                g += 1
            released = age > held
            cell = now
            group[j] = g
            centre[g] += age
            count[g] += 1
        for h in range(g + 1):
            centre[h] /= count[h]
        for k in range(k_n):
            there, ours, own = np.zeros(g + 1), np.zeros(g + 1), np.zeros(g + 1)
            for j in range(m):
                at = first_cell[i] + j * k_n + k
                there[group[j]] += np.float64(expected[at]) ** 2
                ours[group[j]] += c[at].real ** 2 + c[at].imag ** 2
                own[group[j]] += share[at]
            for h in range(g + 1):
                s = own[h] / count[h]
                ours[h] = 10 * np.log10((ours[h] + 1e-12) / (there[h] + 1e-12)) * s / (s + OWN_SHARE) * (1 + OWN_SHARE)
            h = 0
            for j in range(m):
                age = ((first_knot[i] + j) * KNOT - onset[i]) / sample_rate
                while h < g - 1 and centre[h + 1] < age:
                    h += 1
                db = ours[min(h, g)]
                if g > 0:
                    part = min(max((age - centre[h]) / (centre[h + 1] - centre[h]), 0.0), 1.0)
                    db = ours[h] + part * (ours[h + 1] - ours[h])
                at = first_cell[i] + j * k_n + k
                out[at] = expected[at] * 10.0 ** (db / 20)


def along_phases(notes: Ringing, c: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """Envelopes of ``amplitude`` along the phases of ``c``, which are smoothed over ever more knots the older a note is."""
    out = np.empty(notes.n_cells, np.complex64)
    _along(notes.onset, notes.first_knot, notes.n_knots, notes.n_partials, notes.first_cell, c, amplitude, out)
    return out


@compiled(nogil=True)
def _along(  # pragma: no cover - compiled
    onset: np.ndarray, first_knot: np.ndarray, n_knots: np.ndarray, n_partials: np.ndarray, first_cell: np.ndarray, c: np.ndarray,
    amplitude: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    for i in range(len(onset)):
        k_n, m = n_partials[i], n_knots[i]
        for j in range(m):
            age = ((first_knot[i] + j) * KNOT - onset[i]) // KNOT
            reach = 4 if age >= 12 else 2 if age >= 6 else 1 if age >= 3 else 0
            for k in range(k_n):
                re, im = 0.0, 0.0
                for other in range(-reach, reach + 1):
                    w = 1 + np.cos(np.pi * other / (reach + 1))
                    z = c[first_cell[i] + min(max(j + other, 0), m - 1) * k_n + k]
                    re += w * z.real
                    im += w * z.imag
                at = first_cell[i] + j * k_n + k
                size = amplitude[at] / (np.sqrt(re * re + im * im) + 1e-12)
                out[at] = complex(re * size, im * size)
