"""Which clips a listening test is about: one folder a system, files of one name in several of them one item.

A folder without audio but with folders of audio in it stands for these, so that the output of a comparison can be given
as it is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from orchestrion.audio.folders import audio_in
from orchestrion.errors import OrchestrionError
from orchestrion.suffixes import AUDIO

MAX_CLIPS = 1000
MAX_CLIP_S = 120.0
ANCHOR = "hidden-anchor"
ANCHOR_HZ = 3500.0


@dataclass(frozen=True, slots=True, order=True)
class ClipFile:
    """One file to be judged; ``item`` is the same for what several systems made of one thing.

    ``lowpass_hz``: what is above is taken away (0: nothing is). ``copy_of``: the name of the clip that an ABX trial plays again.
    """

    system: str
    item: str
    path: Path
    lowpass_hz: float = 0.0
    copy_of: str = ""


def find_clips(folders: Sequence[str | os.PathLike[str]]) -> tuple[ClipFile, ...]:
    """The clips in ``folders``, sorted by system and item.

    Raises:
        OrchestrionError: a folder is not there or holds no audio, two have one name, two files differ in
            their suffix only, fewer than two systems, or more
            than 1,000 clips.
    """
    systems: dict[str, Path] = {}
    for folder in [inner for given in folders for inner in _systems(Path(given))]:
        name = folder.resolve().name
        if name in systems and systems[name] != folder:
            raise OrchestrionError(
                f"Two folders are called {name}: {systems[name]} and {folder}; the name is the system's."
            )
        systems[name] = folder
    found = [ClipFile(name, path.stem, path) for name, folder in systems.items() for path in _audio(folder)]
    for one, other in pairwise(sorted(found)):
        if (one.system, one.item) == (other.system, other.item):
            raise OrchestrionError(f"{one.path} and {other.path} differ in their suffix only; keep one of them.")
    if len(systems) < 2:
        raise OrchestrionError("A listening test compares at least two systems: give a folder of clips for each.")
    if len(found) > MAX_CLIPS:
        raise OrchestrionError(f"There are {len(found)} clips, more than {MAX_CLIPS}; choose some of them.")
    return tuple(sorted(found))


def with_anchor(found: Sequence[ClipFile], system: str | None) -> tuple[ClipFile, ...]:
    """``found`` and a hidden low anchor for each clip of ``system``.

    Raises:
        OrchestrionError: no such system, or one that is called as the anchor is.
    """
    if system is None:
        return tuple(found)
    names = sorted({clip.system for clip in found})
    if system not in names or ANCHOR in names:
        raise OrchestrionError(f"There is no system {system!r} to make an anchor of; these are there: {', '.join(names)}.")
    anchors = [ClipFile(ANCHOR, clip.item, clip.path, ANCHOR_HZ) for clip in found if clip.system == system]
    return tuple(sorted([*found, *anchors]))


def _systems(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise OrchestrionError(f"There is no folder {folder}; give folders of audio clips, one for each system.")
    if _audio(folder):
        return [folder]
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and _audio(path))
    if not inner:
        raise OrchestrionError(f"The folder {folder} holds no audio ({' '.join(AUDIO)}).")
    return inner


def _audio(folder: Path) -> list[Path]:
    return audio_in(folder, depth=0)
