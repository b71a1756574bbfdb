"""Divides recordings into train, validation and test by work, so that no work is in two splits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from orchestrion.datasets.recordings.splits import ALL_SPLITS
from orchestrion.datasets.recordings.tracks import Track
from orchestrion.errors import OrchestrionError

VALIDATION_SHARE = 0.08
MAPS_MICROPHONE = re.compile(r"_ENSTDk(Cl|Am)$")
# A work that occurs in several of the authors' splits stays in the first of these only.
PRECEDENCE = ("test", "validation", "train")


def work_of(name: str) -> str:
    """The work that a recording is of, told by its name: the two microphones of MAPS recorded one.

    >>> work_of("ty_mai_ENSTDkAm"), work_of("bwv847-prelude")
    ('ty_mai', 'bwv847-prelude')
    """
    return MAPS_MICROPHONE.sub("", name)


def held_out_works(works: Sequence[str]) -> set[str]:
    """The works for validation: those whose SHA-256 falls into the lowest 8 %, and the lowest of all.

    Adding recordings later never moves one from training to validation. Of one work alone nothing is held out.
    """
    order = sorted(set(works), key=_position)
    if len(order) < 2:
        return set()
    return {work for work in order if _position(work) < VALIDATION_SHARE} | set(order[:1])


def divide(tracks: Sequence[Track], validation: Sequence[str] = ()) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Names of the tracks of each split, and why others are left out.

    The authors' splits count where they say ``test`` or ``validation``; ``validation`` names pieces to hold out instead
    (with every other recording of their works). Where nobody says what validation is, `held_out_works` does.

    Raises:
        OrchestrionError: ``validation`` names a piece that is not there, or leaves nothing for training.
    """
    by_name = {track.name: track for track in tracks}
    if unknown := [name for name in validation if name not in by_name]:
        raise OrchestrionError(
            f"There is no piece {unknown[0]!r} to hold out; pieces are called like {next(iter(by_name), '')}."
        )
    said = {track.name: _said(track, {by_name[name].work for name in validation}) for track in tracks}
    if "validation" not in said.values():
        tested = {track.work for track in tracks if said[track.name] == "test"}
        held_out = held_out_works([track.work for track in tracks if track.work not in tested])
        said |= {track.name: "validation" for track in tracks if track.work in held_out and said[track.name] == "train"}
    return _without_conflicts(tracks, said)


def _said(track: Track, held_out: set[str]) -> str:
    if track.work in held_out:
        return "validation"
    if held_out and track.split == "validation":
        return "train"
    return track.split or "train"


def _without_conflicts(tracks: Sequence[Track], said: dict[str, str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    first = {track.work: "train" for track in tracks}
    for track in tracks:
        first[track.work] = min(first[track.work], said[track.name], key=PRECEDENCE.index)
    splits: dict[str, list[str]] = {split: [] for split in ALL_SPLITS}
    left_out = {}
    for track in tracks:
        if said[track.name] == first[track.work]:
            splits[said[track.name]].append(track.name)
        else:
            left_out[track.name] = f"another recording of {track.work} is in the {first[track.work]} split"
    if tracks and not splits["train"]:
        raise OrchestrionError("Everything is held out and nothing is left to train on; hold out less.")
    return {split: names for split, names in splits.items() if names or split != "test"}, left_out


def _position(work: str) -> float:
    return int.from_bytes(hashlib.sha256(work.encode()).digest()[:6]) / 2**48
