"""The models that ship, beside their cards. ``orchestrion.models``: as ``orchestrion models``."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Mapping, Sequence
from typing import TypedDict

from orchestrion import header, shipped
from orchestrion.shipped import card

__all__ = ["ShippedModel", "card", "info", "list"]


class ShippedModel(TypedDict):
    """A shipped model; ``megabytes`` of 10**6 bytes; ``what``: the first sentence of its card, such as what a composer writes.

    ``kind``: "instrument", "composer", "generator" or "network"; ``pitch_range``: MIDI numbers, of an instrument, lowest and highest;
    ``learnt_from``: whose notes or recordings, where the file says it.
    """

    name: str
    kind: str
    pitch_range: tuple[int, int] | None
    learnt_from: str
    architecture: str
    licence: str
    megabytes: float
    what: str


def list() -> Sequence[ShippedModel]:
    """What ships."""
    return [_row(name) for name in shipped.names()]


def info(model: str | os.PathLike[str]) -> Mapping[str, object]:
    """What a shipped model or a weights file says of itself: config, data, licence, metrics.

    Raises:
        OrchestrionError: no such model, or a broken file.
    """
    return header.read(shipped.find(model))


def _row(name: str) -> ShippedModel:
    path = shipped.find(name)
    facts = header.read(path)
    return {
        "name": name,
        "kind": _kind(name),
        "pitch_range": _range(facts.get("pitch_range")),
        "learnt_from": str(data.get("attribution", "")) if isinstance(data := facts.get("data"), dict) else "",
        "architecture": str(facts.get("architecture", "?")),
        "licence": str(facts.get("licence", "see card")),
        "megabytes": path.stat().st_size / 1e6,
        "what": _first_sentence(card(name)),
    }


def _kind(name: str) -> str:
    if name.endswith("-unconditioned") or name in shipped.generators():
        return "generator"
    kinds = {"instrument": shipped.instruments(), "composer": [shipped.full_name(composer) for composer in shipped.composers()]}
    return next((kind for kind, names in kinds.items() if name in names), "network")


def _range(stated: object) -> tuple[int, int] | None:
    return (int(stated[0]), int(stated[1])) if isinstance(stated, builtins.list) and len(stated) == 2 else None


def _first_sentence(text: str) -> str:
    """Of a card, below its title."""
    paragraph = text.split("\n\n")[1].replace("\n", " ").replace("*", "").replace("`", "")
    return re.split(r"(?<![A-Z])(?<!et al)\.\s", paragraph)[0].rstrip(".") + "."  # not after an initial
