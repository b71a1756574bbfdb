"""Base of the time-domain generators: sample by sample, on audio divided by the RMS of the training audio.

The paper does not say how it normalised the level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from orchestrion.generators.backend import Config
from orchestrion.generators.cures import NONE, Cures
from orchestrion.generators.generator import Generator
from orchestrion.generators.residual import Residual

QUIETEST = 1e-4
FIRST_LEVEL = 0.1


class SampleConfig(Config, Protocol):
    """Samples that a prediction is made from, and samples of an example that are predicted."""

    @property
    def history(self) -> int: ...

    @property
    def targets(self) -> int: ...


class SampleBySample(Generator):
    """The part of a generator that does not depend on the network.

    ``loss_of`` compares predictions with what came; ``level`` is
    the training audio's RMS, which amplitudes are divided by.
    """

    config: SampleConfig
    level: Tensor
    loss_of: Callable[[Tensor, Tensor], Tensor]
    temperature = 0.0  # the paper plays the mean

    def __init__(self, config: SampleConfig):
        super().__init__()
        self.config = config
        self.register_buffer("level", torch.tensor(FIRST_LEVEL))
        self.residual = Residual(1)

    @property
    def block(self) -> int:
        """Samples between possible seams: it goes sample by sample."""
        return 1

    @property
    def clip_samples(self) -> int:
        """Audio of a training example."""
        return self.config.history + self.config.targets

    def clip_for(self, seconds: float) -> int:
        """Audio of an example in which so many seconds are predicted."""
        return self.config.history + max(1, round(seconds * self.sample_rate))

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure the level of ``clips``, each ``[b, t]``."""
        self.level.fill_(measured_level(clips))

    def loss(self, clips: Tensor, cures: Cures = NONE, rng: torch.Generator | None = None) -> Tensor:
        """The mean loss of all samples of ``[b, clip_samples]`` that have their whole history, in units of the level."""
        audio = clips / self.level
        n = audio.shape[1] - self.config.history
        predicted = cures.predictions(self, audio[:, :-1], rng)
        return self.loss_of(predicted[:, -n:], audio[:, -n:])

    @torch.no_grad()
    def measure_residual(self, clips: Iterable[Tensor]) -> None:
        """Measure how far predictions are off on ``clips``, each ``[b, clip_samples]``, for drawing at a temperature."""
        first = self.config.history
        each = (clip / self.level for clip in clips)
        self.residual.measure((audio[:, first:] - self(audio[:, :-1])[:, first - 1 :])[..., None] for audio in each)

    def deviations(self, n_samples: int, seed: int, temperature: float | None) -> np.ndarray:
        """From ``n_samples`` successive predictions, float32 [n_samples]."""
        draw = self.residual.drawer(seed, self.temperature if temperature is None else temperature)
        return draw.next(n_samples)[:, 0]


def measured_level(clips: Iterable[Tensor]) -> float:
    """RMS over ``clips``, each ``[b, t]``, at least that of the last bit of 16."""
    power, n_samples = 0.0, 0
    for clip in clips:
        power += float(clip.double().square().sum())
        n_samples += clip.numel()
    result: float = max((power / max(n_samples, 1)) ** 0.5, QUIETEST)
    return result
