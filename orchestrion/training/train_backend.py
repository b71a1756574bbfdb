"""Train any back-end on plain songs: what ``orchestrion train BACKEND`` and ``orchestrion train sweep`` call."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.errors import OrchestrionError
from orchestrion.files import write_json
from orchestrion.generators.backend import Config
from orchestrion.generators.configuring import changed
from orchestrion.generators.cures import Cures
from orchestrion.generators.recipe import Recipe
from orchestrion.generators.table import backend_named, preset_named
from orchestrion.options import BackendTraining
from orchestrion.training.backend_task import BackendTask
from orchestrion.training.clips import steps_of
from orchestrion.training.runs import check_installed, claim, fit
from orchestrion.training.settings import LoopSettings

if TYPE_CHECKING:
    from orchestrion.generators.generator import Generator

METRICS, CURVES, SWEEP = "metrics.jsonl", "loss.png", "sweep"
CURVE_POINTS = 12


def recipe_for(asked: BackendTraining, default: Recipe) -> Recipe:
    """``default`` with what is asked."""
    named = {field.name for field in fields(Recipe)} - {"epochs", "minutes", "cures"}
    chosen = {name: value for name in named if (value := getattr(asked, name)) is not None}
    cures = Cures(noise=asked.noise, gain_drift_db=asked.gain_drift_db, own=asked.own, magnitudes=asked.magnitudes)
    return replace(default, **chosen, cures=cures)


def loop_for(asked: BackendTraining, recipe: Recipe, per_epoch: int) -> LoopSettings:
    """Settings of the loop for `recipe_for`'s outcome, where an epoch has ``per_epoch`` examples."""

    def steps_until(epochs: float) -> int:
        return steps_of(recipe.batch, epochs, per_epoch)

    minutes = asked.minutes
    ends = [asked.steps] if asked.steps is not None else []
    ends += [steps_until(asked.examples / per_epoch)] if asked.examples is not None else []
    ends += [steps_until(asked.epochs)] if asked.epochs is not None else []
    if minutes is None and not ends:
        minutes, ends = recipe.minutes, [] if recipe.epochs is None else [steps_until(recipe.epochs)]
    validate = asked.validate_minutes or (LoopSettings.validate_minutes if minutes is None else minutes / CURVE_POINTS)
    same = ("optimizer", "learning_rate", "schedule", "final_share", "warmup_steps", "clip", "ema_decay", "keep")
    return LoopSettings(
        minutes=minutes, steps=min(ends, default=None), validate_minutes=validate, validate_steps=asked.validate_steps, precision="32-true",
        threads=asked.threads, seed=asked.seed,
        keep_steps=tuple((steps_until(epoch), kept_after(epoch)) for epoch in asked.keep_epochs),
        **{name: getattr(recipe, name) for name in same},
    )  # fmt: skip


def kept_after(epochs: float) -> str:
    """The file of the weights after so many epochs.

    >>> kept_after(4), kept_after(0.5)
    ('epoch-004.safetensors', 'epoch-0.5.safetensors')
    """
    return f"epoch-{epochs:03g}.safetensors"


def train_backend(
    backend: str,
    data: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    training: BackendTraining | None = None,
    resume: bool = False,
) -> dict[str, float]:
    """Train in folder ``run`` and return the last validation's measures.

    ``run/model.safetensors`` is the model, ``run/loss.png`` the loss against epochs, on training and on held-out songs.

    Args:
        backend: a name in ``generators.table.BACKENDS`` but ``wavenet``, which needs notes (`train_renderer`).
        data: a set that ``orchestrion data prepare`` made, at the back-end's rate.
        settings: fields of the config to change, as text: ``{"transform": "mdct", "hidden": "256"}``.
        training: what else is chosen.
        resume: go on in a ``run`` that was stopped; its settings must be the same but for the loop's. One that has come to
            its end is left as it is.

    Raises:
        OrchestrionError: no such back-end, preset or setting, a cure that it does not know, a set that is missing or at
            another rate, or ``run`` is in use.
    """
    check_installed()
    row, training = backend_named(backend), training or BackendTraining()
    if not row.recipes:
        raise OrchestrionError(f"{backend} learns from recordings with their notes: orchestrion train renderer --help.")
    config = changed(preset_named(backend, preset), settings or {})
    recipe = recipe_for(training, row.recipes[preset])
    if unknown := recipe.cures.taken() - set(row.cures):
        raise OrchestrionError(f"{backend} has no use for {', '.join(sorted(unknown))}.")
    songs = SongSet.open(data)
    folder = Path(run)
    task = BackendTask(
        backend, config, songs.split("train"), songs.split("validation"), recipe,
        seed=training.seed, provenance=provenance(songs, preset),
    )  # fmt: skip
    settled = loop_for(training, recipe, len(task.clips))
    claim(folder, resume, _record(backend, data, preset, config, settled, recipe))
    if resume and (done := _finished(folder, settled)):
        return done
    try:
        return fit(task, folder, settled, resume)
    finally:
        draw_curves(folder, task)


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
    values: Sequence[str],
    setting: str = "hidden",
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    training: BackendTraining | None = None,
) -> list[dict[str, object]]:
    """Train one model for each value of a setting, by default the size of the hidden state (Nayebi & Vitelli 2015, Figure 2).

    Each trains in ``output/SETTING-VALUE``; one that has finished is not trained again, one that was stopped goes on. The
    table is in ``output/sweep.json``, the losses against the value in ``output/sweep.png``.

    Raises:
        OrchestrionError: as `train_backend`, or the back-end has no such setting.
    """
    for value in values:
        changed(preset_named(backend, preset), {setting: value})  # all are known to be possible before the first trains
    folder, rows = Path(output), []
    for value in sorted(dict.fromkeys(values), key=_number):
        run = folder / f"{setting}-{value}"
        chosen = dict(settings or {}) | {setting: value}
        train_backend(backend, data, run, preset=preset, settings=chosen, training=training, resume=run.exists())
        rows.append(_row(backend, preset, chosen, setting, read_metrics(run)))
    content = {"backend": backend, "preset": preset, "data": os.fspath(data), "unit": backend_named(backend).unit, "rows": rows}
    write_json(folder / f"{SWEEP}.json", content)
    _draw_sweep(folder, backend, setting, rows)
    return rows


def _number(value: str) -> float:
    """For order and for the axis: the number that a value is, or 0 where it is a name."""
    try:
        return float(value)
    except ValueError:
        return 0.0


def _finished(folder: Path, settings: LoopSettings) -> dict[str, float]:
    """The last validation's measures of a training that has come to its end; none where there is more to do."""
    last = (read_metrics(folder) or [{}])[-1]
    # The log has hundredths of a minute.
    if not last or settings.progress(int(last["step"]), 60 * (last["minutes"] + 0.01)) < 1:
        return {}
    return {name: last[name] for name in ("loss", "training_songs_loss")}


def _row(
    backend: str, preset: str, settings: Mapping[str, str], setting: str, lines: Sequence[Mapping[str, float]]
) -> dict[str, object]:
    best = min(lines, key=lambda line: line["loss"])
    config = changed(preset_named(backend, preset), settings)
    model = _on_meta(backend, config)
    return {
        setting: getattr(config, setting),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": int(lines[-1]["step"]),
        "minutes": lines[-1]["minutes"],
        "held_out_loss": best["loss"],
        "training_songs_loss": best["training_songs_loss"],
    }


def _on_meta(backend: str, config: Config) -> Generator:
    import torch

    with torch.device("meta"):
        return backend_named(backend).network(config)


def _place(value: object, otherwise: int) -> float:
    return value if isinstance(value, int | float) else otherwise


def _draw_sweep(folder: Path, backend: str, setting: str, rows: Sequence[Mapping[str, object]]) -> None:
    from orchestrion.evaluation.figures.loss import loss_figure
    from orchestrion.evaluation.figures.style import save_figure

    names = {"training songs": "training_songs_loss", "held-out songs": "held_out_loss"}
    curves = {
        label: [(_place(row[setting], number), _place(row[key], 0)) for number, row in enumerate(rows)] for label, key in names.items()
    }
    title = f"{backend}: the best loss for each value of {setting} (after Nayebi & Vitelli 2015, Figure 2)"
    save_figure(loss_figure(curves, title, unit=backend_named(backend).unit, over="hidden units" if setting == "hidden" else setting), folder / f"{SWEEP}.png")


def _record(
    backend: str, data: str | os.PathLike[str], preset: str, config: Config, loop: LoopSettings, recipe: Recipe
) -> dict[str, object]:
    return {
        "kind": backend,
        "data": os.fspath(data),
        "preset": preset,
        "config": config.to_dict(),
        "loop": dataclasses.asdict(loop),
        "recipe": dataclasses.asdict(recipe),
    }
