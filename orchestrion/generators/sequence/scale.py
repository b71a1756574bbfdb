"""What the time-domain generators share: they go sample by sample, over audio divided by how loud the training audio is.

The paper does not say what it did about the level.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

QUIETEST = 1e-4
FIRST_LEVEL = 0.1


class SampleBySample(nn.Module):
    """The part of `generators.backend.Generator` that does not depend on the network.

    ``config`` has ``sample_rate``, ``window`` and ``targets``; ``level`` is the training audio's RMS, which amplitudes are
    divided by.
    """

    level: Tensor

    def __init__(self, config: Any):
        super().__init__()
        self.config = config
        self.register_buffer("level", torch.tensor(FIRST_LEVEL))

    @property
    def sample_rate(self) -> int:
        return self.config.sample_rate

    @property
    def block(self) -> int:
        """Samples between possible seams: it goes sample by sample."""
        return 1

    @property
    def clip_samples(self) -> int:
        """Audio of a training example."""
        return self.config.window + self.config.targets

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure the level of ``clips``, each ``[b, t]``."""
        self.level.fill_(measured_level(clips))


def measured_level(clips: Iterable[Tensor]) -> float:
    """RMS over ``clips``, each ``[b, t]``, at least that of the last bit of 16."""
    power, n_samples = 0.0, 0
    for clip in clips:
        power += float(clip.double().square().sum())
        n_samples += clip.numel()
    return max((power / max(n_samples, 1)) ** 0.5, QUIETEST)
