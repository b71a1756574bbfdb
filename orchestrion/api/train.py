"""``orchestrion.train``: as ``orchestrion train`` (needs ``pip install "orchestrion[train]"``).

Lengths and the like are those of `orchestrion.options`: `Training` and `Crops`, and of back-ends `BackendTraining`. Each function trains in
the folder ``output``, whose ``model.safetensors`` has the weights, and returns the last validation's measures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from orchestrion.options import BackendTraining, Crops, Training

Path = str | os.PathLike[str]
Number = float | str
Whole = int | str


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
    minutes: Number | None = None,
    steps: Whole | None = None,
    learning_rate: Number | None = None,
    validate_minutes: Number = 5.0,
    precision: str = "bf16-mixed",
    compiled: bool | None = None,
    threads: Whole | None = None,
    seed: Whole = 0,
    resume: bool = False,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, float]:
    """Train an instrument on single notes (several banks: one network for all) or on recordings with their notes.

    Args:
        data, preset, start_from, unconditioned, label, stretched, resume, tell: see `orchestrion.training.train_renderer`.

    Raises:
        OrchestrionError: no such data, preset or instrument, or ``output`` is in use.
    """
    from orchestrion.training.train_renderer import train_instrument

    several = [data] if isinstance(data, str | os.PathLike) else list(data)
    training = Training.of(
        minutes=minutes, steps=steps, learning_rate=learning_rate, validate_minutes=validate_minutes, precision=precision,
        compiled=compiled, threads=threads, seed=seed,
    )  # fmt: skip
    return train_instrument(
        several, output, training, Crops.of(history_gain_db=history_gain_db, rest_share=rest_share), preset=preset,
        unconditioned=unconditioned, stretched=stretched, start_from=start_from, resume=resume, label=label, tell=tell,
    )  # fmt: skip


def composer(
    data: Path,
    output: Path,
    *,
    preset: str = "repo",
    start_from: Path | None = None,
    forget: Number = 0.0,
    transpose: Whole = 6,
    minutes: Number | None = None,
    steps: Whole | None = None,
    learning_rate: Number | None = None,
    validate_minutes: Number = 5.0,
    precision: str = "bf16-mixed",
    threads: Whole | None = None,
    seed: Whole = 0,
    resume: bool = False,
) -> dict[str, float]:
    """Train a composer on scores.

    Args:
        data, preset, start_from, forget, transpose, resume: see `orchestrion.training.train_composer.train_composer`.

    Raises:
        OrchestrionError: no such data, preset or composer, or ``output`` is in use.
    """
    from orchestrion import values
    from orchestrion.training.settings import composers_loop
    from orchestrion.training.train_composer import train_composer

    training = Training.of(
        minutes=minutes, steps=steps, learning_rate=learning_rate, validate_minutes=validate_minutes, precision=precision,
        threads=threads, seed=seed,
    )  # fmt: skip
    return train_composer(
        data, output, preset=preset, start_from=start_from, loop=composers_loop(training), forget=values.Number(0, 1)(forget),
        transpose=values.Whole(0, 24)(transpose), resume=resume,
    )  # fmt: skip


def backend(
    name: str,
    data: Path,
    output: Path,
    *,
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    minutes: Number | None = None,
    steps: Whole | None = None,
    examples: Whole | None = None,
    epochs: Number | None = None,
    optimizer: str | None = None,
    learning_rate: Number | None = None,
    schedule: str | None = None,
    final_share: Number | None = None,
    warmup_steps: Whole | None = None,
    clip: Number | None = None,
    ema_decay: Number | None = None,
    keep: str | None = None,
    batch: Whole | Sequence[tuple[int, int]] | None = None,
    cut: str | None = None,
    crop_s: Number | None = None,
    noise: Number = 0.0,
    gain_drift_db: Number = 0.0,
    own: Number = 0.0,
    magnitudes: Number = 0.0,
    keep_epochs: str | Sequence[int] = (),
    validate_minutes: Number | None = None,
    threads: Whole | None = None,
    seed: Whole = 0,
    resume: bool = False,
) -> dict[str, float]:
    """Train the generator ``name`` of an earlier paper on a set of plain songs, by `orchestrion.options.BackendTraining`.

    Args:
        data, preset, settings, resume: see `orchestrion.training.train_backend.train_backend`.

    Raises:
        OrchestrionError: no such back-end, preset, setting or set, or ``output`` is in use.
    """
    from orchestrion.training.train_backend import train_backend

    training = BackendTraining.of(
        minutes=minutes, steps=steps, examples=examples, epochs=epochs, optimizer=optimizer, learning_rate=learning_rate, schedule=schedule,
        final_share=final_share, warmup_steps=warmup_steps, clip=clip, ema_decay=ema_decay, keep=keep, batch=batch, cut=cut, crop_s=crop_s,
        noise=noise, gain_drift_db=gain_drift_db, own=own, magnitudes=magnitudes, keep_epochs=keep_epochs,
        validate_minutes=validate_minutes, threads=threads, seed=seed,
    )  # fmt: skip
    return train_backend(name, data, output, preset=preset, settings=settings, training=training, resume=resume)


def sweep(
    name: str,
    data: Path,
    output: Path,
    *,
    values: Sequence[Whole],
    setting: str = "hidden",
    preset: str = "small",
    settings: Mapping[str, str] | None = None,
    minutes: Number | None = None,
    steps: Whole | None = None,
    examples: Whole | None = None,
    epochs: Number | None = None,
    optimizer: str | None = None,
    learning_rate: Number | None = None,
    schedule: str | None = None,
    final_share: Number | None = None,
    warmup_steps: Whole | None = None,
    clip: Number | None = None,
    ema_decay: Number | None = None,
    keep: str | None = None,
    batch: Whole | Sequence[tuple[int, int]] | None = None,
    cut: str | None = None,
    crop_s: Number | None = None,
    noise: Number = 0.0,
    gain_drift_db: Number = 0.0,
    own: Number = 0.0,
    magnitudes: Number = 0.0,
    keep_epochs: str | Sequence[int] = (),
    validate_minutes: Number | None = None,
    threads: Whole | None = None,
    seed: Whole = 0,
) -> list[dict[str, object]]:
    """Train the generator ``name`` with each of several values of a setting; a row of figures each.

    Raises:
        OrchestrionError: as `backend`, or it has no such setting.
    """
    from orchestrion.training.train_backend import sweep as run

    training = BackendTraining.of(
        minutes=minutes, steps=steps, examples=examples, epochs=epochs, optimizer=optimizer, learning_rate=learning_rate, schedule=schedule,
        final_share=final_share, warmup_steps=warmup_steps, clip=clip, ema_decay=ema_decay, keep=keep, batch=batch, cut=cut, crop_s=crop_s,
        noise=noise, gain_drift_db=gain_drift_db, own=own, magnitudes=magnitudes, keep_epochs=keep_epochs,
        validate_minutes=validate_minutes, threads=threads, seed=seed,
    )  # fmt: skip
    return run(name, data, output, values=[str(value) for value in values], setting=setting, preset=preset, settings=settings, training=training)
