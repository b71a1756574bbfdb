"""The audio of a harmonic source: partials, attacks and noise of a series, by the block.

Everything is a function of absolute time since the attack, frame by frame. The numbers of a frame do not depend on the block that
is asked for, so streaming, parallel rendering and resuming agree bit for bit.
"""

from __future__ import annotations

import math

import numpy as np

from orchestrion.bridge.conditioning import ConditioningSeries
from orchestrion.bridge.noise import N_FINE, NoiseSpectra, noise_feature
from orchestrion.bridge.reach import Reach
from orchestrion.bridge.source import AGES_S, CONTOUR_S, N_AGES, HarmonicSource, faded, going_on
from orchestrion.compiled import compiled
from orchestrion.score.notes import N_PITCHES

RELEASED_DB = 70.0  # how far a released note falls before it is left out


class SourceSignal:
    """The source of one series: audio and noise levels, by the block.

    Args:
        series: on the clock that is wanted; its sample rate need not be the source's.
        vibrato: depth times the source's own: 0 for none, 1 as learnt.
    """

    def __init__(self, series: ConditioningSeries, source: HarmonicSource, *, vibrato: float = 1.0):
        self.series, self.source, self._depth = series, source, vibrato
        self._moves = 1.0 if source.is_struck else min(vibrato, 1.0)  # a piano's beats are no vibrato
        notes, frame_s = series.notes, series.hop / series.sample_rate
        self._row = rows_of(source, notes.pitch)
        released = np.ceil(RELEASED_DB / source.release_db_s / frame_s).astype(np.int64)
        self._end = notes.offset_frame + released[self._row]
        self._reach = Reach(notes.onset_frame, self._end)
        self._tables: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._contours: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._attacks: dict[tuple[int, int], np.ndarray] = {}
        self._shapes: dict[tuple[int, int], np.ndarray] = {}
        self._modulations: dict[tuple[int, bool], np.ndarray] = {}

    def samples(self, start: int, stop: int) -> np.ndarray:
        """Audio of frames ``start..stop``, ``[(stop - start) * hop]`` float32. Outside the series it is silent."""
        out = np.zeros((stop - start) * self.series.hop)
        frame_s = self.series.hop / self.series.sample_rate
        s = self.source
        for i in self._reach.between(start, stop):
            row, pitch, onset = int(self._row[i]), int(self.series.notes.pitch[i]), int(self.series.notes.onset_frame[i])
            level, _ = self._table(row, int(self.series.notes.velocity[i]))
            begin = s.first_partial[row]
            f1 = s.f1_hz[row] * 2.0 ** ((pitch - s.pitch[row]) / 12)
            turns = s.ratios(row) * f1
            audible = turns < 0.48 * self.series.sample_rate
            _add_note(
                out, self.series.hop, frame_s, max(onset, start) - start, min(int(self._end[i]), stop) - start, onset - start,
                int(self.series.notes.offset_frame[i]) - start, level[audible], turns[audible],
                s.phase[begin : begin + len(level)][audible].astype(np.float64), float(s.release_db_s[row]), *self.contour(row, int(self._end[i]) - onset), AGES_S,
                self.modulation(row, int(self._end[i]) - onset), self._share(row)[audible], s.modulation_s,
            )  # fmt: skip
            if s.attack is not None and pitch == s.pitch[row]:
                self._add_attack(out, i, start)
        return np.asarray(out + self._noise_samples(start, stop), dtype=np.float32)

    def _add_attack(self, out: np.ndarray, i: int, start: int) -> None:
        """Note ``i``'s attack as it was recorded, to the block ``out`` that begins with frame ``start``."""
        s, rate, hop, notes = self.source, self.series.sample_rate, self.series.hop, self.series.notes
        attack = self._attack(int(self._row[i]), int(notes.velocity[i]))
        onset = (int(notes.onset_frame[i]) - start) * hop
        first, last = max(0, -onset), min(len(attack), len(out) - onset, (int(self._end[i]) - int(notes.onset_frame[i])) * hop)
        if first < last:
            since_end = (np.arange(first, last) - (int(notes.offset_frame[i]) - int(notes.onset_frame[i])) * hop) / rate
            fallen = 10 ** (-np.maximum(since_end, 0.0) * float(s.release_db_s[self._row[i]]) / 20)
            out[onset + first : onset + last] += fallen * attack[first:last]

    def _attack(self, row: int, velocity: int) -> np.ndarray:
        """The attack of a pitch's row, of the layer nearest to the velocity, on this clock."""
        if (row, velocity) not in self._attacks:
            s = self.source
            assert s.attack is not None
            layer = int(np.argmin(np.abs(s.velocity - velocity)))
            made = s.attack[layer, row].astype(np.float64) * (velocity / s.velocity[layer]) ** s.exponent
            if self.series.sample_rate != s.sample_rate:
                import soxr

                made = soxr.resample(made, s.sample_rate, self.series.sample_rate, quality="HQ")
            self._attacks[row, velocity] = made
        return self._attacks[row, velocity]

    def noise(self, start: int, stop: int) -> np.ndarray:
        """How loud what is not harmonic should be in frames ``start..stop``: ``[f, 12]`` float32, see `noise_feature`."""
        power = np.zeros((stop - start, N_FINE))
        for i in self._reach.between(start, stop):
            first, added = self._noise_power(i, start, stop)
            power[first - start : first - start + len(added)] += added
        return noise_feature(power * 10 ** (-self.source.louder_db / 10))

    def _noise_samples(self, start: int, stop: int) -> np.ndarray:
        """What is not harmonic as audio of frames ``start..stop``, float64: each pitch has noise of its own."""
        spectra = NoiseSpectra(start, stop, self.series.hop, self.series.sample_rate)
        for i in self._reach.between(spectra.first, spectra.last):
            first, added = self._noise_power(i, spectra.first, spectra.last)
            spectra.add(first, added, int(self.series.notes.pitch[i]), self._shape(int(self._row[i]), int(self.series.notes.velocity[i])))
        return spectra.samples()

    def _noise_power(self, i: int, start: int, stop: int) -> tuple[int, np.ndarray]:
        """Of note ``i`` within frames ``start..stop``: its first frame, and mean squares ``[f, 52]`` of its noise from there on."""
        row, onset, frame_s = int(self._row[i]), int(self.series.notes.onset_frame[i]), self.series.hop / self.series.sample_rate
        _, noise = self._table(row, int(self.series.notes.velocity[i]))
        first, last = max(onset, start), min(int(self._end[i]), stop)
        age = (np.arange(first, last) - onset + 0.5) * frame_s
        fallen = np.maximum(np.arange(first, last) - int(self.series.notes.offset_frame[i]), 0) * frame_s
        db = at_ages(noise, age) - (fallen * self.source.release_db_s[row])[:, None] + self._noise_moved(row, int(self._end[i]) - onset, age)
        power = np.asarray(10 ** (db / 10))
        return first, power if self.source.attack is None else power * ((1 - faded(age)) ** 2)[:, None]

    def _noise_moved(self, row: int, frames: int, age: np.ndarray) -> np.ndarray:
        """Decibels ``[f, 52]`` by which noise of a pitch's row is louder than its table at each ``age``."""
        courses, shares = self.modulation(row, frames, of_noise=True), self.source.noise_modulation_share
        moved = np.zeros((len(age), N_FINE))
        if shares is not None:
            knot = np.clip((age / CONTOUR_S).astype(np.int64), 0, len(courses) - 2)
            between = np.clip(age / CONTOUR_S - knot, 0.0, 1.0)
            # One course after another: a matrix product's last bits would hang on how many frames are asked for.
            for course, share in zip(courses.T, shares[row].T.astype(np.float64), strict=False):
                moved += (course[knot] + between * (course[knot + 1] - course[knot]))[:, None] * share
        return moved

    def _table(self, row: int, velocity: int) -> tuple[np.ndarray, np.ndarray]:
        """``level_db [k, ages]`` and ``noise_db [bands, ages]`` of a pitch's row at a velocity."""
        if (row, velocity) not in self._tables:
            s = self.source
            rows = slice(s.first_partial[row], s.first_partial[row] + s.n_partials[row])
            levels, noises = s.level_db[:, rows].astype(np.float64), s.noise_db[:, row].astype(np.float64)
            law = 20 * s.exponent * np.log10(s.velocity)
            shares = shares_of(velocity, s.velocity)
            gain = 20 * s.exponent * math.log10(velocity) - float(shares @ law)
            self._tables[row, velocity] = (
                np.tensordot(shares, levels, 1) + gain, np.tensordot(shares, noises, 1) + gain
            )
        return self._tables[row, velocity]


    def contour(self, row: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Of a pitch's row, at knots that reach over ``frames`` and further: frequency over the steady one, and the periods of a steady 1 Hz
        that it has turned by then. Both are empty where the pitch is steady."""
        s = self.source
        knots = math.ceil(frames * self.series.hop / self.series.sample_rate / CONTOUR_S) + 2
        steady = not (s.vibrato.cents if s.contour_cents is None else s.contour_cents.shape[1])
        if self._depth == 0 or steady:
            return np.zeros(0), np.zeros(0)
        if row not in self._contours or len(self._contours[row][0]) < knots:
            cents = s.vibrato.cents_at(np.arange(knots) * CONTOUR_S) if s.contour_cents is None else going_on(s.contour_cents[row].astype(np.float64), knots)
            ratio = 2.0 ** (self._depth * cents / 1200)
            self._contours[row] = ratio, np.concatenate([[0.0], np.cumsum((ratio[1:] + ratio[:-1]) * (CONTOUR_S / 2))])
        return self._contours[row]

    def _shape(self, row: int, velocity: int) -> np.ndarray | None:
        """``[193]`` factors of power within the bands of a pitch's noise, None where it is even."""
        s = self.source
        if s.noise_shape_db is None:
            return None
        if (row, velocity) not in self._shapes:
            self._shapes[row, velocity] = 10 ** (np.tensordot(shares_of(velocity, s.velocity), s.noise_shape_db[:, row].astype(np.float64), 1) / 10)
        return self._shapes[row, velocity]

    def modulation(self, row: int, frames: int, *, of_noise: bool = False) -> np.ndarray:
        """``[knots, r]`` decibels of a pitch's row, at knots that reach over ``frames`` and further; r is 0 where nothing moves."""
        courses = self.source.noise_modulation_db if of_noise else self.source.modulation_db
        if courses is None or self._moves == 0:
            return np.zeros((2, 0))
        knot_s = CONTOUR_S if of_noise else self.source.modulation_s
        knots = math.ceil(frames * self.series.hop / self.series.sample_rate / knot_s) + 2
        if len(self._modulations.get((row, of_noise), ())) < knots:
            self._modulations[row, of_noise] = self._moves * going_on(courses[row].T.astype(np.float64), knots, knot_s)
        return self._modulations[row, of_noise]

    def _share(self, row: int) -> np.ndarray:
        """``[k, r]`` of the partials of a pitch's row."""
        s = self.source
        begin, k = int(s.first_partial[row]), int(s.n_partials[row])
        if s.modulation_share is None or self._moves == 0:
            return np.zeros((k, 0))
        return s.modulation_share[begin : begin + k].astype(np.float64)


def rows_of(source: HarmonicSource, pitch: np.ndarray) -> np.ndarray:
    """``[n]`` int64 `HarmonicSource.row_of` of MIDI pitches ``[n]``."""
    nearest = np.abs(source.pitch - np.arange(N_PITCHES)[:, None]).argmin(1)
    return np.asarray(nearest[pitch], dtype=np.int64)


def shares_of(velocity: float, layers: np.ndarray) -> np.ndarray:
    """``[d]`` how far each layer speaks at ``velocity``: straight between two, the outermost alone beyond them."""
    return np.array([np.interp(velocity, layers, row) for row in np.eye(len(layers))])


def at_ages(table: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Decibels ``[rows, 29]`` at each of ``age [f]`` seconds: ``[f, rows]``, straight between the table's ages, the outermost beyond them."""
    place = np.clip(np.searchsorted(AGES_S, age) - 1, 0, N_AGES - 2)
    share = np.clip((age - AGES_S[place]) / (AGES_S[place + 1] - AGES_S[place]), 0.0, 1.0)
    columns = table.T
    return np.asarray(columns[place] + share[:, None] * (columns[place + 1] - columns[place]))


@compiled(nogil=True, fastmath=True)
def _add_note(
    out: np.ndarray, hop: int, frame_s: float, first: int, last: int, onset: int, offset: int, level_db: np.ndarray, hz: np.ndarray,
    phase: np.ndarray, release: float, ratio: np.ndarray, turned: np.ndarray, ages: np.ndarray, modulation: np.ndarray, shares: np.ndarray,
    knot_s: float,
) -> None:  # pragma: no cover - compiled
    """Add a note's partials to frames ``first..last`` of ``out [frames * hop]``; amplitudes go straight within a frame."""
    n = len(hz)
    here, there, _next_age = np.empty(n), np.empty(n), 0
    re, im, turn_re, turn_im = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    amp, step = np.empty(n, np.float32), np.empty(n, np.float32)
    _amplitudes(level_db, ages, (first - onset) * frame_s, max(first - offset, 0) * frame_s * release, modulation, shares, knot_s, here)
    begun = _periods((first - onset) * frame_s, ratio, turned)
    for frame in range(first, last):
        age = (frame + 1 - onset) * frame_s
        _amplitudes(level_db, ages, age, max(frame + 1 - offset, 0) * frame_s * release, modulation, shares, knot_s, there)
        ended = _periods(age, ratio, turned)
        for k in range(n):
            position = hz[k] * begun
            angle = 2 * math.pi * (position - math.floor(position)) + phase[k]
            turn = 2 * math.pi * hz[k] * (ended - begun) / hop
            re[k], im[k], turn_re[k], turn_im[k] = math.cos(angle), math.sin(angle), math.cos(turn), math.sin(turn)
            amp[k], step[k] = here[k], (there[k] - here[k]) / hop
        for t in range(frame * hop, (frame + 1) * hop):
            total = np.float32(0.0)
            for k in range(n):
                total += amp[k] * re[k]
                amp[k] += step[k]
                r = re[k] * turn_re[k] - im[k] * turn_im[k]
                im[k] = re[k] * turn_im[k] + im[k] * turn_re[k]
                re[k] = r
            out[t] += total
        here, there, begun = there, here, ended


@compiled(nogil=True)
def _amplitudes(
    level_db: np.ndarray, ages: np.ndarray, age: float, fallen_db: float, modulation: np.ndarray, shares: np.ndarray, knot_s: float,
    out: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """The partials' amplitudes at ``age`` seconds, ``fallen_db`` lower; beyond the last age they stay. Each has its shares of what moves them."""
    n_courses = modulation.shape[1]
    knot = min(max(int(age / knot_s), 0), len(modulation) - 2)
    between = min(max(age / knot_s - knot, 0.0), 1.0)
    i = 1
    while i < len(ages) - 1 and ages[i] < age:
        i += 1
    share = min(max((age - ages[i - 1]) / (ages[i] - ages[i - 1]), 0.0), 1.0)
    for k in range(len(out)):
        db = level_db[k, i - 1] + share * (level_db[k, i] - level_db[k, i - 1]) - fallen_db
        for course in range(n_courses):
            db += shares[k, course] * (modulation[knot, course] + between * (modulation[knot + 1, course] - modulation[knot, course]))
        out[k] = 10.0 ** (db / 20) if db > -140.0 else 0.0


@compiled(nogil=True)
def _periods(age: float, ratio: np.ndarray, turned: np.ndarray) -> float:  # pragma: no cover - compiled
    """Periods of what is 1 Hz without its contour, after ``age`` seconds; the contour goes straight between its knots."""
    if len(ratio) == 0:
        return age
    j = min(max(int(age / CONTOUR_S), 0), len(ratio) - 2)
    u = age / CONTOUR_S - j
    return float(turned[j] + CONTOUR_S * u * (ratio[j] + u / 2 * (ratio[j + 1] - ratio[j])))
