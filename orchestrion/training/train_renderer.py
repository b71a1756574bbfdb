"""Train a WaveNet instrument on recordings with their notes: what ``orchestrion train renderer`` calls."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from orchestrion.datasets.banks.instruments import INSTRUMENTS
from orchestrion.datasets.recordings.aligned import AlignedPiece, AlignedSet
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.datasets.records import SOUNDFONT
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import PRESETS, UNDRIVEN, WaveNetConfig
from orchestrion.renderer.instrument import Instrument
from orchestrion.training.own_recordings import open_labelled, report_inventory
from orchestrion.training.renderer_task import RendererSettings, RendererTask
from orchestrion.training.runs import claim, fit, released_if_refused
from orchestrion.training.settings import LoopSettings

PIANOS = 8  # programs of General MIDI, from 0


def train_renderer(
    data: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    preset: str = "medium",
    unconditioned: bool = False,
    stretched: bool | None = None,
    start_from: str | os.PathLike[str] | None = None,
    history_gain_db: float = 0.0,
    rest_share: float = 0.0,
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
        stretched: for pianos, the excitation's harmonics are stretched as theirs; None: where the set is a SoundFont's piano,
            and on recordings as of the instrument it starts from.
        start_from: an instrument (shipped, or a weights file) of the same preset whose weights the training begins
            with: a small set of recordings goes much further from a related instrument than from nothing.
        history_gain_db: see `RendererSettings`; 15 or so for smooth tones.
        rest_share: see `RendererSettings`; 0.05 or so where notes ring on in rests.
        loop: length, learning rate, precision, …
        crops: what a batch is made of; by default clean SoundFont audio is left as it is and real recordings are
            varied in gain and polarity.
        resume: go on in a ``run`` that was stopped; its settings must be the same but for the length.
        label: how to label recordings without notes (`labelling.methods.AUTOMATIC`), into ``run/labels``; None refuses
            them.
        tell: is called with each sentence about the material.

    Raises:
        OrchestrionError: rests without a score, no such data, preset or instrument to start from, ``run`` is in use by another training, or no end was given.
    """
    if preset not in PRESETS:
        raise OrchestrionError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    if unconditioned and rest_share:
        raise OrchestrionError("Without a score there are no rests to learn; leave out --rests or --unconditioned.")
    program = _soundfont_program(data)
    parent = None if start_from is None else Instrument.load(start_from)
    if stretched is None:
        stretched = program < PIANOS if program is not None else parent is not None and parent.config.stretched
    config = dataclasses.replace(UNDRIVEN.get(preset, PRESETS[preset]), stretched=stretched)
    config = config.unconditioned() if unconditioned else config
    crops = crops or (RendererSettings() if program is not None else RendererSettings(gain_db=3.0, polarity=True))
    crops = dataclasses.replace(
        crops,
        history_gain_db=history_gain_db or crops.history_gain_db,
        rest_share=rest_share or crops.rest_share,
    )
    folder = Path(run)
    beginning = None if parent is None else _weights_to_start_from(parent, config)
    claim(folder, resume, _record(data, preset, config, loop, crops) | {"start_from": _text(start_from), "label": label})
    with released_if_refused(folder, resume):
        recordings = open_labelled(data, folder, label, tell)
        train, validation = divided(recordings)
        report_inventory(train, validation, folder, recordings.name, tell)
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


def _soundfont_program(data: str | os.PathLike[str]) -> int | None:
    """The General MIDI program of a set made from a SoundFont, by name or in a folder; None of any other."""
    source, program = str(data), None
    if not source.startswith(SOUNDFONT):
        information = read_json_object(Path(data) / "dataset.json")
        source, program = str(information.get("source")), information.get("program")
    if not source.startswith(SOUNDFONT):
        return None
    known = INSTRUMENTS.get(source.removeprefix(SOUNDFONT))
    return known.program if known else program if isinstance(program, int) else 0


def _weights_to_start_from(parent: Instrument, config: WaveNetConfig) -> dict[str, torch.Tensor]:
    """The parent's; harmonics of the excitation that it does not know yet begin with weights of zero."""
    c = parent.config
    alike = dataclasses.replace(config, harmonics=c.harmonics, stretched=c.stretched)
    if alike != c or c.harmonics > config.harmonics:
        raise OrchestrionError(f"{parent.name} has another size or kind of network; start from one of the same preset.")
    weights = parent.model.state_dict()
    missing = 2 * (config.harmonics - c.harmonics)
    return weights | {"w_exc": torch.nn.functional.pad(weights["w_exc"], (0, 0, 0, missing))} if missing else weights


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
