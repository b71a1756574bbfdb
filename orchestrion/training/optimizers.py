"""The optimisers: AdamW for what is ours, and those that the papers of the back-ends name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from orchestrion.training.settings import LoopSettings

# The decay and the floor of the toolkit that both spectral papers used; torch's own default decay is 0.99.
RMSPROP_DECAY, RMSPROP_FLOOR = 0.9, 1e-7


def make_optimizer(settings: LoopSettings, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser that ``settings`` name, at their learning rate."""
    rate, listed = settings.learning_rate, list(parameters)
    optimizers: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adamw": lambda: torch.optim.AdamW(listed, rate, betas=(0.9, 0.99), weight_decay=settings.weight_decay),
        "adam": lambda: torch.optim.Adam(listed, rate),
        "rmsprop": lambda: torch.optim.RMSprop(listed, rate, alpha=RMSPROP_DECAY, eps=RMSPROP_FLOOR),
        "sgd": lambda: torch.optim.SGD(listed, rate),
    }
    return optimizers[settings.optimizer]()
