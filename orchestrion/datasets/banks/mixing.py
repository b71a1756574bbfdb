"""Training examples mixed from single notes: any score gives audio, its harmonic source and its noise levels, exactly aligned.

A note sounds from the bank's recording, times a gain that its velocity decides, and after its end it falls by the bank's
release. Its source is the same note by the fitted tables, along the recording's own phases, so that a network learns to follow the
source's phase.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.noise import N_FINE
from orchestrion.bridge.reach import Reach
from orchestrion.bridge.source import HarmonicSource, Vibrato, faded
from orchestrion.bridge.sourcesignal import at_ages
from orchestrion.datasets.banks.attacks import with_attacks
from orchestrion.datasets.banks.fitting import FittedNote, fit_note, tables, vibrato_of
from orchestrion.datasets.banks.modulation import resolution_of
from orchestrion.datasets.banks.notebank import BankNote, NoteBank
from orchestrion.datasets.banks.ownnoise import own_noise
from orchestrion.datasets.banks.partials import HOP
from orchestrion.errors import OrchestrionError
from orchestrion.processors import usable_processors
from orchestrion.progress import progress
from orchestrion.score import Note

RELEASED_DB = 70.0
MOST_TRANSPOSED = 2  # semitones by which a recording is stretched to fill a pitch that is missing


def has_tones_aside(bank: NoteBank) -> bool:
    """Whether steady tones beside the series are partials: partials of several layers stand in one table's rows, so they must be the series'."""
    return len({(note.velocity_low, note.velocity_high) for note in bank.notes}) == 1


@dataclass(frozen=True, eq=False)
class FittedBank:
    """A bank, and what was fitted to each of its notes."""

    bank: NoteBank
    fits: tuple[FittedNote, ...]

    @classmethod
    def fit(
        cls, bank: NoteBank, *, threads: int | None = None, known: Sequence[FittedNote | None] = (), then: Callable[[int, FittedNote], None] | None = None
    ) -> FittedBank:  # fmt: skip
        """Fit every note; seconds to minutes, with a progress bar.

        Args:
            known: of each note what was fitted before, or None; empty where nothing was.
            then: called with the number of a note and its fit as soon as that is made, from any thread.
        """
        fits = list(known) or [None] * len(bank.notes)
        missing = [number for number, fit in enumerate(fits) if fit is None]
        aside = has_tones_aside(bank)

        def one(number: int) -> None:
            note = bank.notes[number]
            made = fit_note(note.samples, note.pitch, bank.sample_rate, sustained=bank.sustained, stretched=bank.stretched, aside=aside)
            fits[number] = made
            if then is not None:
                then(number, made)
            advance(1)

        if missing:
            workers = threads or usable_processors()
            with progress(len(missing), f"Fitting the source of {bank.name}") as advance, ThreadPoolExecutor(workers) as pool:
                list(pool.map(one, missing))
        return cls(bank, tuple(fit for fit in fits if fit is not None))

    @cached_property
    def sounding(self) -> tuple[np.ndarray, ...]:
        """Of each note what a network in training hears: its partials, its noise along the recording's own phases, and of what is struck the
        attack as it was recorded; float32 ``[n]``."""
        struck = not self.bank.sustained
        return tuple(_sounding(note.samples, fit, self.bank.sample_rate, struck) for note, fit in zip(self.bank.notes, self.fits, strict=True))

    @cached_property
    def takes(self) -> dict[int, list[int]]:
        """By pitch, the numbers of its notes."""
        found: dict[int, list[int]] = {}
        for i, note in enumerate(self.bank.notes):
            found.setdefault(note.pitch, []).append(i)
        return found

    def source(self) -> HarmonicSource:
        """The tables that play any score: one take of every pitch and layer, pitches between filled from their neighbours."""
        bank = self.bank
        chosen: dict[tuple[int, float], FittedNote] = {}
        recordings: dict[tuple[int, float], np.ndarray] = {}
        for note, fit in zip(bank.notes, self.fits, strict=True):
            key = note.pitch, note.velocity if bank.reference_velocity is None else self._layer(note)
            gain = bank.gain(note, key[1])
            chosen.setdefault(key, _louder(fit, 20 * np.log10(gain)))
            recordings.setdefault(key, gain * note.samples[: bank.sample_rate])
        low, high = bank.pitch_range
        notes = [(pitch, velocity, fit) for (pitch, velocity), fit in chosen.items()]
        vibrato = vibrato_of([fit.contour_cents for fit in self.fits], bank.sample_rate / HOP) if bank.sustained else Vibrato()
        recorded = {note.pitch for note in bank.notes if note.recorded}
        made = tables(
            notes, bank.sample_rate, bank.release_db_s, low, high, vibrato=vibrato, recorded=recorded, exponent=bank.exponent,
            modulation_s=resolution_of(bank.sustained).knot_s,
        )  # fmt: skip
        return made if bank.sustained else with_attacks(made, recordings)

    def _layer(self, note: BankNote) -> float:
        """The velocity of a layer whose level a law gives: its middle, or the reference where it is the only one."""
        whole = (note.velocity_low, note.velocity_high) == (1, 127)
        return float(self.bank.reference_velocity or 0) if whole else note.velocity


def _sounding(samples: np.ndarray, fit: FittedNote, sample_rate: int, struck: bool) -> np.ndarray:
    age = (np.arange(-(-len(samples) // HOP)) + 0.5) * HOP / sample_rate
    made = fit.source + own_noise(samples - fit.source, 10 ** (at_ages(fit.noise_db, age) / 10), HOP, sample_rate, 10 ** (fit.noise_shape_db / 10))
    if struck:
        made += faded(np.arange(len(samples)) / sample_rate) * (samples - made)
    return np.asarray(made, dtype=np.float32)


def _louder(fit: FittedNote, db: float) -> FittedNote:
    return dataclasses.replace(fit, level_db=fit.level_db + np.float32(db), noise_db=fit.noise_db + np.float32(db))


@dataclass(frozen=True)
class Mixed:
    """A stretch of a piece.

    Attributes:
        samples, source: float32 ``[n]``.
        noise: mean squares ``[f, 52]`` (banks) or ``[f, 12]`` (recordings) of what is not harmonic, see ``bridge.noise``.
    """

    samples: np.ndarray
    source: np.ndarray
    noise: np.ndarray


class MixedPiece:
    """A score played on a bank, mixed where and when it is needed.

    Args:
        table: on frames of 4 ms; notes that the bank does not have are left out, notes longer than theirs shortened.
        louder_db: of the whole piece.
    """

    def __init__(self, name: str, table: FrameNotes, n_frames: int, fitted: FittedBank, hop: int, *, louder_db: float = 0.0):
        bank = fitted.bank
        self.name, self.n_frames, self.hop, self._fitted = name, n_frames, hop, fitted
        self._gain = 10 ** (louder_db / 20)
        rows = list(_played(table, fitted, hop, zlib.crc32(name.encode())))
        if not rows:
            raise OrchestrionError(f"{bank.name} has none of the notes of {name}.")
        self._note, onset, offset, pitch, velocity = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
        self.table = FrameNotes(onset, offset, pitch, velocity)
        released = np.ceil(RELEASED_DB / bank.release_db_s[pitch] * bank.sample_rate / hop).astype(np.int64)
        self._reach = Reach(onset, offset + released)

    @property
    def bank_name(self) -> str:
        return self._fitted.bank.name

    @property
    def n_samples(self) -> int:
        return self.n_frames * self.hop

    @cached_property
    def series(self) -> ConditioningSeries:
        return ConditioningSeries(self.table, self.n_frames, self._fitted.bank.sample_rate, self.hop)

    @property
    def notes(self) -> tuple[Note, ...]:
        frame_s = self.hop / self._fitted.bank.sample_rate
        t = self.table
        columns = zip(t.onset_frame, t.offset_frame, t.pitch, t.velocity, strict=True)
        return tuple(Note(a * frame_s, b * frame_s, int(p), int(v)) for a, b, p, v in columns)

    def mix(self, start: int, stop: int, margin: int = 0, *, noise_margin: tuple[int, int] = (0, 0), gain: float = 1.0) -> Mixed:
        """Frames ``start..stop`` with ``margin`` samples more on either side; outside the piece it is silent.

        Args:
            noise_margin: frames more of the noise before and after.
            gain: factor on all of it; below 0 it is turned upside down.
        """
        first, last = start * self.hop - margin, stop * self.hop + margin
        x, y = np.zeros(last - first), np.zeros(last - first)
        before, after = start - noise_margin[0], stop + noise_margin[1]
        power = np.zeros((after - before, N_FINE))
        spare = -(-margin // self.hop)
        for i in self._reach.between(min(before, start - spare), max(after, stop + spare)):
            self._add(int(i), first, x, y, before, power)
        return Mixed((gain * x).astype(np.float32), (gain * y).astype(np.float32), gain**2 * power)

    def _add(self, i: int, first: int, x: np.ndarray, y: np.ndarray, before: int, power: np.ndarray) -> None:
        bank, t = self._fitted.bank, self.table
        note, fit = bank.notes[self._note[i]], self._fitted.fits[self._note[i]]
        onset, offset = int(t.onset_frame[i]) * self.hop, int(t.offset_frame[i]) * self.hop
        gain, fall = bank.gain(note, float(t.velocity[i])) * self._gain, float(bank.release_db_s[t.pitch[i]])
        begin, end = max(onset, first), min(onset + len(note.samples), first + len(x))
        if begin < end:
            heard, here = slice(begin - onset, end - onset), slice(begin - first, end - first)
            since = np.arange(begin - offset, end - offset)
            envelope = gain * 10 ** (-np.maximum(since, 0) / bank.sample_rate * fall / 20)
            x[here] += envelope * note.samples[heard]
            y[here] += envelope * self._fitted.sounding[self._note[i]][heard]
        a, b = max(onset // self.hop, before), min((onset + len(note.samples)) // self.hop, before + len(power))
        if a < b:
            frame_s = self.hop / bank.sample_rate
            age = (np.arange(a, b) - onset // self.hop + 0.5) * frame_s
            db = at_ages(fit.noise_db, age) + 20 * np.log10(gain)
            db -= (np.maximum(np.arange(a, b) - offset // self.hop, 0) * frame_s * fall)[:, None]
            power[a - before : b - before] += 10 ** (db / 10)


def _played(table: FrameNotes, fitted: FittedBank, hop: int, seed: int) -> Iterator[tuple[int, int, int, int, int]]:
    """(number of the bank's note, onset, offset, pitch, velocity) of each note that the bank has."""
    rng = np.random.default_rng(seed)
    rows = zip(table.onset_frame, table.offset_frame, table.pitch, table.velocity, strict=True)
    for onset, offset, pitch, velocity in ((int(a), int(b), int(p), int(v)) for a, b, p, v in rows):
        takes = fitted.takes.get(pitch, [])
        if not takes:
            continue
        fitting = [i for i in takes if fitted.bank.notes[i].velocity_low <= velocity <= fitted.bank.notes[i].velocity_high]
        note = int(rng.choice(fitting or [min(takes, key=lambda i: abs(fitted.bank.notes[i].velocity - velocity))]))
        longest = max(1, len(fitted.bank.notes[note].samples) // hop)
        yield note, onset, min(offset, onset + longest), pitch, velocity
