"""Measures a back-end's model on a prepared set: held-out loss, and whether its free-running audio keeps going."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from orchestrion import header
from orchestrion.audio import Waveform
from orchestrion.cluster import Cluster, in_order, shared
from orchestrion.datasets.recordings.recording import Recording
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.meters.settling import ALIKE, likeness, measure_settling
from orchestrion.generators.files import held_by
from orchestrion.generators.generating import LoadedModel
from orchestrion.generators.table import backend_named
from orchestrion.options import Generating
from orchestrion.progress import progress
from orchestrion.training.backend_task import check_rate, losses, mean_of
from orchestrion.training.clips import Clips

BATCHES_A_CALL = 8  # on a cluster
LEVEL_DB = 10.0  # from the songs' own, within which a generator keeps its level


class BackendMeasures(TypedDict):
    """See `evaluate_backend`."""

    loss: float
    unit: str
    examples: int
    level_db: list[float]
    likeness: float
    likeness_of_draws: float
    repetition: float
    keeps_level: bool
    heeds_its_seed: bool
    moves_on: bool
    trained: dict[str, object]


def evaluate_backend(
    backend: str,
    data: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    *,
    split: str = "validation",
    seconds: float = 10.0,
    temperature: float | None = None,
    seed: int = 0,
    cluster: Cluster | None = None,
) -> BackendMeasures:
    """Loss on the songs of a split, and the free-running end of four continuations.

    Three begin with two places in the songs and with noise, and draw the same numbers; one draws others.

    Args:
        model: as in `orchestrion.generate`.
        seconds: of each continuation.
        cluster: computes the losses and makes the continuations, on machines that see the same files.

    Returns:
        ``loss`` and its ``unit``, over ``examples``; ``level_db`` of the second half of the quietest and the loudest
        continuation against the songs; ``likeness`` of the two most alike that differ in what they continue alone (1: it is
        not heard), ``likeness_of_draws`` of two that differ in the seed's number alone (1: nothing is drawn);
        ``repetition`` of the one that repeats itself most (see `evaluation.meters.settling`); ``keeps_level``, ``heeds_its_seed``, ``moves_on``; and of the
        training ``steps``, ``examples`` and ``seconds_of_audio`` where the file knows them.

    Raises:
        OrchestrionError: no such back-end or model, one of another back-end, or a set at another rate or without songs.
    """
    loaded = LoadedModel.load(backend, model)
    generator, songs = loaded.generator, SongSet.open(data).split(split)
    check_rate(backend, generator, songs)
    if not songs:
        raise OrchestrionError(f"The set {os.fspath(data)} has no songs in its split {split}.")
    clips = Clips(songs, generator.clip_samples)
    if cluster is not None:
        cluster.must_see(*(song.audio.path for song in songs))
    n, model_there = clips.n_batches(), shared(cluster, loaded)
    runs = [range(first, min(first + BATCHES_A_CALL, n)) for first in range(0, n, BATCHES_A_CALL)]
    with progress(len(runs), "Measuring the songs") as advance:
        loss = mean_of(itertools.chain(*in_order(cluster, _losses, ((model_there, clips, batches) for batches in runs), advance)))
    one, other = _openings(songs, generator.sample_rate)
    begun = [(one, seed), (other, seed), ("noise", seed), (one, seed + 1)]
    wishes = [Generating.of(seconds=seconds, seed_audio=opening, seed=number, temperature=temperature) for opening, number in begun]
    made = in_order(cluster, LoadedModel.generate, ((model_there, wish) for wish in wishes))
    usual_db = _db(np.concatenate([song.samples() for song in songs]))
    levels = [_db(sound.samples[len(sound.samples) // 2 :]) - usual_db for sound in made]
    by_opening = max(likeness(first, second) for first, second in itertools.combinations(made[:3], 2))
    by_number = likeness(made[0], made[3])
    settling = max((measure_settling(sound) for sound in made), key=lambda meter: meter.repetition)
    trained = held_by(header.read(loaded.path), loaded.path).get("training")
    return {
        "loss": loss, "unit": backend_named(backend).unit, "examples": len(clips),
        "level_db": [round(min(levels), 1), round(max(levels), 1)], "likeness": round(by_opening, 4),
        "likeness_of_draws": round(by_number, 4),
        "repetition": round(settling.repetition, 5),
        "keeps_level": max(map(abs, levels)) <= LEVEL_DB, "heeds_its_seed": min(by_opening, by_number) < ALIKE, "moves_on": not settling.found,
        "trained": trained if isinstance(trained, dict) else {},
    }  # fmt: skip


def _losses(loaded: LoadedModel, clips: Clips, batches: range) -> list[tuple[float, int]]:
    return losses(loaded.generator, clips, batches=batches)


def _openings(songs: Sequence[Recording], rate: int) -> list[Waveform]:
    """Up to ten seconds from the beginning of the longest song, and from its second half."""
    song = max(songs, key=lambda each: each.n_samples)
    length = min(10 * rate, song.n_samples // 2)
    starts = (0, song.n_samples // 2)
    return [Waveform(song.samples(start, start + length), rate) for start in starts]


def _db(samples: np.ndarray) -> float:
    return 10 * math.log10(max(float(np.square(samples, dtype=np.float64).mean()), 1e-12))
