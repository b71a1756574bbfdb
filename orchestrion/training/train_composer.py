"""Train a composer on scores: what ``orchestrion train composer`` calls."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from orchestrion.composer.compose import Composer
from orchestrion.composer.config import preset as preset_named
from orchestrion.errors import OrchestrionError
from orchestrion.training.composer_task import ComposerTask
from orchestrion.training.runs import claim, fit
from orchestrion.training.settings import LoopSettings


def train_composer(
    data: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    preset: str = "repo",
    start_from: str | os.PathLike[str] | None = None,
    loop: LoopSettings,
    batch: int = 8,
    crop_steps: int = 128,
    forget: float = 0.0,
    resume: bool = False,
) -> dict[str, float]:
    """Train in folder ``run`` and return the last validation's measures; ``run/model.safetensors`` is the composer.

    Args:
        data: ``melodies``, ``chorales``, a folder of scores, or a ``.mat`` file of piano rolls.
        preset: a name in ``composer.config.PRESETS``, or ``compact`` (completed by the name of the data).
        start_from: a composer (shipped, or a weights file) of the same sizes whose weights the training begins with;
            its range of pitches may differ, since the network is the same for every pitch.
        loop: length, learning rate, precision, …
        batch, crop_steps: crops an update, and their length in sixteenths.
        forget: share of the notes that are missing in the past; see `ComposerTask`.
        resume: go on in a ``run`` that was stopped; its settings must be the same but for the loop's.

    Raises:
        OrchestrionError: no such data or preset, a composer of other sizes to start from, ``run`` is in use by another
            training, or no piece fits the preset.
    """
    config = preset_named(preset, str(data))
    folder = Path(run)
    record = {
        "kind": "composer",
        "data": str(data),
        "preset": preset,
        "config": config.to_dict(),
        "loop": dataclasses.asdict(loop),
        "crops": {"batch": batch, "crop_steps": crop_steps, "forget": forget},
        "start_from": None if start_from is None else os.fspath(start_from),
    }
    task = ComposerTask(config, str(data), crop_steps=crop_steps, batch=batch, forget=forget, seed=loop.seed)
    if start_from is not None:
        _begin_with(start_from, task)
    claim(folder, resume, record)
    return fit(task, folder, loop, resume)


def _begin_with(start_from: str | os.PathLike[str], task: ComposerTask) -> None:
    parent = Composer.load(start_from).model.state_dict()
    if {name: t.shape for name, t in parent.items()} != {name: t.shape for name, t in task.model.state_dict().items()}:
        raise OrchestrionError(f"{start_from} has another size of network; start from one of the same sizes.")
    task.model.load_state_dict(parent)
