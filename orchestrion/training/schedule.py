"""The learning rate: a linear warm-up, then a cosine over the whole training, or half of it for its second half."""

from __future__ import annotations

import math

from orchestrion.training.settings import LoopSettings


def learning_rate_at(settings: LoopSettings, step: int, share: float) -> float:
    """The learning rate of a step when ``share`` (0 to 1) of the training is done."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    return settings.learning_rate * warm * SHAPES[settings.schedule](settings.final_share, share)


def _cosine(floor: float, share: float) -> float:
    return floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2


def _halved(floor: float, share: float) -> float:
    return max(floor, 1.0 if share < 0.5 else 0.5)


SHAPES = {"cosine": _cosine, "halved": _halved}
