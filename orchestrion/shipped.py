"""The models that ship in the package: their names, files, cards and headers, read without torch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from orchestrion.errors import OrchestrionError

FOLDER = Path(__file__).parent / "models"
COMPOSER_PREFIX = "composer-"
DEFAULT_INSTRUMENT = "piano"
DEFAULT_COMPOSER = "melodies"
MAX_HEADER_BYTES = 16 << 20
BACKENDS = (
    "wavenet", "wavenet-unconditioned", "spectral-lstm", "spectral-gru", "spectral-base", "spectral-dense", "spectral-conv1d",
    "spectral-conv2d", "spectral-bilinear", "spectral-stacked", "sample-lstm", "stft-encdec", "tcn",
)  # fmt: skip
"""The back-ends of `orchestrion.renderer.backend`; a shipped model that has the name of one belongs to it."""


def names() -> list[str]:
    """Names of the shipped models, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def composers() -> list[str]:
    """Names of the shipped composers, without the prefix of their files."""
    return [name.removeprefix(COMPOSER_PREFIX) for name in names() if name.startswith(COMPOSER_PREFIX)]


def instruments() -> list[str]:
    """Names of the shipped instruments."""
    return [name for name in names() if not name.startswith(COMPOSER_PREFIX) and name not in BACKENDS]


def generators() -> list[str]:
    """Names of the shipped models of back-ends, each of the back-end it is called after."""
    return [name for name in names() if name in BACKENDS]


def full_name(name: str) -> str:
    """A composer's name as its files have it (``composer-chorales`` for ``chorales``); other names as they are."""
    return COMPOSER_PREFIX + name if name in composers() else name


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The weights file of a shipped model (composers also without their prefix), or the path itself where it is one.

    Raises:
        OrchestrionError: neither a shipped name nor a file.
    """
    name = full_name(os.fspath(name_or_path))
    if name in names():
        return FOLDER / f"{name}.safetensors"
    path = Path(name_or_path)
    if not path.is_file():
        known = ", ".join(names()) or "none"
        raise OrchestrionError(f"There is no model {os.fspath(name_or_path)!r}: give a weights file or one of: {known}.")
    return path


def header(path: Path) -> dict[str, object]:
    """What the weights file says of itself: architecture, config, provenance, licence, metrics; tensors are not read.

    Raises:
        OrchestrionError: unreadable, cut short, or not written by Orchestrion.
    """
    try:
        with open(path, "rb") as handle:
            n_bytes = int.from_bytes(handle.read(8), "little")
            text = handle.read(n_bytes) if n_bytes <= MAX_HEADER_BYTES else b""
        content = json.loads(json.loads(text)["__metadata__"]["orchestrion"])
    except OSError as error:
        raise OrchestrionError(f"Cannot read weights {path}: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise OrchestrionError(f"{path} is not a weights file written by Orchestrion, or is cut short.") from error
    if not isinstance(content, dict):
        raise OrchestrionError(f"{path} is not a weights file written by Orchestrion: its header is not an object.")
    return content


def card(name: str) -> str:
    """The model card of a shipped model, Markdown.

    Raises:
        OrchestrionError: no shipped model of that name, or it has no card.
    """
    path = FOLDER / f"{full_name(name)}.md"
    if full_name(name) not in names() or not path.is_file():
        raise OrchestrionError(f"There is no model card for {name!r}; shipped models: {', '.join(names()) or 'none'}.")
    return path.read_text(encoding="utf-8")
