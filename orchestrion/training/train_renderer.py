"""Train a WaveNet instrument on recordings with their notes: what ``orchestrion train renderer`` calls.

Presets that a harmonic source drives are trained by `train_driven`; here are the paper's network and those without a score.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from orchestrion.datasets.banks.instruments import INSTRUMENTS
from orchestrion.datasets.banks.opening import is_bank
from orchestrion.datasets.recordings.aligned import AlignedPiece, AlignedSet
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.datasets.records import SOUNDFONT
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.options import Crops, Training
from orchestrion.renderer.config import PRESETS, UNDRIVEN, WaveNetConfig
from orchestrion.renderer.instrument import Instrument
from orchestrion.training.own_recordings import open_labelled, report_inventory
from orchestrion.training.renderer_task import RendererTask
from orchestrion.training.runs import check_installed, claim, fit, released_if_refused
from orchestrion.training.settings import LoopSettings, settled
from orchestrion.training.train_driven import train_driven

PIANOS = 8  # programs of General MIDI, from 0


def train_renderer(
    data: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    preset: str = "medium",
    unconditioned: bool = False,
    stretched: bool | None = None,
    start_from: str | os.PathLike[str] | None = None,
    loop: LoopSettings,
    crops: Crops | None = None,
    resume: bool = False,
    label: str | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    config: WaveNetConfig | None = None,
    listen: bool = True,
) -> dict[str, float]:
    """Train in folder ``run`` and return the last validation's measures; ``run/model.safetensors`` is the instrument.

    Before it begins, what there is to train on is told, and written into the run: ``material.json`` and
    ``material.png``, the pitches that are covered.

    Args:
        data: a folder of recordings with notes (NAME.tsv or NAME.mid beside NAME.flac), or ``soundfont:NAME``. Of a single
            recording the end is held out.
        preset: a name in ``renderer.config.PRESETS``.
        unconditioned: leave the score away: the generator to compare with.
        config: sizes in place of the preset's.
        stretched: for pianos, the excitation's harmonics are stretched as theirs; None: where the set is a SoundFont's piano,
            and on recordings as of the instrument it starts from.
        start_from: an instrument (shipped, or a weights file) of the same preset whose weights the training begins
            with: a small set of recordings goes much further from a related instrument than from nothing.
        loop: length, learning rate, precision, …
        crops: what a batch is made of.
        resume: go on in a ``run`` that was stopped; its settings must be the same but for the length.
        label: how to label recordings without notes (`labelling.methods.AUTOMATIC`), into ``run/labels``; None refuses
            them.
        tell: is called with each sentence about the material.
        listen: at validations, also play a held-out opening and count its notes, which takes a processor minutes in a large network.

    Raises:
        OrchestrionError: rests without a score, no such data, preset or instrument to start from, ``run`` is in use by another training, or no end was given.
    """
    if preset not in PRESETS:
        raise OrchestrionError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    crops = crops or Crops()
    if unconditioned and crops.rest_share:
        raise OrchestrionError("Without a score there are no rests to learn; leave out --rests or --unconditioned.")
    program = _soundfont_program(data)
    parent = None if start_from is None else Instrument.load(start_from)
    if stretched is None:
        stretched = program < PIANOS if program is not None else parent is not None and parent.config.stretched
    config = dataclasses.replace(config or UNDRIVEN.get(preset, PRESETS[preset]), stretched=stretched)
    config = config.unconditioned() if unconditioned else config
    is_real = program is None
    crops = dataclasses.replace(
        crops,
        gain_db=(3.0 if is_real else 0.0) if crops.gain_db is None else crops.gain_db,
        polarity=is_real if crops.polarity is None else crops.polarity,
    )
    folder = Path(run)
    beginning = None if parent is None else _weights_to_start_from(parent, config)
    is_new = claim(folder, resume, _record(data, preset, config, loop, crops) | {"start_from": _text(start_from), "label": label})
    with released_if_refused(folder, resume, is_new=is_new):
        recordings = open_labelled(data, folder, label, tell)
        train, validation = divided(recordings)
        report_inventory(train, validation, folder, recordings.name, tell)
        task = RendererTask(
            config, train, validation, crops,
            seed=loop.seed, provenance=provenance(recordings, train, config), listen=listen,
        )  # fmt: skip
    if beginning is not None:
        task.model.load_state_dict(beginning)
        task.provenance["start_from"] = _text(start_from)
    return fit(task, folder, loop, resume)


def train_instrument(
    data: Sequence[str | os.PathLike[str]],
    run: str | os.PathLike[str],
    training: Training | None = None,
    crops: Crops | None = None,
    *,
    preset: str = "medium",
    unconditioned: bool = False,
    stretched: bool | None = None,
    start_from: str | os.PathLike[str] | None = None,
    resume: bool = False,
    label: str | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, float]:
    """`train_driven` where a harmonic source drives the network (presets small and medium), else `train_renderer`.

    Raises:
        OrchestrionError: as these, or what is asked is for the other kind of network or data.
    """
    check_installed()
    loop = settled(training or Training(), compile=can_compile())
    if preset not in PRESETS:
        raise OrchestrionError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    if PRESETS[preset].source_window and not unconditioned:
        if (crops or Crops()) != Crops():
            raise OrchestrionError("--history-gain and --rests are for networks without a harmonic source: --preset paper and --unconditioned.")
        if all(map(is_bank, data)) and (label or stretched is not None):
            raise OrchestrionError("--label and --stretched are for recordings, not for single notes.")
        return train_driven(
            data, run, preset=preset, start_from=start_from, loop=loop, resume=resume, label=label, stretched=stretched, tell=tell
        )
    if len(data) > 1:
        raise OrchestrionError("Several sets make one network only where a harmonic source drives it: not with --preset paper or --unconditioned.")
    return train_renderer(
        data[0], run, preset=preset, unconditioned=unconditioned, stretched=stretched, start_from=start_from, loop=loop,
        crops=crops, resume=resume, label=label, tell=tell,
    )  # fmt: skip


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
    data: str | os.PathLike[str], preset: str, config: WaveNetConfig, loop: LoopSettings, crops: Crops
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
