"""What the network of every back-end does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from orchestrion.generators.backend import Config
from orchestrion.generators.cures import NONE, Cures
from orchestrion.progress import Advance


class Generator(nn.Module, ABC):
    """A network that learns from plain audio and continues it.

    Attributes:
        config: what it was made of; a weights file carries it.
        temperature: of generation where none is asked for.
    """

    config: Config
    temperature: float

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return self.config.sample_rate

    @property
    @abstractmethod
    def block(self) -> int:
        """Samples between possible seams in its audio; 1 where it goes sample by sample."""

    @property
    @abstractmethod
    def clip_samples(self) -> int:
        """Samples of a training example."""

    @abstractmethod
    def clip_for(self, seconds: float) -> int:
        """Samples of an example of about so many seconds, where another length than ``clip_samples`` is asked for."""

    @abstractmethod
    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure what normalises the data, over ``clips`` each ``[b, t]``; once, before training."""

    @abstractmethod
    def loss(self, clips: Tensor, cures: Cures = NONE, rng: torch.Generator | None = None) -> Tensor:
        """What training minimises, over ``[b, clip_samples]`` of audio in [-1, 1]; ``cures`` as far as the row lists them."""

    @abstractmethod
    def measure_residual(self, clips: Iterable[Tensor]) -> None:
        """Measure, over ``clips``, what drawing at a temperature needs; before a model is kept."""

    @abstractmethod
    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None, *,
        temperature: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        """The continuation of ``seed_audio`` (float32 [t] at the model's rate; None: noise), float32 [n_samples] in [-1, 1].

        Args:
            temperature: how far what is played is drawn from what is predicted; None for the model's own.
        """
