"""Every pitch and velocity of an instrument, generated free-running and compared with its own single notes.

`following` asks whether a transcriber hears the right notes. This asks how near each note is to the instrument: level, spectrum,
noise between partials. The same is measured for the source alone, which shows what the network adds.
"""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.source import stretched_ratios
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.cluster import Cluster, in_order
from orchestrion.datasets.banks.mixing import FittedBank, MixedPiece
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.fidelity import (
    error_db,
    fall_s,
    level_errors,
    log_spectral_distance,
    noise_between_partials,
    partial_level_errors,
    quarter_level_errors,
)
from orchestrion.evaluation.judge.note_pieces import HELD_S, NotePieces
from orchestrion.options import STORAGE
from orchestrion.progress import progress
from orchestrion.randomness import stream_key
from orchestrion.renderer.deemphasis import decode
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.sampler import VOICES_PER_BATCH, perform, prepare
from orchestrion.renderer.task import Task
from orchestrion.score import Note

VELOCITIES = (10, 20, 40, 80, 120)
MISSING_DB = -15.0
AFTER_S = 0.3  # of a note's end belong to it
RELEASED_DB = 25.0  # a note that has fallen so far has ended
LATER_FRAMES = 1009
LONG_SHARES = (0.1, 0.5, 0.9)  # of the pitches: those that are held for ten seconds


@dataclass(frozen=True, eq=False)
class NotesReport:
    """What `notes_test` found.

    Attributes:
        pitches, velocities: tested.
        level_db: ``[pitches, velocities]`` error of each note's level.
        noise_db, reference_noise_db: ``[pitches]`` between the partials of the note at velocity 80.
        distance_db, source_distance_db, partials_distance_db: ``[pitches]`` log-spectral distance of network, of source alone, and of the
            source without its noise.
        between_takes_db: ``[pitches]`` log-spectral distance of two recordings of the note in the bank, which no player can be expected
            to go below; NaN where there is but one.
        held_distance_db: ``[pitches]`` log-spectral distance of the source alone from the very recording that its table holds, at that one's velocity: what
            remains of the others' distance is another take's, or that a bank changes its layers where a table goes over from one to the next; NaN likewise.
        redrawn_distance_db: ``[pitches]`` log-spectral distance of the source from itself with other random phases of its noise: what this
            meter says of two notes that differ in nothing that can be heard.
        attack_error_db, source_attack_error_db: ``[pitches]`` of the first 50 ms at velocity 80.
        short_level_db: ``[pitches]`` of notes of 50 ms.
        release_late_s: ``[pitches]`` by how much later than the reference's a note has fallen 25 dB after its end.
        run_level_db: of the notes of a run, twelve a second.
        long_level_db, long_partials_db: ``[3, 4]`` of notes held ten seconds, in each quarter: of all that sounds, and of their partials.
        chord_level_db: of every note of the chords of three to six, at its own partials (empty where the range is too small);
            ``chord_distance_db``, ``chord_source_distance_db`` of all chords, by network and source alone (NaN likewise).
        soft_after_rest_db: of a note of velocity 12 after a minute's rest.
    """

    pitches: np.ndarray
    velocities: tuple[int, ...]
    level_db: np.ndarray
    noise_db: np.ndarray
    reference_noise_db: np.ndarray
    distance_db: np.ndarray
    source_distance_db: np.ndarray
    partials_distance_db: np.ndarray
    between_takes_db: np.ndarray
    held_distance_db: np.ndarray
    redrawn_distance_db: np.ndarray
    attack_error_db: np.ndarray
    source_attack_error_db: np.ndarray
    short_level_db: np.ndarray
    release_late_s: np.ndarray
    run_level_db: np.ndarray
    long_level_db: np.ndarray
    long_partials_db: np.ndarray
    chord_level_db: np.ndarray
    chord_distance_db: float
    chord_source_distance_db: float
    soft_after_rest_db: float

    def summary(self) -> dict[str, float | None]:
        """The figures of a card."""
        return {
            "notes": float(self.level_db.size),
            "missing": float((self.level_db < MISSING_DB).sum()),
            "level_error_db_mean": _rounded(np.abs(self.level_db).mean()),
            "level_error_db_95": _rounded(np.quantile(np.abs(self.level_db), 0.95)),
            "noise_over_reference_db": _rounded(np.median(self.noise_db - self.reference_noise_db)),
            "distance_db": _rounded(self.distance_db.mean()),
            "distance_db_source_alone": _rounded(self.source_distance_db.mean()),
            "distance_db_partials_alone": _rounded(self.partials_distance_db.mean()),
            "distance_db_between_takes": _mean(self.between_takes_db),
            "distance_db_of_those_held": _mean(self.held_distance_db),
            "distance_db_between_draws": _rounded(self.redrawn_distance_db.mean()),
            "octaves_nearer_than_the_source": float(sum(ours < alone for ours, alone in self.by_octave())),
            "octaves": float(len(self.by_octave())),
            "attack_error_db": _rounded(np.median(self.attack_error_db)),
            "attack_error_db_source_alone": _rounded(np.median(self.source_attack_error_db)),
            "short_level_error_db_mean": _rounded(np.abs(self.short_level_db).mean()),
            "short_missing": float((self.short_level_db < MISSING_DB).sum()),
            "release_late_s_worst": _rounded(self.release_late_s.max()),
            "long_level_error_db_worst": _rounded(np.abs(self.long_level_db).max()),
            "long_partials_error_db_worst": _rounded(np.abs(self.long_partials_db).max()),
            "chord_notes": float(self.chord_level_db.size),
            "chord_missing": float((self.chord_level_db < MISSING_DB).sum()),
            "chord_level_error_db_mean": _mean(np.abs(self.chord_level_db)),
            "chord_distance_db": _mean(self.chord_distance_db),
            "chord_distance_db_source_alone": _mean(self.chord_source_distance_db),
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
    cluster: Cluster | None = None,
) -> NotesReport:
    """Play every ``step``-th pitch of ``bank`` at all ``velocities``, and what `NotePieces` has beside.

    Args:
        cluster: plays the pieces and measures them.
        temperature: of the draws; None for the instrument's own.

    Raises:
        OrchestrionError: the instrument has no source, or is of another rate than the bank.
    """
    player = Instrument.load(instrument)
    if player.source is None or player.config.sample_rate != bank.bank.sample_rate:
        raise OrchestrionError(f"{player.name} is not driven by a source at {bank.bank.sample_rate} Hz; this test is for those that are.")
    low, high = bank.bank.pitch_range
    pitches = np.array([p for p in range(low, high + 1) if p in bank.takes])[::step]
    hop = player.config.hop
    write, n, loud = NotePieces(bank, hop), len(pitches), int(np.argmin(np.abs(np.array(velocities) - 80)))
    held = [int(pitches[int(share * n)]) for share in LONG_SHARES]
    several = write.chords(np.array([p for p in range(low, high + 1) if p in bank.takes])) if not bank.bank.sustained else None
    asked: list[tuple[_Meter, MixedPiece]] = [(_OneNote(loud), write.scale(int(p), velocities)) for p in pitches]
    asked += [(_Levels(), piece) for piece in (write.run(pitches), write.soft(int(pitches[n // 2])))]
    asked += [(_Long(), write.long(pitch)) for pitch in held] + ([(_Chords(), several)] if several else [])
    heat = player.temperature if temperature is None else temperature
    heard = _heard_of(player, asked, (seed, heat, storage), cluster)
    scales, rest = heard[:n], heard[n:]
    levels = np.stack([one["level"] for one in scales])
    noise, reference_noise, distance, bare, barest, attack, bare_attack, late, redrawn = np.stack([one["note"] for one in scales]).T
    long, chords = rest[2 : 2 + len(held)], rest[-1] if several else _NO_CHORDS
    return NotesReport(
        pitches=pitches, velocities=tuple(velocities), level_db=levels[:, :-1], noise_db=noise, reference_noise_db=reference_noise,
        distance_db=distance, source_distance_db=bare, partials_distance_db=barest,
        between_takes_db=np.array([_between_takes(int(p), velocities[loud], bank) for p in pitches]),
        held_distance_db=np.array([_held_distance(int(p), velocities[loud], bank, player) for p in pitches]), redrawn_distance_db=redrawn,
        attack_error_db=attack, source_attack_error_db=bare_attack, short_level_db=levels[:, -1], release_late_s=late,
        run_level_db=rest[0]["level"], long_level_db=np.stack([one["quarters"] for one in long]),
        long_partials_db=np.stack([one["partials"] for one in long]), chord_level_db=chords["partials"],
        chord_distance_db=float(chords["distances"][0]), chord_source_distance_db=float(chords["distances"][1]),
        soft_after_rest_db=float(rest[1]["level"][-1]),
    )  # fmt: skip


@dataclass(frozen=True)
class _Piece:
    """A piece as it is played and compared: without its bank, which would not travel lightly.

    Attributes:
        voice: its number.
        reference: ``[n]`` what the bank's own notes sound like.
    """

    meter: _Meter
    voice: int
    series: ConditioningSeries
    notes: tuple[Note, ...]
    reference: np.ndarray


_Meter = Callable[[Instrument, _Piece, np.ndarray], dict[str, np.ndarray]]
_NO_CHORDS = {"partials": np.zeros(0), "distances": np.full(2, np.nan)}


def _heard_of(
    player: Instrument, asked: Sequence[tuple[_Meter, MixedPiece]], how: tuple[int, float, str], cluster: Cluster | None
) -> list[dict[str, np.ndarray]]:
    """What each piece's meter says; on a cluster some are played together on each worker, here all."""
    gain = 10 ** (player.gain_db / 20)

    def piece(number: int) -> _Piece:
        meter, mixed = asked[number]
        return _Piece(meter, number, mixed.series, mixed.notes, mixed.mix(0, mixed.n_frames, gain=gain).samples)

    if cluster is None:
        return _measure(player, [piece(number) for number in range(len(asked))], *how)
    cluster.must_see()
    n_groups = max(-(-len(asked) // VOICES_PER_BATCH), min(cluster.n_workers(), len(asked)))
    groups, player_there = [range(first, len(asked), n_groups) for first in range(n_groups)], cluster.share(player)
    with progress(n_groups, f"Playing every note of {player.name}") as advance:
        rows = in_order(cluster, _measure, ((player_there, [piece(number) for number in group], *how) for group in groups), advance)
    found = {number: row for group, measured in zip(groups, rows, strict=True) for number, row in zip(group, measured, strict=True)}
    return [found[number] for number in range(len(asked))]


def _measure(player: Instrument, pieces: Sequence[_Piece], seed: int, temperature: float, storage: str) -> list[dict[str, np.ndarray]]:
    played = _play(player, pieces, seed, temperature, storage)
    return [piece.meter(player, piece, samples) for piece, samples in zip(pieces, played, strict=True)]


class _Levels:
    """Of every note."""

    def __call__(self, player: Instrument, piece: _Piece, played: np.ndarray) -> dict[str, np.ndarray]:
        return {"level": level_errors(played, piece.reference, piece.notes, player.config.sample_rate)}


@dataclass(frozen=True)
class _OneNote(_Levels):
    """Of the scale of one pitch, all that `NotesReport` has of note number ``loud``: its rows from ``noise_db`` on."""

    loud: int

    def __call__(self, player: Instrument, piece: _Piece, played: np.ndarray) -> dict[str, np.ndarray]:
        note, rate = piece.notes[self.loud], player.config.sample_rate
        alone, partials = _without_network(player, piece), _without_network(player.adjusted(noise=0.0), piece)
        redrawn = log_spectral_distance(_whole(_redrawn(player, piece), note, rate), _whole(alone, note, rate), rate)
        found = *_one_note(note, played, alone, partials, piece.reference, player), redrawn
        return super().__call__(player, piece, played) | {"note": np.array(found)}


class _Long:
    """Of a long note."""

    def __call__(self, player: Instrument, piece: _Piece, played: np.ndarray) -> dict[str, np.ndarray]:
        heard, note, rate = (played, piece.reference), piece.notes[0], player.config.sample_rate
        partials = quarter_level_errors(*heard, note, rate, _partials(note.pitch, player))
        return {"quarters": quarter_level_errors(*heard, note, rate), "partials": partials}


class _Chords:
    def __call__(self, player: Instrument, piece: _Piece, played: np.ndarray) -> dict[str, np.ndarray]:
        rate, both = player.config.sample_rate, (played, _without_network(player, piece))
        distances = np.array([log_spectral_distance(samples, piece.reference, rate) for samples in both])
        return {"partials": _chords(played, piece.reference, piece.notes, player), "distances": distances}


def _between_takes(pitch: int, velocity: int, bank: FittedBank) -> float:
    """The mean distance of a note's recordings from the first of them; NaN where the bank has but one for ``velocity``."""
    notes = [bank.bank.notes[i] for i in bank.takes[pitch]]
    fitting = [note for note in notes if note.velocity_low <= velocity <= note.velocity_high]
    n, rate = int(HELD_S * bank.bank.sample_rate), bank.bank.sample_rate
    heard = [bank.bank.gain(note, velocity) * note.samples[:n] for note in fitting]
    return float(np.mean([log_spectral_distance(other, heard[0], rate) for other in heard[1:]])) if len(heard) > 1 else float("nan")


def _held_distance(pitch: int, velocity: int, bank: FittedBank, player: Instrument) -> float:
    """Of the source alone from the recording that stands for ``velocity`` in its table; NaN where the bank has but one of this pitch."""
    takes = bank.takes[pitch]
    if len(takes) == 1:
        return float("nan")
    held = min(takes, key=lambda i: abs(bank.bank.notes[i].velocity - velocity))  # the first of them, as in `FittedBank.source`
    alone = FittedBank(dataclasses.replace(bank.bank, notes=(bank.bank.notes[held],)), (bank.fits[held],))
    piece = NotePieces(alone, player.config.hop).scale(pitch, (round(bank.bank.notes[held].velocity),))
    reference = piece.mix(0, piece.n_frames, gain=10 ** (player.gain_db / 20)).samples
    assert player.source is not None
    made, note, rate = SourceSignal(piece.series, player.source).samples(0, piece.n_frames), piece.notes[0], player.config.sample_rate
    return log_spectral_distance(_whole(made, note, rate), _whole(reference, note, rate), rate)


def _chords(played: np.ndarray, reference: np.ndarray, notes: Sequence[Note], player: Instrument) -> np.ndarray:
    return np.array([partial_level_errors(played, reference, note, _partials(note.pitch, player), player.config.sample_rate) for note in notes])


def _partials(pitch: int, player: Instrument) -> np.ndarray:
    source = player.source
    assert source is not None
    row = source.row_of(pitch)
    series = stretched_ratios(source.inharmonicity[row], 200)  # and tones aside
    return np.asarray(source.f1_hz[row] * np.union1d(series, source.ratios(row)))


def _one_note(note: Note, ours: np.ndarray, bare: np.ndarray, barest: np.ndarray, theirs: np.ndarray, player: Instrument) -> tuple[float, ...]:
    """Noise of ours and of the reference, distance of ours, of the source and of its partials, error of the first two in the attack, how
    late ours ends."""
    rate, partials = player.config.sample_rate, _partials(note.pitch, player)
    attack = slice(int(note.onset_s * rate), int((note.onset_s + 0.05) * rate))
    return (
        noise_between_partials(ours, note, partials, rate), noise_between_partials(theirs, note, partials, rate),
        *(log_spectral_distance(_whole(x, note, rate), _whole(theirs, note, rate), rate) for x in (ours, bare, barest)),
        error_db(ours[attack], theirs[attack]), error_db(bare[attack], theirs[attack]),
        fall_s(ours, note, RELEASED_DB, rate) - fall_s(theirs, note, RELEASED_DB, rate),
    )  # fmt: skip


def _whole(samples: np.ndarray, note: Note, rate: int) -> np.ndarray:
    """A note with its end."""
    return samples[int(note.onset_s * rate) : int((note.offset_s + AFTER_S) * rate)]


def _redrawn(player: Instrument, piece: _Piece) -> np.ndarray:
    """The piece by the source alone, its noise with other phases: those of a later moment."""
    assert player.source is not None
    was, notes = piece.series, piece.series.notes
    later = FrameNotes(notes.onset_frame + LATER_FRAMES, notes.offset_frame + LATER_FRAMES, notes.pitch, notes.velocity)
    series = ConditioningSeries(later, was.n_frames + LATER_FRAMES, was.sample_rate, was.hop)
    return SourceSignal(series, player.source).samples(LATER_FRAMES, was.n_frames + LATER_FRAMES)


def _without_network(player: Instrument, piece: _Piece) -> np.ndarray:
    """The piece by the source alone."""
    assert player.source is not None
    return SourceSignal(piece.series, player.source).samples(0, piece.series.n_frames)


def _play(player: Instrument, pieces: Sequence[_Piece], seed: int, temperature: float, storage: str) -> list[np.ndarray]:
    """Every piece by the network; none hears of those that it is played beside."""
    model, packed = prepare(player.model, storage)
    tasks = [
        Task(Conditioner(copy.copy(model), packed, piece.series, temperature), VoiceState.silent(packed, int(stream_key(seed, piece.voice))))
        for piece in pieces
    ]
    total = sum(len(piece.reference) for piece in pieces)
    with progress(total, f"Playing every note of {player.name}") as advance:
        codes = perform(tasks, progress=advance)
    return [decode(taken, player.config.coding) for taken in codes]


def _rounded(value: float) -> float:
    return round(float(value), 2)


def _mean(values: np.ndarray | float) -> float | None:
    """Of the numbers among ``values``; None where there is none."""
    numbers = np.atleast_1d(values)[np.isfinite(np.atleast_1d(values))]
    return _rounded(numbers.mean()) if numbers.size else None
