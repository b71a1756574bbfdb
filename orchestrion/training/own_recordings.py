"""Labels the recordings of a user that lack notes, and says what there is to train on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrion.datasets.catalogue import open_recordings
from orchestrion.datasets.checking.inventory import Inventory
from orchestrion.datasets.recordings.aligned import AlignedPiece, AlignedSet, without_notes
from orchestrion.datasets.records import SOUNDFONT
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.coverage import draw_coverage
from orchestrion.files import lock, make_folder, write_json
from orchestrion.labelling.methods import AUTOMATIC, METHODS
from orchestrion.labelling.recordings import label_recordings
from orchestrion.terminal import plural

LABELS = "labels"
FIGURES, PICTURE = "material.json", "material.png"

Tell = Callable[[str], None]


def open_labelled(
    data: str | os.PathLike[str], run: Path, label: str | None, tell: Tell, *, sample_rate: int = 16000, hop: int = 64
) -> AlignedSet:
    """Open ``data``; with ``label``, recordings without notes are labelled first, into ``run/labels``.

    Args:
        sample_rate, hop: see `AlignedSet.open`.

    Raises:
        OrchestrionError: no such method, or recordings without notes and no method; what labelling and
            `AlignedSet.open` raise.
    """
    if label is None:
        return open_recordings(data, sample_rate=sample_rate, hop=hop)
    if label not in AUTOMATIC:
        raise OrchestrionError(f"Recordings without a score are labelled by {', '.join(AUTOMATIC)}, not by {label!r}.")
    if str(data).startswith(SOUNDFONT):
        raise OrchestrionError(f"{data} comes with its notes; leave --label away.")
    recordings, labels = without_notes(Path(data)), run / LABELS
    if not recordings:
        tell(f"All recordings in {os.fspath(data)} have notes; nothing is labelled.")
        return open_recordings(data, sample_rate=sample_rate, hop=hop)
    if METHODS[label].notice:
        tell(METHODS[label].notice)
    with lock(make_folder(labels) / ".lock"):  # of several processes one labels, the others find it done
        failed: list[Path] = []

        def fail(source: Path, error: OrchestrionError) -> None:
            failed.append(source)
            tell(f"Failed: {' '.join(str(error).split())}")

        made = label_recordings(recordings, labels, method=label, with_audio=False, failed=fail)
    if failed:
        raise OrchestrionError(f"{len(failed)} of {len(recordings)} recordings cannot be labelled; repair them, or take them out of {os.fspath(data)}.")
    tell(f"Labelled {plural(len(made), 'recording')} by {label}: {plural(sum(one.notes for one in made), 'note')}; look at the pictures in {labels}.")
    return open_recordings(data, labels=labels, sample_rate=sample_rate, hop=hop)


def report_inventory(
    train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece], run: Path, name: str, tell: Tell
) -> None:
    """Say what there is and what is missing; ``run/material.json`` and ``run/material.png`` show it."""
    if int(os.environ.get("RANK", "0")):
        return  # of several processes, the first one speaks for all
    there = Inventory.of(train, validation)
    for sentence in there.found():
        tell(sentence)
    for sentence in there.missing():
        tell(f"Missing or doubtful: {sentence}")
    write_json(run / FIGURES, there.to_dict())
    draw_coverage(run / PICTURE, there, name)
    tell(f"{run / PICTURE}  the pitches that are covered")
