"""Free-running playing of held-out pieces during a training: what decides which weights are kept."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.source import HarmonicSource
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.datasets.banks.mixing import Mixed
from orchestrion.evaluation.judge.fidelity import Fidelity, fidelity
from orchestrion.evaluation.judge.following import onset_scores
from orchestrion.evaluation.judge.salience import HIGHEST, LOWEST
from orchestrion.evaluation.judge.transcription import transcribe
from orchestrion.randomness import stream_key
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.deemphasis import decode
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.sampler import perform, prepare
from orchestrion.renderer.task import Task
from orchestrion.score import Note

LISTEN_S = 6.0
MOST_PIECES = 24
EXCERPTS = 6  # of one bank, in the mean over several
DB_OF_ALL_NOTES = 10.0
TEMPERATURE = 0.4  # of the mixture: noise is in the source, so that the draws need not bring it, and at 1 clean instruments hiss


@dataclass(frozen=True)
class Heard:
    """A held-out piece as it was played: by the network, and by its source alone, each against the instrument's own notes.

    ``f1`` are of onsets as a transcriber hears them, in what the network played, in the source alone, and in the instrument's own audio.
    """

    name: str
    network: Fidelity
    source_alone: Fidelity
    f1: float
    f1_source_alone: float
    f1_reference: float

    @property
    def cost(self) -> float:
        """What a training keeps the least of: the distance in dB, and the share of the notes that a transcriber hears less well than in the
        reference, as `DB_OF_ALL_NOTES` for all of them."""
        return self.network.distance_db + DB_OF_ALL_NOTES * max(0.0, 1.0 - self.f1 / self.f1_reference if self.f1_reference else 0.0)


class Piece(Protocol):
    """A score with what an instrument makes of it: mixed from single notes (`MixedPiece`) or recorded (`TrackedPiece`)."""

    @property
    def bank_name(self) -> str:
        """Of whose tables play it."""

    @property
    def series(self) -> ConditioningSeries: ...

    @property
    def notes(self) -> tuple[Note, ...]: ...

    @property
    def n_frames(self) -> int: ...

    def mix(self, start: int, stop: int, margin: int = 0, *, noise_margin: tuple[int, int] = (0, 0), gain: float = 1.0) -> Mixed: ...


def play_held_out(
    model: WaveNet,
    pieces: Sequence[Piece],
    sources: Mapping[str, HarmonicSource],
    *,
    seed: int = 0,
    seconds: float = LISTEN_S,
    temperature: float = TEMPERATURE,
) -> list[Heard]:
    """Play `excerpts` of held-out pieces, all at once.

    Args:
        sources: the tables of every bank, by its name.
        temperature: of the draws.
    """
    c, tasks, played = model.config, [], []
    _, packed = prepare(model)
    length = round(seconds * c.sample_rate / c.hop)
    for number, (piece, start) in enumerate(excerpts(pieces, length)):
        stop = min(piece.n_frames, start + length)
        player = copy.copy(model)
        player.source = sources[piece.bank_name]
        series = piece.series.crop_frames(start, stop)
        tasks.append(Task(Conditioner(player, packed, series, temperature), VoiceState.silent(packed, int(stream_key(seed, number)))))
        played.append((piece, start, stop, SourceSignal(series, player.source).samples(0, stop - start)))
    heard = []
    for codes, (piece, start, stop, alone) in zip(perform(tasks), played, strict=True):
        heard.append(_heard(piece.bank_name, decode(codes, c.coding), alone, piece.mix(start, stop).samples, _notes_of(piece, start, stop, c), c.sample_rate))
    return heard


def excerpts(pieces: Sequence[Piece], length: int) -> list[tuple[Piece, int]]:
    """What is played of each bank: the openings of its pieces, and then later places of them, `EXCERPTS` in all; of several banks one each.

    Args:
        length: frames of an excerpt.

    Returns:
        Pieces and frames at which their excerpts begin.
    """
    by_bank: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_bank.setdefault(piece.bank_name, []).append(piece)
    each = max(1, EXCERPTS // len(by_bank))
    chosen: list[tuple[Piece, int]] = []
    for of in list(by_bank.values())[:MOST_PIECES]:
        places = sorted((number * length, i) for i, piece in enumerate(of) for number in range(max(1, piece.n_frames // length)))
        later = [(start, i) for start, i in places if start and _begin_there(of[i], start, start + length)]
        # Openings first, then places evenly among the rest.
        rest = each - len(of)
        more = [later[int(k)] for k in np.linspace(0, len(later) - 1, min(rest, len(later))).round()] if rest > 0 and later else []
        chosen += [(of[i], start) for start, i in [*((0, i) for i in range(min(each, len(of)))), *more]]
    return chosen


def _begin_there(piece: Piece, start: int, stop: int) -> bool:
    """Whether notes begin in frames [start, stop)."""
    onset = piece.series.notes.onset_frame
    return bool(np.any((onset >= start) & (onset < stop)))


def _notes_of(piece: Piece, start: int, stop: int, config: WaveNetConfig) -> list[Note]:
    """The notes that begin between two frames, but for the last tenth of a second, seconds from ``start``."""
    frame_s = config.hop / config.sample_rate
    begin, end = start * frame_s, stop * frame_s
    return [
        replace(note, onset_s=note.onset_s - begin, offset_s=min(note.offset_s, end) - begin) for note in piece.notes if begin <= note.onset_s < end - 0.1
    ]


def _heard(name: str, played: np.ndarray, alone: np.ndarray, reference: np.ndarray, notes: Sequence[Note], sample_rate: int) -> Heard:
    ours, theirs = (fidelity(audio, reference, notes, sample_rate) for audio in (played, alone))
    f1 = [_onset_f1(audio, notes, sample_rate) for audio in (played, alone, reference)]
    return Heard(name, ours, theirs, *f1)


def _onset_f1(audio: np.ndarray, notes: Sequence[Note], sample_rate: int) -> float:
    """F1 of the onsets that a transcriber hears, within 50 ms; 0 where there is no note to hear."""
    heard = [note for note in notes if LOWEST <= note.pitch <= HIGHEST]
    found = transcribe(Waveform(audio / max(1.0, float(np.abs(audio).max(initial=0.0))), sample_rate)) if heard else ()
    return onset_scores(heard, found)["note_f1_50ms"] if heard else 0.0


def summary(heard: Sequence[Heard]) -> dict[str, float]:
    """Means over the banks, for a log."""
    return {
        "distance_db": float(np.mean([h.network.distance_db for h in heard])),
        "distance_db_source_alone": float(np.mean([h.source_alone.distance_db for h in heard])),
        "level_db": float(np.mean([h.network.level_db for h in heard])),
        "missing": float(np.mean([h.network.missing for h in heard])),
        "note_f1_50ms": float(np.mean([h.f1 for h in heard])),
        "source_alone_note_f1_50ms": float(np.mean([h.f1_source_alone for h in heard])),
        "ceiling_note_f1_50ms": float(np.mean([h.f1_reference for h in heard])),
        "cost": float(np.mean([h.cost for h in heard])),
    } | {f"distance_db/{h.name}": h.network.distance_db for h in heard}
