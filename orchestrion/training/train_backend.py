"""Train any back-end on plain songs: what ``orchestrion train BACKEND`` and ``orchestrion train sweep`` call."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.errors import OrchestrionError
from orchestrion.files import write_json
from orchestrion.generators.configuring import changed
from orchestrion.generators.recipe import Recipe
from orchestrion.generators.table import backend_named, preset_named
from orchestrion.training.backend_task import BackendTask
from orchestrion.training.clips import steps_of
from orchestrion.training.runs import claim, fit
from orchestrion.training.settings import LoopSettings

METRICS, CURVES, SWEEP = "metrics.jsonl", "loss.png", "sweep"


def train_backend(
    backend: str,
    data: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    loop: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> dict[str, float]:
    """Train in folder ``run`` and return the last validation's measures.

    ``run/model.safetensors`` is the model, ``run/loss.png`` the loss against epochs, on training and on held-out songs.

    Args:
        backend: a name in ``generators.table.BACKENDS`` but ``wavenet``, which needs notes (`train_renderer`).
        data: a set that ``orchestrion data prepare`` made, at the back-end's rate.
        settings: fields of the config to change, as text: ``{"transform": "mdct", "hidden": "256"}``.
        loop: fields of ``LoopSettings``; what is left out is as the recipe says (see ``generators.recipe``).
        resume: go on in a ``run`` that was stopped; its settings must be the same but for the loop's. One that has come to
            its end is left as it is.

    Raises:
        OrchestrionError: no such back-end, preset or setting, a set that is missing or at another rate, or ``run`` is in use.
    """
    recipes = backend_named(backend).recipes
    if not recipes:
        raise OrchestrionError(f"{backend} learns from recordings with their notes: orchestrion train renderer --help.")
    config = changed(preset_named(backend, preset), settings or {})
    recipe = recipes[preset]
    songs = SongSet.open(data)
    folder = Path(run)
    task = BackendTask(
        backend, config, songs.split("train"), songs.split("validation"), recipe,
        seed=int((loop or {}).get("seed", 0)), provenance=provenance(songs, preset),
    )  # fmt: skip
    settled = loop_settings(recipe, len(task.clips), loop or {})
    claim(folder, resume, _record(backend, data, preset, config, settled, recipe))
    if resume and (done := _finished(folder, settled)):
        return done
    try:
        return fit(task, folder, settled, resume)
    finally:
        draw_curves(folder, task)


def loop_settings(recipe: Recipe, per_epoch: int, given: Mapping[str, Any]) -> LoopSettings:
    """The recipe as settings of the loop, with what is ``given`` (None does not count) in its place."""
    names = ("optimizer", "learning_rate", "schedule", "final_share", "warmup_steps", "clip", "ema_decay")
    chosen = {name: getattr(recipe, name) for name in names} | {"precision": "32-true"}
    chosen |= {name: value for name, value in given.items() if value is not None}
    if chosen.get("minutes") is None and chosen.get("steps") is None and recipe.epochs is not None:
        chosen["steps"] = steps_of(recipe.batch, recipe.epochs, per_epoch)
    return LoopSettings(**chosen)


def provenance(songs: SongSet, preset: str) -> dict[str, object]:
    """What the weights file will say of the set."""
    minutes = sum(song.duration_s for song in songs.split("train")) / 60
    listed = ("name", "licence", "source", "sample_rate")
    data = {key: songs.information[key] for key in listed if key in songs.information}
    return {
        "preset": preset,
        "data": data | {"training_minutes": round(minutes, 1), "training_songs": len(songs.split("train"))},
        "licence": str(songs.information.get("licence", "unknown")),
    }


def draw_curves(folder: Path, task: BackendTask) -> None:
    """Write ``loss.png`` from the run's log (the first of several processes does); nothing before the first validation."""
    lines = read_metrics(folder)
    if not lines or int(os.environ.get("RANK", "0")):
        return
    from orchestrion.evaluation.figures.loss import loss_figure
    from orchestrion.evaluation.figures.style import save_figure

    names = {"training songs": "training_songs_loss", "held-out songs": "loss"}
    curves = {label: [(task.epochs(int(line["step"])), line[key]) for line in lines] for label, key in names.items()}
    kind = backend_named(task.backend)
    title = f"{task.backend} ({kind.paper})"
    save_figure(loss_figure(curves, title, unit=kind.unit, over="epochs"), folder / CURVES)


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The lines of a run's log, one a validation."""
    path = folder / METRICS
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def sweep(
    backend: str,
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    hidden: Sequence[int],
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    loop: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Train one model for each size of the hidden state (Nayebi & Vitelli 2015, Figure 2).

    Each trains in ``output/hidden-N``; one that has finished is not trained again, one that was stopped goes on. The table is
    in ``output/sweep.json``, the losses against the size in ``output/sweep.png``.

    Raises:
        OrchestrionError: as `train_backend`, or the back-end has no hidden size.
    """
    if not hasattr(preset_named(backend, preset), "hidden"):
        raise OrchestrionError(f"{backend} has no hidden size to vary.")
    folder, rows = Path(output), []
    for size in sorted(set(hidden)):
        run = folder / f"hidden-{size}"
        chosen = dict(settings or {}) | {"hidden": str(size)}
        train_backend(backend, data, run, preset=preset, settings=chosen, loop=loop, resume=run.exists())
        rows.append(_row(backend, preset, chosen, size, read_metrics(run)))
    content = {"backend": backend, "preset": preset, "data": os.fspath(data), "unit": backend_named(backend).unit, "rows": rows}
    write_json(folder / f"{SWEEP}.json", content)
    _draw_sweep(folder, backend, rows)
    return rows


def _finished(folder: Path, settings: LoopSettings) -> dict[str, float]:
    """The last validation's measures of a training that has come to its end; none where there is more to do."""
    last = (read_metrics(folder) or [{}])[-1]
    # The log has hundredths of a minute.
    if not last or settings.progress(int(last["step"]), 60 * (last["minutes"] + 0.01)) < 1:
        return {}
    return {name: last[name] for name in ("loss", "training_songs_loss")}


def _row(
    backend: str, preset: str, settings: Mapping[str, str], size: int, lines: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    best = min(lines, key=lambda line: line["loss"])
    model = _on_meta(backend, changed(preset_named(backend, preset), settings))
    return {
        "hidden": size,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": int(lines[-1]["step"]),
        "minutes": lines[-1]["minutes"],
        "held_out_loss": best["loss"],
        "training_songs_loss": best["training_songs_loss"],
    }


def _on_meta(backend: str, config: object) -> Any:
    import torch

    with torch.device("meta"):
        return backend_named(backend).model(config)


def _draw_sweep(folder: Path, backend: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from orchestrion.evaluation.figures.loss import loss_figure
    from orchestrion.evaluation.figures.style import save_figure

    names = {"training songs": "training_songs_loss", "held-out songs": "held_out_loss"}
    curves = {label: [(row["hidden"], row[key]) for row in rows] for label, key in names.items()}
    title = f"{backend}: the best loss of each hidden size (after Nayebi & Vitelli 2015, Figure 2)"
    save_figure(loss_figure(curves, title, unit=backend_named(backend).unit, over="hidden units"), folder / f"{SWEEP}.png")


def _record(
    backend: str, data: str | os.PathLike[str], preset: str, config: Any, loop: LoopSettings, recipe: Recipe
) -> dict[str, object]:
    return {
        "kind": backend,
        "data": os.fspath(data),
        "preset": preset,
        "config": config.to_dict(),
        "loop": dataclasses.asdict(loop),
        "recipe": dataclasses.asdict(recipe),
    }
