"""Fundamental, voicing and level of a melody line, in frames of 10 ms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.datasets.checking.flux import BLOCK_FRAMES, HOP, frames_of, n_frames
from orchestrion.errors import OrchestrionError

FLOOR_DB = -120.0


@dataclass(frozen=True, slots=True, eq=False)
class PitchTrack:
    """A melody line; frame i is centred on i * `FRAME_S` seconds.

    Args:
        hz: float [n], the fundamental; 0 where nothing is known.
        voiced: booleans [n], where the line sounds; implies ``hz`` > 0.

    Raises:
        OrchestrionError: the two differ in length, or a sounding frame has no frequency.
    """

    hz: np.ndarray
    voiced: np.ndarray

    def __post_init__(self) -> None:
        if self.hz.ndim != 1 or self.hz.shape != self.voiced.shape:
            raise OrchestrionError(f"A pitch track has {self.hz.shape} frequencies but {self.voiced.shape} voicings.")
        if np.any(self.voiced & ~(self.hz > 0)):
            raise OrchestrionError("A pitch track sounds in a frame that has no frequency.")

    def midi(self) -> np.ndarray:
        """MIDI numbers with fractions [n]; NaN where nothing is known."""
        with np.errstate(divide="ignore"):
            numbers = 69 + 12 * np.log2(self.hz / 440.0)
        return np.where(self.hz > 0, numbers, np.nan)


def level_db(samples: np.ndarray, length: int = 2 * HOP) -> np.ndarray:
    """RMS level [n] around every frame, in dB of full scale, -120 at least."""
    total = n_frames(samples)
    parts = []
    for first in range(0, total, BLOCK_FRAMES):
        block = frames_of(samples, length, first, min(BLOCK_FRAMES, total - first))
        parts.append(np.mean(np.square(block, dtype=np.float64), axis=1))
    return np.asarray(np.maximum(10 * np.log10(np.concatenate(parts) + 1e-12), FLOOR_DB))
