"""Train a composer on scores: what ``orchestrion train composer`` calls."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import torch

from orchestrion.composer.compose import Composer
from orchestrion.composer.config import BAR_CLOCK, CHORD_WIDTH, CLOCK_WIDTHS, FORM_CLOCK, NEAR, ComposerConfig
from orchestrion.composer.config import preset as preset_named
from orchestrion.errors import OrchestrionError
from orchestrion.training.composer_task import ComposerTask
from orchestrion.training.runs import check_installed, claim, fit
from orchestrion.training.settings import LoopSettings

FIRST_INPUTS, NOTE_INPUTS = "time_axis.0.w_in", "note_axis.0.w_in"


def train_composer(
    data: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    preset: str = "repo",
    start_from: str | os.PathLike[str] | None = None,
    loop: LoopSettings,
    batch: int = 4,
    crop_steps: int = 64,
    forget: float = 0.0,
    transpose: int = 6,
    dropout: float | None = None,
    validation_pieces: int | None = None,
    resume: bool = False,
) -> dict[str, float]:
    """Train in folder ``run`` and return the last validation's measures; ``run/model.safetensors`` is the composer.

    Args:
        data: ``melodies``, ``chorales``, ``quartets``, a folder of scores, or a ``.mat`` file of piano rolls.
        preset: a name in ``composer.config.PRESETS``, or ``compact`` (completed by the name of the data).
        start_from: a composer (shipped, or a weights file) of the same sizes whose weights the training begins with;
            its range of pitches may differ, since the network is the same for every pitch, and it may lack memories,
            the plan, foresight and the chord.
        loop: length, learning rate, precision, …
        batch, crop_steps: crops an update, and their length in sixteenths.
        forget: share of the notes that are missing in the past; see `ComposerTask`.
        transpose: semitones by which crops are moved either way; see `ComposerTask`.
        dropout: share of the units that are silent in training; None for the preset's.
        validation_pieces: how many held-out pieces are scored while training; None for all.
        resume: go on in a ``run`` that was stopped; its settings must be the same but for the loop's.

    Raises:
        OrchestrionError: no such data or preset, a composer of other sizes to start from, ``run`` is in use by another
            training, or no piece fits the preset.
    """
    check_installed()
    config = preset_named(preset, str(data))
    if dropout is not None:
        config = dataclasses.replace(config, dropout=dropout)
    folder = Path(run)
    record = {
        "kind": "composer",
        "data": str(data),
        "preset": preset,
        "config": config.to_dict(),
        "loop": dataclasses.asdict(loop),
        "crops": {"batch": batch, "crop_steps": crop_steps, "forget": forget, "transpose": transpose},
        "start_from": None if start_from is None else os.fspath(start_from),
    }
    task = ComposerTask(
        config, str(data), crop_steps=crop_steps, batch=batch, forget=forget, transpose=transpose, seed=loop.seed,
        validation_pieces=validation_pieces,
    )  # fmt: skip
    if start_from is not None:
        _begin_with(start_from, task)
    claim(folder, resume, record)
    return fit(task, folder, loop, resume)


def _begin_with(start_from: str | os.PathLike[str], task: ComposerTask) -> None:
    """Take over weights; inputs that the parent lacks are not heard at first (zero), and axes that it lacks begin as they are."""
    parent, own = Composer.load(start_from), task.model.state_dict()
    known = parent.model.state_dict()
    if task.config.hears_chord and not parent.config.hears_chord:
        known[NOTE_INPUTS] = torch.nn.functional.pad(known[NOTE_INPUTS], (0, CHORD_WIDTH))
    same = {name: t.shape for name, t in own.items() if name in known and name != FIRST_INPUTS}
    if (parent.config.time_sizes, parent.config.note_sizes) != (task.config.time_sizes, task.config.note_sizes) or any(
        known[name].shape != shape for name, shape in same.items()
    ):
        raise OrchestrionError(f"{start_from} has another size of network; start from one of the same sizes.")
    known[FIRST_INPUTS] = _widened(known[FIRST_INPUTS], parent.config, task.config, start_from)
    task.model.load_state_dict(own | known)


def _widened(
    weights: torch.Tensor, parent: ComposerConfig, config: ComposerConfig, name: str | os.PathLike[str]
) -> torch.Tensor:
    """Weights [4u, inputs] of a network with the inputs of ``config``, of which ``parent`` has the first of each kind."""
    if parent.clock != config.clock and (parent.clock, config.clock) != (BAR_CLOCK, FORM_CLOCK):
        raise OrchestrionError(f"{name} reads another clock; start from one that reads the same.")
    if parent.spare_input != config.spare_input or parent.n_inputs > config.n_inputs:
        raise OrchestrionError(f"{name} has other inputs; start from one that has the same, or fewer.")
    wide = weights.new_zeros(len(weights), config.n_inputs)
    upto = 1 + 12 + 2 * NEAR + 12 + CLOCK_WIDTHS[parent.clock]
    wide[:, :upto] = weights[:, :upto]
    heard = [(c.lags_bars, c.hears_plan, c.matches, c.foresight) for c in (parent, config)]
    if heard[0] == heard[1]:
        wide[:, upto:] = weights[:, upto:]
    return wide
