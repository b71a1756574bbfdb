"""How a back-end is trained by default: optimiser, batches, examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stages = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Recipe:
    """Defaults of a training; these are what suits a laptop.

    Attributes:
        optimizer, learning_rate, schedule, final_share, warmup_steps, clip, ema_decay: see ``training.settings.LoopSettings``.
        batch: (first epoch, batch size) of every stage, the first from epoch 0.
        cut: ``grid``: songs in consecutive examples, all of them once an epoch, in an order drawn for each epoch;
            ``random``: each example begins anywhere.
        epochs: of the published training; what a training runs for where no other end is given.
    """

    optimizer: Literal["adamw", "adam", "rmsprop", "sgd"] = "adamw"
    learning_rate: float = 3e-3
    schedule: Literal["cosine", "halved"] = "cosine"
    final_share: float = 0.02
    warmup_steps: int = 50
    clip: float = 1.0
    ema_decay: float = 0.99
    batch: Stages = ((0, 16),)
    cut: Literal["grid", "random"] = "random"
    epochs: int | None = None


def published(
    optimizer: Literal["adam", "rmsprop", "sgd"], rate: float, epochs: int, batch: Stages, *, halved: bool = False
) -> Recipe:
    """As a paper prints it: no warm-up, no clipping, no average, a rate that stays or is halved once."""
    return Recipe(
        optimizer, rate, "halved" if halved else "cosine", final_share=0.5 if halved else 1.0, warmup_steps=1, clip=0.0,
        ema_decay=0.0, batch=batch, cut="grid", epochs=epochs,
    )  # fmt: skip
