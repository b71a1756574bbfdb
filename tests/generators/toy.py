"""A back-end that is registered by its row alone: the next sample is an affine map of the last ``taps``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.generators.backend import Backend
from orchestrion.generators.configuring import BackendConfig, Bounds
from orchestrion.generators.cures import NONE, Cures
from orchestrion.generators.generator import Generator
from orchestrion.generators.recipe import Recipe
from orchestrion.generators.seeding import at_least, seed_or_noise
from orchestrion.generators.table import BACKENDS
from orchestrion.progress import Advance


@dataclass(frozen=True)
class ToyConfig(BackendConfig):
    sample_rate: int = 4410
    taps: int = 8

    @classmethod
    def limits(cls) -> Mapping[str, Bounds]:
        return {"taps": (1, 64)}


class Toy(Generator):
    block, temperature = 1, 0.0

    def __init__(self, config: ToyConfig):
        super().__init__()
        self.config = config
        self.affine = nn.Linear(config.taps, 1)

    @property
    def clip_samples(self) -> int:
        return 100

    def clip_for(self, seconds: float) -> int:
        return self.config.taps + round(seconds * self.sample_rate)

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        for _ in clips:
            pass

    def measure_residual(self, clips: Iterable[Tensor]) -> None:
        for _ in clips:
            pass

    def loss(self, clips: Tensor, cures: Cures = NONE, rng: torch.Generator | None = None) -> Tensor:
        windows = clips.unfold(1, self.config.taps, 1)[:, :-1]
        return F.mse_loss(self.affine(windows)[..., 0], clips[:, self.config.taps :])

    @torch.no_grad()
    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None, *,
        temperature: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        taps = self.config.taps
        known = list(at_least(seed_or_noise(seed_audio, taps, 0.1, seed), taps))
        for _ in range(n_samples):
            known.append(float(self.affine(torch.tensor(known[-taps:], dtype=torch.float32))))
        return np.clip(np.array(known[-n_samples:], dtype=np.float32), -1, 1)


TOY = Backend(
    "an affine map of the last samples", "nobody 2026", lambda: {"paper": ToyConfig(taps=64), "small": ToyConfig()}, Toy,
    {"paper": Recipe(epochs=3), "small": Recipe(warmup_steps=1)},
)  # fmt: skip


def register() -> None:
    """All that a new back-end needs."""
    BACKENDS["toy"] = TOY
