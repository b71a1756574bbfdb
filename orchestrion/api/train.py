"""``orchestrion.train``: as ``orchestrion train`` (needs ``pip install "orchestrion[train]"``).

Lengths and the like are those of `orchestrion.options`: `Training` and `Crops`, and of back-ends `BackendTraining`. Each function trains in
the folder ``output``, whose ``model.safetensors`` has the weights, and returns the last validation's measures.

Each back-end is a name of its own, too: ``train.spectral_lstm(data, output)`` is ``train.backend("spectral-lstm", data, output)``, and
``train.wavenet``, as on the command line, `renderer`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Unpack

from orchestrion.api.keywords import BackendKeywords, Number, Path, TrainingKeywords, Whole, spelled_out
from orchestrion.generators.table import WAVENET, function_names
from orchestrion.options import BackendTraining, Crops, Training


@spelled_out(Training, TrainingKeywords)
def renderer(
    data: Path | Sequence[Path],
    output: Path,
    *,
    preset: str = "medium",
    start_from: Path | None = None,
    unconditioned: bool = False,
    label: str | None = None,
    history_gain_db: Number = 0.0,
    rest_share: Number = 0.0,
    stretched: bool | None = None,
    compiled: bool | None = None,
    resume: bool = False,
    tell: Callable[[str], None] = lambda sentence: None,
    **lengths: Unpack[TrainingKeywords],
) -> dict[str, float]:
    """Train an instrument on single notes (several banks: one network for all) or on recordings with their notes.

    ``data``, preset, start_from, unconditioned, label, stretched, resume, tell are those of `orchestrion.training.train_renderer`.

    Raises:
        OrchestrionError: no such data, preset or instrument, or ``output`` is in use.
    """
    from orchestrion.training.train_renderer import train_instrument

    several = [data] if isinstance(data, str | os.PathLike) else list(data)
    return train_instrument(
        several, output, Training.of(compiled=compiled, **lengths), Crops.of(history_gain_db=history_gain_db, rest_share=rest_share),
        preset=preset, unconditioned=unconditioned, stretched=stretched, start_from=start_from, resume=resume, label=label, tell=tell,
    )  # fmt: skip


@spelled_out(Training, TrainingKeywords)
def composer(
    data: Path,
    output: Path,
    *,
    preset: str = "repo",
    start_from: Path | None = None,
    forget: Number = 0.0,
    transpose: Whole = 6,
    dropout: Number | None = None,
    resume: bool = False,
    **lengths: Unpack[TrainingKeywords],
) -> dict[str, float]:
    """Train a composer on scores.

    ``data``, preset, start_from, forget, transpose, dropout, resume are those of `orchestrion.training.train_composer.train_composer`.

    Raises:
        OrchestrionError: no such data, preset or composer, or ``output`` is in use.
    """
    from orchestrion import values
    from orchestrion.training.settings import composers_loop
    from orchestrion.training.train_composer import train_composer

    return train_composer(
        data, output, preset=preset, start_from=start_from, loop=composers_loop(Training.of(**lengths)), forget=values.Number(0, 1)(forget),
        transpose=values.Whole(0, 24)(transpose), dropout=None if dropout is None else values.Number(0, 0.9)(dropout), resume=resume,
    )  # fmt: skip


@spelled_out(BackendTraining, BackendKeywords)
def backend(
    name: str,
    data: Path,
    output: Path,
    *,
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    resume: bool = False,
    **recipe: Unpack[BackendKeywords],
) -> dict[str, float]:
    """Train the generator ``name`` of an earlier paper on a set of plain songs, by `orchestrion.options.BackendTraining`.

    ``data``, preset, settings, resume are those of `orchestrion.training.train_backend.train_backend`.

    Raises:
        OrchestrionError: no such back-end, preset, setting or set, or ``output`` is in use.
    """
    from orchestrion.training.train_backend import train_backend

    return train_backend(name, data, output, preset=preset, settings=settings, training=BackendTraining.of(**recipe), resume=resume)


@spelled_out(BackendTraining, BackendKeywords)
def sweep(
    name: str,
    data: Path,
    output: Path,
    *,
    values: Sequence[Whole],
    setting: str = "hidden",
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    **recipe: Unpack[BackendKeywords],
) -> list[dict[str, object]]:
    """Train the generator ``name`` with each of several values of a setting; a row of figures each.

    Raises:
        OrchestrionError: as `backend`, or it has no such setting.
    """
    from orchestrion.training.train_backend import sweep as run

    texts, training = [str(value) for value in values], BackendTraining.of(**recipe)
    return run(name, data, output, values=texts, setting=setting, preset=preset, settings=settings, training=training)


def __getattr__(name: str) -> Callable[..., Any]:
    found = function_names().get(name)
    if found is None:
        raise AttributeError(f"module 'orchestrion.train' has no attribute {name!r}")
    return renderer if found == WAVENET else partial(backend, found)


def __dir__() -> list[str]:
    return sorted({*globals(), *function_names()})
