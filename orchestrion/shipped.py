"""Models that ship in the package: names, files and cards, read without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from orchestrion import header
from orchestrion.errors import OrchestrionError

FOLDER = Path(__file__).parent / "models"
COMPOSER_PREFIX = "composer-"
NETWORK_PREFIX = "network-"  # of networks that several instruments share
DEFAULT_INSTRUMENT = "piano"
DEFAULT_COMPOSER = "melodies"


def names() -> list[str]:
    """Names of the shipped models, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def composers() -> list[str]:
    """Names of the shipped composers, without the prefix of their files."""
    return [name.removeprefix(COMPOSER_PREFIX) for name in names() if name.startswith(COMPOSER_PREFIX)]


def instruments() -> list[str]:
    """Names of the shipped instruments."""
    others = generators()
    return [name for name in names() if not name.startswith((COMPOSER_PREFIX, NETWORK_PREFIX)) and name not in others]


def network(name: str) -> Path:
    """The weights file of a network that several shipped instruments share.

    Raises:
        OrchestrionError: this version ships no such network.
    """
    path = FOLDER / f"{NETWORK_PREFIX}{name}.safetensors"
    if Path(name).name != name or not path.is_file():
        raise OrchestrionError(f"This version has no network {name!r}; make the instrument again with `orchestrion learn`.")
    return path


def network_of(metadata: Mapping[str, object], path: Path) -> Path:
    """The weights file of the shared network that the instrument in ``path`` was made for.

    Raises:
        OrchestrionError: its header names none, or one that is not there.
    """
    named = metadata.get("network")
    if not isinstance(named, dict) or not isinstance(named.get("name"), str):
        raise OrchestrionError(f"{path} does not say which network plays it; make it again with `orchestrion learn`.")
    return network(named["name"])


def generators() -> list[str]:
    """Names of the shipped models of back-ends: each is called after the back-end that its header names."""
    return [name for name in names() if header.read(FOLDER / f"{name}.safetensors").get("backend") == name]


def full_name(name: str) -> str:
    """A composer's name as its files have it (``composer-chorales`` for ``chorales``); other names as they are."""
    return COMPOSER_PREFIX + name if name in composers() else name


def find(name_or_path: str | os.PathLike[str], wanted: str = "model", among: Sequence[str] | None = None) -> Path:
    """The weights file of a shipped model (composers also without their prefix), or the path itself where it is one.

    Args:
        wanted: what it is to be, for the sentence that says there is none.
        among: the shipped names to choose from, for the same; None for all.

    Raises:
        OrchestrionError: neither a shipped name nor a file.
    """
    name = full_name(os.fspath(name_or_path))
    if name in names():
        return FOLDER / f"{name}.safetensors"
    path = Path(name_or_path)
    if not path.is_file():
        known = list(names() if among is None else among)
        asked = os.fspath(name_or_path)
        meant = get_close_matches(asked.casefold(), known, 1)
        guess = f"did you mean {meant[0]!r}? Otherwise " if meant else ""
        raise OrchestrionError(
            f"There is no {wanted} {asked!r}: {guess}give a weights file or one of: {', '.join(known) or 'none'}."
        )
    return path


def card(name: str) -> str:
    """The model card of a shipped model, Markdown.

    Raises:
        OrchestrionError: no shipped model of that name, or it has no card.
    """
    path = FOLDER / f"{full_name(name)}.md"
    if full_name(name) not in names() or not path.is_file():
        raise OrchestrionError(f"There is no model card for {name!r}; shipped models: {', '.join(names()) or 'none'}.")
    return path.read_text(encoding="utf-8")
