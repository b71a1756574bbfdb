"""The learning rate: a linear warm-up, then a cosine over the whole training."""

from __future__ import annotations

import math

from orchestrion.training.settings import LoopSettings


def learning_rate_at(settings: LoopSettings, step: int, share: float) -> float:
    """The learning rate of a step when ``share`` (0 to 1) of the training is done."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    floor = settings.final_share
    return settings.learning_rate * warm * (floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2)
