"""Every back-end at a size that a test can afford: the real modules, few units, short blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from orchestrion.generators.table import BACKENDS


def _tiny(name: str) -> Any:
    config = BACKENDS[name].presets()["small"]
    if name.startswith("wavenet"):
        context = {} if config.conditioning == "none" else {"context_channels": 8, "conditioning_channels": 8}
        return replace(config, layers=4, cycle=4, residual=8, skip=16, head=16, **context)
    if name.startswith("spectral"):
        return replace(config, block=32, steps=6, hidden=12, filters=3)
    sizes: dict[str, dict[str, Any]] = {
        "sample-lstm": {"window": 20, "hidden": 6, "targets": 10},
        "stft-encdec": {"block": 20, "steps": 3, "hidden": 12},
        "tcn": {"window": 64, "kernel": 3, "dilations": (1, 2, 4), "stacks": 2, "filters": 6, "targets": 30},
    }
    return replace(config, **sizes[name])


TINY = {name: _tiny(name) for name in BACKENDS}


def tones(n_samples: int, rate: int, seed: int = 0) -> np.ndarray:
    """Some decaying tones, float32 in [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples) / rate
    hz = rng.uniform(100, rate / 6, 4)[:, None]
    return (0.1 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6, (4, 1))).sum(0)).astype(np.float32)


def make(name: str, config: Any = None) -> Any:
    """An untrained model, calibrated on tones."""
    torch.manual_seed(0)
    model = BACKENDS[name].network(config or TINY[name])
    model.calibrate(clips(model, n) for n in (3, 4))
    return model


def clips(model: Any, n: int = 4) -> torch.Tensor:
    """``[n, clip_samples]``."""
    return torch.from_numpy(np.stack([tones(model.clip_samples, model.sample_rate, i) for i in range(n)]))
