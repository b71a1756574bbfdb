"""Weights files of back-ends: written with the config in the header, checked when read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

from orchestrion import shipped, weights
from orchestrion.errors import OrchestrionError
from orchestrion.generators.backend import Generator
from orchestrion.generators.table import BACKENDS, WAVENET
from orchestrion.generators.wavenet import WaveNetGenerator

ARCHITECTURE = "generator"


def load_generator(name_or_path: str | os.PathLike[str]) -> Generator:
    """A shipped model by name, or any weights file that ``orchestrion train`` wrote, an instrument's included.

    Raises:
        OrchestrionError: no such model, or a file that is damaged or not a generator's; see ``orchestrion.weights``.
    """
    path = shipped.find(name_or_path)
    tensors, metadata = weights.load(path)
    kind = BACKENDS[backend_of(metadata, path)]
    config = metadata.get("config")
    if not isinstance(config, dict):
        raise OrchestrionError(f"{path} carries no config; train it again.")
    try:
        sized = kind.config_of(config)
    except (OrchestrionError, TypeError) as error:
        raise OrchestrionError(f"{path} carries a config that cannot be used. {error}") from error
    model = weights.build(lambda: kind.model(sized), {name: tensor.float() for name, tensor in tensors.items()}, path)
    if isinstance(model, WaveNetGenerator):
        model.temperature = float(str(metadata.get("temperature", 1.0)))
    return cast(Generator, model.eval().requires_grad_(False))


def backend_of(metadata: Mapping[str, object], path: str | os.PathLike[str]) -> str:
    """Which back-end a weights file says it is of.

    Raises:
        OrchestrionError: it is of something else.
    """
    config = metadata.get("config")
    if metadata.get("architecture") == WAVENET and isinstance(config, dict):
        return "wavenet-unconditioned" if config.get("conditioning") == "none" else "wavenet"
    backend = metadata.get("backend")
    if metadata.get("architecture") != ARCHITECTURE or not isinstance(backend, str) or backend not in BACKENDS:
        found = metadata.get("architecture")
        raise OrchestrionError(f"{os.fspath(path)} holds a model of architecture {found!r}, not one that generates audio.")
    return backend


def save_generator(path: str | os.PathLike[str], backend: str, model: Any, metadata: Mapping[str, object]) -> None:
    """Write ``model`` with its config and ``metadata`` (JSON-able) in the header, atomically."""
    # A WaveNet's file is an instrument's, so that one file serves both.
    is_wavenet = isinstance(model, WaveNetGenerator)
    header = {"architecture": WAVENET if is_wavenet else ARCHITECTURE, "backend": backend, "config": model.config.to_dict()}
    weights.save(path, model.state_dict(), dict(metadata) | header)
