"""Train a WaveNet instrument on recordings with their notes: what ``orchestrion train renderer`` calls."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from orchestrion.datasets.aligned import AlignedPiece, AlignedSet
from orchestrion.datasets.catalogue import SOUNDFONT
from orchestrion.datasets.holdout import divided
from orchestrion.datasets.instruments import INSTRUMENTS
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.renderer.instrument import Instrument
from orchestrion.training.material import open_labelled, report_material
from orchestrion.training.renderer_task import RendererSettings, RendererTask
from orchestrion.training.runs import claim, fit, released_if_refused
from orchestrion.training.settings import LoopSettings


def train_renderer(
    data: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    preset: str = "medium",
    unconditioned: bool = False,
    start_from: str | os.PathLike[str] | None = None,
    history_gain_db: float = 0.0,
    loop: LoopSettings,
    crops: RendererSettings | None = None,
    resume: bool = False,
    label: str | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, float]:
    """Train in folder ``run`` and return the last validation's measures; ``run/model.safetensors`` is the instrument.

    Before it begins, what there is to train on is told, and written into the run: ``material.json`` and
    ``material.png``, the pitches that are covered.

    Args:
        data: a folder of recordings with notes (NAME.tsv or NAME.mid beside NAME.flac), or ``soundfont:NAME``. Of a single
            recording the end is held out.
        preset: a name in ``renderer.config.PRESETS``.
        unconditioned: leave the score away: the generator to compare with.
        start_from: an instrument (shipped, or a weights file) of the same preset whose weights the training begins
            with: a small set of recordings goes much further from a related instrument than from nothing.
        history_gain_db: see `RendererSettings`; 15 or so for smooth tones.
        loop: length, learning rate, precision, …
        crops: what a batch is made of; by default clean SoundFont audio is left as it is and real recordings are
            varied in gain and polarity.
        resume: go on in a ``run`` that was stopped; its settings must be the same but for the length.
        label: how to label recordings without notes (`labelling.methods.AUTOMATIC`), into ``run/labels``; None refuses
            them.
        tell: is called with each sentence about the material.

    Raises:
        OrchestrionError: no such data, preset or instrument to start from, ``run`` is in use by another training, or no end was given.
    """
    if preset not in PRESETS:
        raise OrchestrionError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    config = PRESETS[preset].unconditioned() if unconditioned else PRESETS[preset]
    made = str(data).startswith(SOUNDFONT)
    crops = crops or (RendererSettings() if made else RendererSettings(gain_db=3.0, polarity=True))
    crops = dataclasses.replace(crops, history_gain_db=history_gain_db) if history_gain_db else crops
    folder = Path(run)
    beginning = None if start_from is None else _weights_to_start_from(start_from, config)
    claim(folder, resume, _record(data, preset, config, loop, crops) | {"start_from": _text(start_from), "label": label})
    with released_if_refused(folder, resume):
        recordings = open_labelled(data, folder, label, tell)
        train, validation = divided(recordings)
        report_material(train, validation, folder, recordings.name, tell)
        task = RendererTask(
            config, train, validation, crops,
            seed=loop.seed, provenance=provenance(recordings, train, config),
        )  # fmt: skip
    if beginning is not None:
        task.model.load_state_dict(beginning)
        task.provenance["start_from"] = _text(start_from)
    return fit(task, folder, loop, resume)


def provenance(recordings: AlignedSet, train: Sequence[AlignedPiece], config: WaveNetConfig) -> dict[str, object]:
    """What the weights file will say of the set: its source, licence, minutes, and the range of its notes."""
    minutes = sum(piece.duration_s for piece in train) / 60
    low, high = _pitch_range(train)
    program = next((i.program for name, i in INSTRUMENTS.items() if name == recordings.name), 0)
    return {
        "data": dict(recordings.information) | {"name": recordings.name, "training_minutes": round(minutes, 1)},
        "licence": str(recordings.information.get("licence", "unknown")),
        "pitch_range": [max(low, config.pitch_low), min(high, config.pitch_high)],
        "program": program,
    }


def _weights_to_start_from(start_from: str | os.PathLike[str], config: WaveNetConfig) -> dict[str, torch.Tensor]:
    parent = Instrument.load(start_from)
    if parent.config != config:
        raise OrchestrionError(f"{parent.name} has another size or kind of network; start from one of the same preset.")
    return parent.model.state_dict()


def _text(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def can_compile() -> bool:
    """Whether torch.compile has what it needs: a GPU, or a C++ compiler."""
    return torch.cuda.is_available() or any(shutil.which(name) for name in ("c++", "g++", "clang++"))


def _record(
    data: str | os.PathLike[str], preset: str, config: WaveNetConfig, loop: LoopSettings, crops: RendererSettings
) -> dict[str, object]:
    return {
        "kind": "renderer",
        "data": str(data),
        "preset": preset,
        "config": config.to_dict(),
        "loop": dataclasses.asdict(loop),
        "crops": dataclasses.asdict(crops),
    }


def _pitch_range(pieces: Sequence[AlignedPiece]) -> tuple[int, int]:
    pitches = [note.pitch for piece in pieces for note in piece.notes]
    return min(pitches, default=0), max(pitches, default=127)
