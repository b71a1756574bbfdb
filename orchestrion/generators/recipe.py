"""How a back-end is trained by default: optimiser, batches, examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrion.generators.cures import NONE, Cures
from orchestrion.options import Optimizer, Schedule, Stages


@dataclass(frozen=True)
class Recipe:
    """Defaults of a training; these are what suits a laptop.

    Attributes:
        optimizer, learning_rate, schedule, final_share, warmup_steps, clip, ema_decay: see ``training.settings.LoopSettings``.
        batch: (first epoch, batch size) of every stage, the first from epoch 0.
        cut: ``grid``: songs in consecutive examples, all of them once an epoch, in an order drawn for each epoch;
            ``random``: each example begins anywhere.
        crop_s: seconds of an example; None for what the config says.
        epochs, minutes: what a training runs for where no other end is given; of a published training, its epochs.
        keep: which weights are the model: those of the ``best`` validation or the ``last``.
        cures: see `Cures`; no paper has any.
    """

    optimizer: Optimizer = "adamw"
    learning_rate: float = 3e-3
    schedule: Schedule = "cosine"
    final_share: float = 0.02
    warmup_steps: int = 50
    clip: float = 1.0
    ema_decay: float = 0.99
    batch: Stages = ((0, 16),)
    cut: Literal["grid", "random"] = "random"
    crop_s: float | None = None
    epochs: float | None = None
    minutes: float | None = 5.0
    keep: Literal["best", "last"] = "best"
    cures: Cures = NONE


def published(
    optimizer: Optimizer, rate: float, epochs: int, batch: Stages, *, halved: bool = False,
    cut: Literal["grid", "random"] = "grid",
) -> Recipe:  # fmt: skip
    """As a paper prints it: no warm-up, no clipping, no average, a rate that stays or is halved once, the last epoch kept."""
    return Recipe(
        optimizer, rate, "halved" if halved else "cosine", final_share=0.5 if halved else 1.0, warmup_steps=1, clip=0.0,
        ema_decay=0.0, batch=batch, cut=cut, epochs=epochs, minutes=None, keep="last",
    )  # fmt: skip
