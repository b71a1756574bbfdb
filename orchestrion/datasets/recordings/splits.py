"""``splits.json`` of a set: which pieces are for training, validation or test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError

SPLITS = ("train", "validation")
"""Every set has these; one whose authors set a test part aside may have ``"test"`` besides."""
ALL_SPLITS = (*SPLITS, "test")
SHOWN = 80  # characters of a name that is wrong


def read_splits(folder: Path, names: Iterable[str]) -> dict[str, tuple[str, ...]] | None:
    """What ``splits.json`` says, or None where there is none.

    Raises:
        OrchestrionError: malformed, a name on both sides, or one that is not among ``names``.
    """
    path = folder / "splits.json"
    if not path.exists():
        return None
    content = read_json_object(path)
    splits = {split: _names(content.get(split, []), path) for split in ALL_SPLITS}
    for one, other in combinations(ALL_SPLITS, 2):
        if both := set(splits[one]) & set(splits[other]):
            raise OrchestrionError(f"{path} puts {min(both)[:SHOWN]} both into {one} and into {other}.")
    if unknown := set().union(*splits.values()) - set(names):
        raise OrchestrionError(f"{path} names {min(unknown)[:SHOWN]!r}, which is not in the folder.")
    return splits


def prepared_splits(folder: Path, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The splits of a prepared set, which always has some.

    Raises:
        OrchestrionError: there is no ``splits.json``, or see `read_splits`.
    """
    splits = read_splits(folder, names)
    if splits is None:
        raise OrchestrionError(f"{folder / 'splits.json'} is missing; prepare the set again.")
    return splits


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
