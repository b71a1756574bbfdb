"""Single notes of one instrument: from a SoundFont, an SFZ file, or a folder of recordings with ``index.tsv``.

``index.tsv`` has the columns ``file pitch velocity_low velocity_high`` (``take`` and others may follow), separated by tabs: each
file is one note, held to its end, which stands for the velocities of its layer. ``bank.json`` beside it may say
``{"sustained": true, "law": "square", "release_db_s": 120, "licence": …}``; what is missing is found out from the notes.

A mixture of such notes with gains is what a sampler would play. So any score gives training audio with exact onsets, at no
cost on disk.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from orchestrion.audio.rates import check_rate
from orchestrion.datasets.untrusted.textfiles import check_ordinary, read_json_object, read_text
from orchestrion.errors import OrchestrionError, said_by
from orchestrion.header import is_number

SAMPLE_RATE = 24000
MOST_NOTES, MOST_NOTE_S, MOST_BANK_S, MOST_CHANNELS = 4096, 60.0, 6 * 3600.0, 16
MOST_INDEX_BYTES = 1 << 20
MOST_NUMBERS = 1 << 25  # samples of a note in all its channels: a minute at 192 kHz in stereo, and more
RELEASES_DB_S = (1.0, 1000.0)
ONSET_DB = -40.0  # below a note's peak: its sound has begun
MOST_TRANSPOSED = 3  # semitones
LAWS = ("square", "as recorded")
PEAK = 0.32  # of a single loud note, in the median over pitches


@dataclass(frozen=True, eq=False)
class BankNote:
    """One note.

    Attributes:
        pitch: MIDI.
        velocity_low, velocity_high: for which it stands, 1 to 127.
        samples: float32 [n] at the bank's rate, sounding from the first sample on and held to the last.
        recorded: whether it was recorded at this pitch; else it was transposed from a neighbour (`filled`).
    """

    pitch: int
    velocity_low: int
    velocity_high: int
    samples: np.ndarray = field(repr=False)
    recorded: bool = True

    @property
    def velocity(self) -> float:
        """The middle of its layer."""
        return (self.velocity_low + self.velocity_high) / 2


@dataclass(frozen=True, eq=False)
class NoteBank:
    """All notes of an instrument, at one rate.

    Attributes:
        sustained: bowed or blown; else struck or plucked.
        stretched: its partials may be those of stiff strings.
        reference_velocity: at which a note sounds as loud as it was recorded. None where each layer was recorded as loud as it is
            played: then its middle velocity is the reference.
        exponent: amplitude goes with the velocity to this power: 2 by a sampler's law, else as the layers' levels do.
        release_db_s: ``[128]`` by pitch, by how much a released note falls each second.
        scale: factor on the recordings, so that loud notes peak alike in all banks.
        information: licence, attribution, source, program.
    """

    name: str
    sample_rate: int
    notes: tuple[BankNote, ...]
    sustained: bool
    stretched: bool
    reference_velocity: float | None
    release_db_s: np.ndarray
    scale: float
    information: Mapping[str, object]
    exponent: float = 2.0

    @property
    def pitch_range(self) -> tuple[int, int]:
        pitches = [note.pitch for note in self.notes]
        return min(pitches), max(pitches)

    def gain(self, note: BankNote, velocity: float) -> float:
        """Factor on ``note``'s samples when it is played with ``velocity``."""
        return self.scale * float((velocity / (self.reference_velocity or note.velocity)) ** self.exponent)


def filled(bank: NoteBank) -> NoteBank:
    """The bank with its missing pitches transposed from the nearest one, by up to ``MOST_TRANSPOSED`` semitones, as samplers do."""
    import soxr

    there = {note.pitch for note in bank.notes}
    low, high = bank.pitch_range
    more = []
    for pitch in sorted(set(range(low, high + 1)) - there):
        nearest = min(there, key=lambda p: (abs(p - pitch), p))
        if abs(nearest - pitch) <= MOST_TRANSPOSED:
            ratio = 2.0 ** ((pitch - nearest) / 12)
            for note in bank.notes:
                if note.pitch == nearest:
                    samples = soxr.resample(note.samples, bank.sample_rate * ratio, bank.sample_rate, quality="HQ")
                    more.append(BankNote(pitch, note.velocity_low, note.velocity_high, samples.astype(np.float32), recorded=False))
    notes = tuple(sorted((*bank.notes, *more), key=lambda note: (note.pitch, note.velocity_low)))
    return replace(bank, notes=notes)


def exponent_of(notes: tuple[BankNote, ...]) -> float:
    """By what power of the velocity the layers' peaks grow, in the median over the pitches; 2 where there is one layer."""
    powers = []
    for pitch in {note.pitch for note in notes}:
        layers = [(note.velocity, float(np.abs(note.samples).max())) for note in notes if note.pitch == pitch]
        velocities, peaks = (np.log(np.array(column)) for column in zip(*layers, strict=True))
        if np.ptp(velocities) > 0:
            powers.append(np.polyfit(velocities, peaks, 1)[0])
    return float(np.clip(np.median(powers), 0.2, 4.0)) if powers else 2.0


def scale_of(notes: tuple[BankNote, ...], reference_velocity: float | None, exponent: float = 2.0) -> float:
    """The factor by which notes of velocity 100 peak at ``PEAK`` in the median over pitches."""
    peaks: dict[int, float] = {}
    for note in notes:
        if note.velocity_low <= 100 <= note.velocity_high:
            peak = float(np.abs(note.samples).max()) * (100 / (reference_velocity or note.velocity)) ** exponent
            peaks[note.pitch] = max(peaks.get(note.pitch, 0.0), peak)
    loud = [peak for peak in peaks.values() if peak > 1e-5]
    if not loud:
        raise OrchestrionError("The bank has no note that sounds at velocity 100.")
    return PEAK / float(np.median(loud))


def open_folder(folder: Path, sample_rate: int = SAMPLE_RATE) -> NoteBank:
    """A folder of single notes with ``index.tsv``.

    Raises:
        OrchestrionError: no index, an impossible row, an unreadable or silent note, or more than can be taken in.
    """
    rows = _index(folder)
    information = _information(folder)
    notes, total_s = [], 0.0
    for row in rows:
        samples = read_note(folder / row["file"], sample_rate)
        total_s += len(samples) / sample_rate
        if total_s > MOST_BANK_S:
            raise OrchestrionError(f"{folder} holds more than {MOST_BANK_S / 3600:g} hours of notes.")
        low, high = int(row.get("velocity_low") or 1), int(row.get("velocity_high") or 127)
        notes.append(BankNote(int(row["pitch"]), low, high, samples))
    return assembled(folder.name, tuple(notes), {"source": folder.name} | information, sample_rate)


def assembled(name: str, notes: tuple[BankNote, ...], information: Mapping[str, object], sample_rate: int) -> NoteBank:
    """The bank of these notes; what ``information`` does not say (``sustained``, ``law``, ``release_db_s``) is found out from them."""
    bank = tuple(sorted(notes, key=lambda note: (note.pitch, note.velocity_low)))
    sustained = information.get("sustained")
    sustained = is_sustained(bank, sample_rate) if sustained is None else bool(sustained)
    if sustained:
        bank = tuple(replace(note, samples=_without_ending(note.samples, sample_rate)) for note in bank)
    law = information.get("law") or ("square" if _alike(bank) else "as recorded")
    reference = 127.0 if law == "square" else None
    stated = information.get("release_db_s")
    release = _damped(sustained) if stated is None else np.full(128, float(str(stated)))
    stretched = bool(information.get("stretched", not sustained))
    facts = {"name": name} | dict(information)
    exponent = 2.0 if law == "square" else exponent_of(bank)
    return NoteBank(name, sample_rate, bank, sustained, stretched, reference, release, scale_of(bank, reference, exponent), facts, exponent)


def _index(folder: Path) -> list[dict[str, str]]:
    path = folder / "index.tsv"
    reader = csv.DictReader(io.StringIO(read_text(path, MOST_INDEX_BYTES)), delimiter="\t")
    try:
        rows = [row for row, _ in zip(reader, range(MOST_NOTES + 1), strict=False)]
    except csv.Error as error:
        raise OrchestrionError(f"{path} is not a table that can be read ({said_by(error)}).") from error
    if not 0 < len(rows) <= MOST_NOTES:
        raise OrchestrionError(f"{path} lists {'no' if not rows else f'more than {MOST_NOTES}'} notes; it must list 1 to {MOST_NOTES}.")
    seen: set[str] = set()
    for number, row in enumerate(rows, 2):
        try:
            name, pitch = row["file"], int(row["pitch"])
            low, high = int(row.get("velocity_low") or 1), int(row.get("velocity_high") or 127)
        except (KeyError, TypeError, ValueError):
            raise OrchestrionError(f"{path}, line {number}: it needs the columns file, pitch, velocity_low, velocity_high.") from None
        if not (0 <= pitch <= 127 and 1 <= low <= high <= 127) or not _is_plain(name):
            raise OrchestrionError(f"{path}, line {number}: pitch {pitch}, velocities {low} to {high} or file {name[:60]!r} is impossible.")
        if name in seen:
            raise OrchestrionError(f"{path}, line {number}: {name[:60]!r} is listed twice; a file is one note.")
        seen.add(name)
    return rows


def _is_plain(name: str) -> bool:
    """Whether ``name`` is that of a file in the folder, which no file system refuses."""
    return name.isprintable() and 0 < len(os.fsencode(name)) <= 255 and Path(name).name == name


def _information(folder: Path) -> dict[str, object]:
    path = folder / "bank.json"
    if not path.exists():
        return {}
    content = read_json_object(path)
    release = content.get("release_db_s")
    if content.get("law", "square") not in LAWS:
        raise OrchestrionError(f"{path} must say one of {', '.join(LAWS)} for law.")
    if release is not None and not is_number(release, *RELEASES_DB_S):
        raise OrchestrionError(f"{path} says {str(release)[:60]!r} for release_db_s; it must be a number from {RELEASES_DB_S[0]:g} to {RELEASES_DB_S[1]:g}.")
    return content


def read_note(
    path: Path, sample_rate: int, *, start: int = 0, stop: int | None = None, loop: tuple[int, int] | None = None, looped_s: float = 0.0
) -> np.ndarray:
    """The note from where it begins to sound, mono at ``sample_rate``.

    Args:
        start, stop: frames of the file.
        loop: first frame and the one after the last of what goes round, for ``looped_s`` seconds altogether.

    Raises:
        OrchestrionError: it cannot be read, is longer than a note, or is silent.
    """
    import soundfile
    import soxr

    check_ordinary(path)
    try:
        facts = soundfile.info(path)
        if facts.duration > MOST_NOTE_S:
            raise OrchestrionError(f"{path} lasts {facts.duration:.0f} s; a note may last {MOST_NOTE_S:g} s.")
        check_rate(facts.samplerate)
        if max(facts.frames, round(looped_s * facts.samplerate)) * facts.channels > MOST_NUMBERS:
            raise OrchestrionError(f"{path} holds more samples than a note may have; convert it to a lower rate, or to one channel.")
        if facts.channels > MOST_CHANNELS:
            raise OrchestrionError(f"{path} has {facts.channels} channels; a note may have {MOST_CHANNELS}.")
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise OrchestrionError(f"Cannot read the note {path}: {error}") from error
    if loop is not None and loop[1] <= len(samples):
        first, last = loop
        rounds = -(-max(0, round(looped_s * rate) - first) // (last - first))
        samples = np.concatenate([samples[:first], *[samples[first:last]] * rounds])
    samples = samples[start : stop if loop is None else None]
    mono = soxr.resample(samples.mean(axis=1), rate, sample_rate, quality="VHQ").astype(np.float32)
    if not len(mono) or not np.all(np.isfinite(mono)) or not np.abs(mono).max() > 1e-4:
        raise OrchestrionError(f"{path} is silent, or holds what is no sound.")
    loud = np.flatnonzero(np.abs(mono) > np.abs(mono).max() * 10 ** (ONSET_DB / 20))
    return np.ascontiguousarray(mono[loud[0] :])


def is_sustained(notes: tuple[BankNote, ...], sample_rate: int) -> bool:
    """Whether notes keep their level: from .3 to .9 s they lose less than 6 dB in the median."""
    lost = []
    for note in notes:
        early, late = (note.samples[int(a * sample_rate) : int((a + 0.2) * sample_rate)] for a in (0.3, 0.9))
        if len(late) == len(early) > 0:
            lost.append(10 * np.log10((np.mean(early**2) + 1e-12) / (np.mean(late**2) + 1e-12)))
    return bool(lost) and float(np.median(lost)) < 6.0


def _damped(sustained: bool) -> np.ndarray:
    """``[128]`` how fast a released note falls where a bank does not say: strings the faster the higher they are."""
    return np.full(128, 160.0) if sustained else 60.0 / np.interp(np.arange(128), [21, 60, 108], [0.6, 0.4, 0.25])


def _without_ending(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """A bowed or blown note up to where it is let go: where its level falls for good by 9 dB below its middle."""
    step = sample_rate // 50
    power = (samples[: len(samples) // step * step].reshape(-1, step) ** 2).mean(1)
    if len(power) < 25:
        return samples
    held = np.flatnonzero(power > np.median(power) * 10**-0.9)
    return np.ascontiguousarray(samples[: max((held[-1] - 1) * step, len(samples) // 3)])


def _alike(notes: tuple[BankNote, ...]) -> bool:
    """Whether layers were all brought to one peak: the softest of a pitch is less than 2.5 dB below the loudest."""
    peaks: dict[int, list[float]] = {}
    for note in notes:
        peaks.setdefault(note.pitch, []).append(float(np.abs(note.samples).max()))
    spans = [max(of) / min(of) for of in peaks.values() if len(of) > 1]
    return bool(spans) and 20 * np.log10(float(np.median(spans))) < 2.5
