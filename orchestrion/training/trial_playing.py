"""Free-running playing of held-out pieces during a training: what decides which weights are kept."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.bridge.source import HarmonicSource, SourceSignal
from orchestrion.datasets.banks.mixing import MixedPiece
from orchestrion.evaluation.judge.fidelity import Fidelity, fidelity
from orchestrion.randomness import stream_key
from orchestrion.renderer.deemphasis import decode
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.sampler import perform, prepare
from orchestrion.renderer.task import Task

LISTEN_S = 6.0
MOST_PIECES = 24
TEMPERATURE = 0.7  # of the mixture: at 1 softest notes may ring on as noise, and clean instruments hiss


@dataclass(frozen=True)
class Heard:
    """A held-out piece as it was played: by the network, and by its source alone, each against the instrument's own notes."""

    name: str
    network: Fidelity
    source_alone: Fidelity


def play_held_out(
    model: WaveNet, pieces: Sequence[MixedPiece], sources: Mapping[str, HarmonicSource], *, seed: int = 0, seconds: float = LISTEN_S
) -> list[Heard]:
    """Play the opening of the first held-out piece of every bank, all at once.

    Args:
        sources: the tables of every bank, by its name.
    """
    chosen: dict[str, MixedPiece] = {}
    for piece in pieces:
        chosen.setdefault(piece.bank_name, piece)
    c, tasks, openings = model.config, [], []
    _, packed = prepare(model)
    for number, (name, piece) in enumerate(list(chosen.items())[:MOST_PIECES]):
        n_frames = min(piece.n_frames, round(seconds * c.sample_rate / c.hop))
        player = copy.copy(model)
        player.source = sources[name]
        series = piece.series.crop_frames(0, n_frames)
        tasks.append(Task(Conditioner(player, packed, series, TEMPERATURE), VoiceState.silent(packed, int(stream_key(seed, number)))))
        openings.append((name, piece, n_frames, SourceSignal(series, sources[name]).samples(0, n_frames)))
    heard = []
    for codes, (name, piece, n_frames, alone) in zip(perform(tasks), openings, strict=True):
        reference = piece.mix(0, n_frames).samples
        notes = [note for note in piece.notes if note.onset_s < n_frames * c.hop / c.sample_rate - 0.1]
        ours, theirs = (fidelity(audio, reference, notes, c.sample_rate) for audio in (decode(codes, c.coding), alone))
        heard.append(Heard(name, ours, theirs))
    return heard


def summary(heard: Sequence[Heard]) -> dict[str, float]:
    """Means over the banks, for a log."""
    return {
        "distance_db": float(np.mean([h.network.distance_db for h in heard])),
        "distance_db_source_alone": float(np.mean([h.source_alone.distance_db for h in heard])),
        "level_db": float(np.mean([h.network.level_db for h in heard])),
        "missing": float(np.mean([h.network.missing for h in heard])),
    } | {f"distance_db/{h.name}": h.network.distance_db for h in heard}
