"""What a generator continues: given audio, or noise; and the measures of the training audio that normalise it."""

from __future__ import annotations

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.randomness import uniform

MAX_SEED_SAMPLES = 1 << 25  # three minutes at the highest rate


def seed_or_noise(audio: np.ndarray | None, n_samples: int, level: float, seed: int) -> np.ndarray:
    """The last samples of ``audio`` as they are, or ``n_samples`` of white noise whose RMS is ``level``, float32 [t].

    Raises:
        OrchestrionError: no samples, not mono, not finite, or far too long.
    """
    if audio is None:
        return noise(n_samples, level, seed)
    seeded = np.asarray(audio, dtype=np.float32)
    if seeded.ndim != 1 or not 0 < len(seeded) <= MAX_SEED_SAMPLES:
        raise OrchestrionError(f"Audio to begin from must be mono, of 1 to {MAX_SEED_SAMPLES:,} samples; it is {seeded.shape}.")
    if not np.isfinite(seeded).all():
        raise OrchestrionError("Audio to begin from holds values that are not numbers.")
    return seeded


def noise(n_samples: int, level: float, seed: int) -> np.ndarray:
    """White Gaussian noise of RMS ``level`` within [-1, 1] (Box and Muller's transform)."""
    return np.clip(level * normal_numbers(seed, 0, np.arange(n_samples)), -1.0, 1.0).astype(np.float32)


def normal_numbers(seed: int, stream: int, counters: np.ndarray) -> np.ndarray:
    """Of mean 0 and deviation 1, float64, by counter; two of the seed's streams are used up, ``stream`` and the next."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, stream, counters)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(seed, stream + 1, counters)))


def at_least(audio: np.ndarray, n_samples: int) -> np.ndarray:
    """``audio`` with silence before it where it is shorter than ``n_samples``."""
    return np.pad(audio, (max(0, n_samples - len(audio)), 0))


def check_length(n_samples: int) -> None:
    """Raise an `OrchestrionError` where no sample is asked for."""
    if n_samples < 1:
        raise OrchestrionError(f"Cannot generate {n_samples} samples; ask for one or more.")
