"""Every pitch and velocity of an instrument, played free-running and measured against its own single notes.

Where `following` asks whether a transcriber hears the notes, this asks how near each note comes to the instrument: level, spectrum, noise
between the partials, and the same for the source alone, so that what the network adds is seen.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.source import SourceSignal, stretched_ratios
from orchestrion.datasets.banks.mixing import FittedBank, MixedPiece
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.fidelity import error_db, level_errors, log_spectral_distance, noise_between_partials
from orchestrion.options import STORAGE
from orchestrion.progress import progress
from orchestrion.randomness import stream_key
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.sampler import perform, prepare
from orchestrion.renderer.task import Task
from orchestrion.score import Note

VELOCITIES = (10, 20, 40, 80, 120)
HELD_S, REST_S = 0.5, 0.5
MISSING_DB = -15.0
REST_BEFORE_SOFT_S = 10.0
RUN_NOTES_A_SECOND = 12


@dataclass(frozen=True, eq=False)
class NotesReport:
    """What `notes_test` found.

    Attributes:
        pitches, velocities: tested.
        level_db: ``[pitches, velocities]`` error of each note's level.
        noise_db, reference_noise_db: ``[pitches]`` between the partials of the note at velocity 80.
        distance_db, source_distance_db: ``[pitches]`` log-spectral distance of network and of source alone.
        attack_error_db, source_attack_error_db: ``[pitches]`` of the first 50 ms at velocity 80; ``error_db`` likewise of the whole note.
    """

    pitches: np.ndarray
    velocities: tuple[int, ...]
    level_db: np.ndarray
    noise_db: np.ndarray
    reference_noise_db: np.ndarray
    distance_db: np.ndarray
    source_distance_db: np.ndarray
    attack_error_db: np.ndarray
    source_attack_error_db: np.ndarray
    run_level_db: np.ndarray
    soft_after_rest_db: float

    def summary(self) -> dict[str, float]:
        """The figures of a card."""
        return {
            "notes": float(self.level_db.size),
            "missing": float((self.level_db < MISSING_DB).sum()),
            "level_error_db_mean": _rounded(np.abs(self.level_db).mean()),
            "level_error_db_95": _rounded(np.quantile(np.abs(self.level_db), 0.95)),
            "noise_over_reference_db": _rounded(np.median(self.noise_db - self.reference_noise_db)),
            "distance_db": _rounded(self.distance_db.mean()),
            "distance_db_source_alone": _rounded(self.source_distance_db.mean()),
            "octaves_nearer_than_the_source": float(sum(ours < alone for ours, alone in self.by_octave())),
            "octaves": float(len(self.by_octave())),
            "attack_error_db": _rounded(np.median(self.attack_error_db)),
            "attack_error_db_source_alone": _rounded(np.median(self.source_attack_error_db)),
            "run_missing": float((self.run_level_db < MISSING_DB).sum()),
            "soft_note_after_rest_db": _rounded(self.soft_after_rest_db),
        }

    def by_octave(self) -> list[tuple[float, float]]:
        """(network's distance, source's) of every octave, from low to high."""
        octaves = sorted({int(p) // 12 for p in self.pitches})
        inside = [self.pitches // 12 == octave for octave in octaves]
        return [(float(self.distance_db[i].mean()), float(self.source_distance_db[i].mean())) for i in inside]

    def to_dict(self) -> dict[str, object]:
        """JSON-able, arrays as lists."""
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(self).items()} | {
            "summary": self.summary()
        }


def notes_test(
    instrument: Instrument | str | os.PathLike[str],
    bank: FittedBank,
    *,
    step: int = 1,
    velocities: Sequence[int] = VELOCITIES,
    seed: int = 0,
    temperature: float | None = None,
    storage: str = STORAGE,
) -> NotesReport:
    """Play every ``step``-th pitch of ``bank`` at all ``velocities`` (each .5 s, then .5 s of rest), a run, and a soft note after a rest.

    Args:
        temperature: of the draws; None for the instrument's own.

    Raises:
        OrchestrionError: the instrument has no source, or is of another rate than the bank.
    """
    player = Instrument.load(instrument)
    if player.source is None or player.config.sample_rate != bank.bank.sample_rate:
        raise OrchestrionError(f"{player.name} is not driven by a source at {bank.bank.sample_rate} Hz; this test is for those that are.")
    low, high = bank.bank.pitch_range
    pitches = np.array([p for p in range(low, high + 1) if p in bank.takes])[::step]
    hop, rate = player.config.hop, player.config.sample_rate
    pieces = [_scale_of(int(p), velocities, bank, hop) for p in pitches] + [_run(pitches, bank, hop), _soft(pitches, bank, hop)]
    heat = player.temperature if temperature is None else temperature
    played, alone = _play(player, pieces, seed, heat, storage)
    references = [piece.mix(0, piece.n_frames, gain=10 ** (player.gain_db / 20)).samples for piece in pieces]
    n, loud = len(pitches), int(np.argmin(np.abs(np.array(velocities) - 80)))
    levels = np.stack([level_errors(played[i], references[i], pieces[i].notes, rate) for i in range(n)])
    measured = [_one_note(i, pieces[i].notes[loud], played, alone, references, player) for i in range(n)]
    noise, reference_noise, distance, bare, attack, bare_attack = np.array(measured).T
    return NotesReport(
        pitches, tuple(velocities), levels, noise, reference_noise, distance, bare, attack, bare_attack, level_errors(played[n], references[n], pieces[n].notes, rate),
        float(level_errors(played[n + 1], references[n + 1], pieces[n + 1].notes, rate)[-1]),
    )  # fmt: skip


def _one_note(
    i: int, note: Note, played: Sequence[np.ndarray], alone: Sequence[np.ndarray], references: Sequence[np.ndarray], player: Instrument
) -> tuple[float, ...]:
    """Noise of ours and of the reference, distance of ours and of the source, error of both in the attack."""
    rate, source = player.config.sample_rate, player.source
    assert source is not None
    row = source.row_of(note.pitch)
    partials = source.f1_hz[row] * stretched_ratios(source.inharmonicity[row], 200)
    whole = slice(int(note.onset_s * rate), int((note.offset_s + 0.3) * rate))
    attack = slice(int(note.onset_s * rate), int((note.onset_s + 0.05) * rate))
    ours, bare, theirs = played[i], alone[i], references[i]
    return (
        noise_between_partials(ours, note, partials, rate), noise_between_partials(theirs, note, partials, rate),
        log_spectral_distance(ours[whole], theirs[whole], rate), log_spectral_distance(bare[whole], theirs[whole], rate),
        error_db(ours[attack], theirs[attack]), error_db(bare[attack], theirs[attack]),
    )  # fmt: skip


def _play(
    player: Instrument, pieces: Sequence[MixedPiece], seed: int, temperature: float, storage: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Every piece by the network, and by its source alone."""
    model, packed = prepare(player.model, storage)
    assert player.source is not None
    tasks = [
        Task(Conditioner(copy.copy(model), packed, piece.series, temperature), VoiceState.silent(packed, int(stream_key(seed, number))))
        for number, piece in enumerate(pieces)
    ]
    total = sum(piece.n_samples for piece in pieces)
    with progress(total, f"Playing every note of {player.name}") as advance:
        codes = perform(tasks, progress=advance)
    alone = [SourceSignal(piece.series, player.source).samples(0, piece.n_frames) for piece in pieces]
    return [player.config.coding.decode(taken) for taken in codes], alone


def _scale_of(pitch: int, velocities: Sequence[int], bank: FittedBank, hop: int) -> MixedPiece:
    rate = bank.bank.sample_rate / hop
    onsets = [round((0.1 + i * (HELD_S + REST_S)) * rate) for i in range(len(velocities))]
    rows = [(onset, onset + round(HELD_S * rate), pitch, velocity) for onset, velocity in zip(onsets, velocities, strict=True)]
    return _piece(f"pitch-{pitch}", rows, bank, hop)


def _run(pitches: np.ndarray, bank: FittedBank, hop: int) -> MixedPiece:
    """Twelve notes a second, up the range and down again."""
    step = round(bank.bank.sample_rate / hop / RUN_NOTES_A_SECOND)
    rows = [(25 + i * step, 25 + (i + 1) * step - 2, int(p), 70) for i, p in enumerate([*pitches, *pitches[-2::-1]])]
    return _piece("run", rows, bank, hop)


def _soft(pitches: np.ndarray, bank: FittedBank, hop: int) -> MixedPiece:
    """A loud note, a long rest, a note of velocity 12."""
    pitch, rate = int(pitches[len(pitches) // 2]), bank.bank.sample_rate / hop
    later = round((1.0 + REST_BEFORE_SOFT_S) * rate)
    return _piece("soft", [(25, round(rate), pitch, 90), (later, later + round(0.5 * rate), pitch, 12)], bank, hop)


def _piece(name: str, rows: Sequence[tuple[int, int, int, int]], bank: FittedBank, hop: int) -> MixedPiece:
    order = sorted(rows)
    onset, offset, pitch, velocity = (np.array(column) for column in zip(*order, strict=True))
    table = FrameNotes(onset, offset, pitch, velocity)
    return MixedPiece(name, table, table.n_frames + round(0.5 * bank.bank.sample_rate / hop), bank, hop)


def _rounded(value: float) -> float:
    return round(float(value), 2)
