"""``orchestrion.data``: as ``orchestrion data``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from orchestrion.api.texts import takes_texts
from orchestrion.cluster import Cluster
from orchestrion.datasets import download as downloading
from orchestrion.datasets.banks import soundfont as fluidsynth
from orchestrion.datasets.catalogue import source as info
from orchestrion.datasets.catalogue import sources as list
from orchestrion.datasets.catalogue import summary
from orchestrion.datasets.checking.validating import Verdict, validate_prepared
from orchestrion.datasets.corpora.json_corpus import prepare_scores
from orchestrion.datasets.dataset import initialise
from orchestrion.datasets.layouts.musicnet_statistics import statistics
from orchestrion.datasets.recordings import prepare as preparing
from orchestrion.datasets.recordings import songs
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.recordings.tracks import Selection
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.labelling.recordings import label_recordings as label

__all__ = [
    "check", "download", "info", "label", "list", "prepare", "prepare_scores", "prepare_songs", "shard", "soundfont", "statistics",
    "validate",
]  # fmt: skip
PathLike = str | os.PathLike[str]
prepare_songs, shard = takes_texts(songs.prepare_songs), takes_texts(preparing.shard)


def check(folder: PathLike) -> dict[str, object]:
    """Figures of a folder of recordings with notes, every file of which is read.

    Raises:
        OrchestrionError: it cannot be trained on.
    """
    return summary(AlignedSet.open(folder))


def download(name: str, output: PathLike, *, keep_packed: bool = False) -> Sequence[Path]:
    """Fetch the data set ``name`` from its authors, check it and unpack it; its files.

    Raises:
        OrchestrionError: no such set, no room, or a transfer that failed; again, it goes on where it was.
    """
    return downloading.download_all(info(name), Path(output), unpack=not keep_packed)


@takes_texts
def prepare(
    name: str,
    folder: PathLike,
    output: PathLike,
    *,
    rate: int = 16_000,
    instrument: str | None = None,
    ensemble: str | None = None,
    collection: str | None = None,
    work: str | None = None,
    validation: Sequence[str] = (),
    licence: str = "unknown",
    cluster: Cluster | None = None,
) -> dict[str, object]:
    """Make a training set of the known data set ``name`` that lies in ``folder``; its figures.

    Plain songs are prepared by `prepare_songs`, scores by `prepare_scores`. What of the set is taken (instrument, ensemble, collection, work)
    is said as in `orchestrion.datasets.recordings.tracks.Selection`.

    Args:
        rate: samples a second.
        validation: pieces to hold out instead of the authors'.
        cluster: makes the pieces, on machines that see the same files (`orchestrion.cluster.connected`).

    Raises:
        OrchestrionError: no such set, or nothing of it is there.
    """
    dataset = initialise(name, folder, Selection(instrument, ensemble, collection, work))
    made = dataset.prepare(output, rate, validation, licence=licence, cluster=cluster)
    return summary(made) | {"left_out": read_json_object(Path(output) / "dataset.json").get("left_out", {})}


@takes_texts
def soundfont(
    instrument: str, output: PathLike, *, minutes: float | None = None, seed: int = 0, path: PathLike | None = None
) -> dict[str, object]:
    """Make training audio of a General MIDI instrument with FluidSynth, from scores and exercises; its figures.

    Args:
        minutes: of audio; None for what suits the instrument.
        path: of the SoundFont; None for FluidR3_GM where Debian puts it.

    Raises:
        OrchestrionError: no such instrument, program or SoundFont.
    """
    return check(fluidsynth.make(instrument, output, minutes, seed, path))


def validate(
    folder: PathLike,
    name: str | None = None,
    *,
    instrument: str | None = None,
    ensemble: str | None = None,
    collection: str | None = None,
    work: str | None = None,
) -> Sequence[Verdict]:
    """Listen to every recording of a prepared set, or of the data set ``name`` as published, and compare it with its notes.

    Raises:
        OrchestrionError: no such set.
    """
    if name is None:
        return validate_prepared(folder)
    return initialise(name, folder, Selection(instrument, ensemble, collection, work)).validate()
