"""What one does with instruments and files: learn one, look into one, time the samplers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from orchestrion.api.keywords import Path

if TYPE_CHECKING:
    from orchestrion.renderer.benchmark import Timing


def learn(data: Path, output: Path | None = None, *, stretched: bool | None = None) -> dict[str, object]:
    """Make an instrument without training: out of single notes (a folder with index.tsv, an SFZ or SoundFont file, ``soundfont:NAME``), or of recordings with notes.

    Args:
        stretched: of recordings, whether their partials are a piano's; None: as the set's program says, else as they sound.
        output: the instrument's file; None for the name of ``data``.

    Returns:
        What was found, and ``output``.

    Raises:
        OrchestrionError: no such notes, or ``output`` cannot be written.
    """
    from orchestrion.training.learn import default_output
    from orchestrion.training.learn import learn as make

    target = output or default_output(data)
    return {"output": os.fspath(target), **make(data, target, stretched=stretched)}


def info(source: Path) -> dict[str, object]:
    """What a score, audio or weights file holds, or a built-in tune or shipped model; JSON-able.

    Raises:
        OrchestrionError: no such file, another kind of file, or one that cannot be read.
    """
    from orchestrion.inspection import describe

    return describe(source)


def bench(
    presets: Sequence[str] = ("medium",),
    threads: Sequence[int] = (1, 2),
    modes: Sequence[str] = ("one_voice", "32_voices", "parallel"),
    storages: Sequence[str] = ("int8",),
    score_s: float = 30.0,
) -> Iterator[Timing]:
    """Time the samplers with random weights: a row for each preset, mode, storage and number of threads, as it is measured.

    Raises:
        OrchestrionError: an unknown preset, mode or storage.
    """
    from orchestrion.renderer.benchmark import benchmark

    return benchmark(presets, threads, modes, storages, score_s)
