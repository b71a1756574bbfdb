"""``splits.json`` and ``dataset.json`` of a set: what is for training or validation, and where it is from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_TEXT_BYTES

SPLITS = ("train", "validation")
"""Every set has these; one whose authors set a test part aside may have ``"test"`` besides."""
ALL_SPLITS = (*SPLITS, "test")


def read_splits(folder: Path, names: Iterable[str]) -> dict[str, tuple[str, ...]] | None:
    """What ``splits.json`` says, or None where there is none.

    Raises:
        OrchestrionError: malformed, a name on both sides, or one that is not among ``names``.
    """
    path = folder / "splits.json"
    if not path.exists():
        return None
    content = read_json(path)
    splits = {split: _names(content.get(split, []), path) for split in ALL_SPLITS}
    for one, other in combinations(ALL_SPLITS, 2):
        if both := set(splits[one]) & set(splits[other]):
            raise OrchestrionError(f"{path} puts {min(both)} both into {one} and into {other}.")
    if unknown := set().union(*splits.values()) - set(names):
        raise OrchestrionError(f"{path} names {min(unknown)}, which is not in the folder.")
    return splits


def read_json(path: Path) -> dict[str, object]:
    """The JSON object in ``path``; empty where there is no such file.

    Raises:
        OrchestrionError: unreadable, larger than 32 MiB, or no JSON object.
    """
    if not path.exists():
        return {}
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise OrchestrionError(
                f"{path} is larger than {MAX_TEXT_BYTES >> 20} MiB; that is no description of a set."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OrchestrionError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, OrchestrionError):
            raise
        raise OrchestrionError(f"{path} is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise OrchestrionError(f"{path} must hold a JSON object.")
    return content


def in_split(splits: Mapping[str, tuple[str, ...]], name: str) -> frozenset[str]:
    """The names in split ``name``.

    Raises:
        OrchestrionError: there is no such split.
    """
    if name not in splits:
        raise OrchestrionError(f"There is no split {name!r}; there are {' and '.join(SPLITS)}.")
    return frozenset(splits[name])


def _names(listed: object, path: Path) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise OrchestrionError(f'{path} must be of the form {{"train": [names], "validation": [names]}}.')
    return tuple(listed)
