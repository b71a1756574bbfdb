"""Weights files of back-ends: written with the config in the header, checked when read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from orchestrion import header, shipped, weights
from orchestrion.errors import OrchestrionError, said_by
from orchestrion.generators.generator import Generator
from orchestrion.generators.residual import YOUNGER
from orchestrion.generators.table import BACKENDS, WAVENET
from orchestrion.generators.wavenet import WaveNetGenerator
from orchestrion.quantised import restored
from orchestrion.renderer.instrument import NETWORK, Instrument
from orchestrion.renderer.sourcefile import SOURCE

ARCHITECTURE = "generator"
AVERAGE = "average."
MAX_CHECKPOINT = 16 << 30
LEAST_LEVEL, MOST_LEVEL = 1e-6, 1e3


def load_generator(name_or_path: str | os.PathLike[str]) -> Generator:
    """A shipped model by name, or any weights file that ``orchestrion train`` wrote, instruments and checkpoints included.

    Raises:
        OrchestrionError: no such model, or a file that is damaged or not a generator's; see ``orchestrion.weights``.
    """
    path = shipped.find(name_or_path)
    tensors, metadata = _model_in(path)
    if NETWORK in metadata or any(name.startswith(SOURCE) for name in tensors):
        return _driven(path)
    kind = BACKENDS[backend_of(metadata, path)]
    config = metadata.get("config")
    if not isinstance(config, dict):
        raise OrchestrionError(f"{path} carries no config; train it again.")
    try:
        sized = kind.config_of(config)
    except (OrchestrionError, TypeError) as error:
        raise OrchestrionError(f"{path} carries a config that cannot be used. {said_by(error, 300)}") from error
    model = weights.build(lambda: kind.network(sized), restored(tensors, path), path, younger=YOUNGER)
    _check_level(model, path)
    if "temperature" in metadata:
        model.temperature = float(str(metadata["temperature"]))
    return model.eval().requires_grad_(False)


def _check_level(model: Generator, path: Path) -> None:
    """Of the training audio, whose RMS samples are divided by."""
    for name, level in model.named_buffers():
        if name.split(".")[-1] == "level" and not LEAST_LEVEL <= float(level) <= MOST_LEVEL:
            raise OrchestrionError(f"{path} says that its training audio had an RMS of {float(level):g}; download or train it again.")


def _driven(path: Path) -> Generator:
    """An instrument with a harmonic source: its tables in one file, and its network there or in another."""
    instrument = Instrument.load(path)
    network = instrument.model
    model = WaveNetGenerator(network.config)
    model.load_state_dict(network.state_dict())
    model.source, model.temperature = network.source, instrument.temperature
    return model.eval().requires_grad_(False)


def _model_in(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Tensors and metadata of a weights file, or of the moving average in a training's checkpoint."""
    is_checkpoint = header.read(path).get("architecture") == header.CHECKPOINT
    tensors, metadata = weights.load(path, max_bytes=MAX_CHECKPOINT) if is_checkpoint else weights.load(path)
    if not is_checkpoint:
        return tensors, metadata
    average = {name.removeprefix(AVERAGE): tensor for name, tensor in tensors.items() if name.startswith(AVERAGE)}
    return average, held_by(metadata, path)


def held_by(metadata: Mapping[str, object], path: str | os.PathLike[str]) -> dict[str, object]:
    """What a file says of its model: ``metadata``, or of a checkpoint what it ``holds``.

    Raises:
        OrchestrionError: a checkpoint that does not say it.
    """
    if metadata.get("architecture") != header.CHECKPOINT:
        return dict(metadata)
    holds = metadata.get("holds")
    if not isinstance(holds, dict) or not holds:
        raise OrchestrionError(f"{os.fspath(path)} is a training's checkpoint of no back-end, or of an earlier version; name model.safetensors beside it.")
    return header.checked(path, holds)


def backend_of(metadata: Mapping[str, object], path: str | os.PathLike[str]) -> str:
    """Which back-end a weights file says it is of.

    Raises:
        OrchestrionError: it is of something else.
    """
    metadata = held_by(metadata, path)
    config = metadata.get("config")
    if metadata.get("architecture") == WAVENET and isinstance(config, dict):
        return "wavenet-unconditioned" if config.get("conditioning") == "none" else "wavenet"
    backend = metadata.get("backend")
    if metadata.get("architecture") != ARCHITECTURE or not isinstance(backend, str) or backend not in BACKENDS:
        found = metadata.get("architecture")
        raise OrchestrionError(f"{os.fspath(path)} holds a model of architecture {repr(found)[:60]}, not one that generates audio.")
    return backend


def save_generator(path: str | os.PathLike[str], backend: str, model: Generator, metadata: Mapping[str, object]) -> None:
    """Write ``model`` with its config and ``metadata`` (JSON-able) in the header, atomically."""
    weights.save(path, model.state_dict(), dict(metadata) | described(backend, model))


def described(backend: str, model: Generator) -> dict[str, object]:
    """What a weights file says of ``model``."""
    # A WaveNet's file is an instrument's, so that one file serves both.
    architecture = WAVENET if isinstance(model, WaveNetGenerator) else ARCHITECTURE
    return {"architecture": architecture, "backend": backend, "config": model.config.to_dict()}
