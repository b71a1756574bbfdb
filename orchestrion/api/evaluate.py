"""``orchestrion.evaluate``: as ``orchestrion evaluate``.

Each back-end is a name of its own, too: ``evaluate.tcn(data)`` is ``evaluate.backend("tcn", data)``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from orchestrion.api.texts import takes_texts
from orchestrion.cluster import Cluster
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.evaluation.composition.evaluate_composer import evaluate_composer as composer
from orchestrion.evaluation.composition.evaluate_composer import evaluate_writing
from orchestrion.evaluation.figures.notes import draw_notes
from orchestrion.evaluation.judge.evaluate_renderer import evaluate_renderer
from orchestrion.evaluation.judge.notes_test import NotesReport, notes_test
from orchestrion.files import write_json
from orchestrion.generators.table import WAVENET, function_names
from orchestrion.renderer.instrument import Instrument
from orchestrion.training.evaluate_backend import evaluate_backend

__all__ = ["backend", "composer", "notes", "renderer", "writing"]
backend, renderer, writing = takes_texts(evaluate_backend), takes_texts(evaluate_renderer), takes_texts(evaluate_writing)


@takes_texts
def notes(
    instrument: Instrument | str | os.PathLike[str],
    bank: str | os.PathLike[str],
    *,
    step: int = 1,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    cluster: Cluster | None = None,
) -> NotesReport:
    """Every pitch of an instrument at five velocities, played freely, against the single notes in ``bank``.

    Args:
        step: only every ``step``-th pitch.
        output: also write OUTPUT.json with every figure and OUTPUT.png, a map of pitch and velocity.
        cluster: plays the pieces and measures them.

    Raises:
        OrchestrionError: no such instrument or bank, or the instrument is not driven by a source at the bank's rate.
    """
    player = Instrument.load(instrument)
    report = notes_test(player, fitted(open_bank(bank, player.config.sample_rate)), step=step, seed=seed, cluster=cluster)
    if output is not None:
        path = Path(output)
        write_json(path.with_name(path.name + ".json"), report.to_dict())
        draw_notes(path.with_name(path.name + ".png"), report, player.name)
    return report


def __getattr__(name: str) -> Callable[..., Any]:
    found = function_names().get(name)
    if found is None or found == WAVENET:
        raise AttributeError(f"module 'orchestrion.evaluate' has no attribute {name!r}")
    return partial(backend, found)


def __dir__() -> list[str]:
    return sorted({*globals(), *function_names()} - {WAVENET})
