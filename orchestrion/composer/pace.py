"""Density: how many notes begin a quarter, steered while a piece is written.

The urge for attacks (`sampler.Choices`) rises where fewer notes began than asked for, and falls where more did (an integral
controller), so that the mean of the whole comes out and the network still says where they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEPS_PER_BEAT = 4
GAIN, STRONGEST = 0.25, 8.0  # logits a note too few; at most


@dataclass
class Pace:
    """``target`` in attacks a quarter, of all parts together; None for the network's own."""

    target: float | None
    urge: float = 0.0

    def watch(self, row: np.ndarray) -> None:
        """Take note of a step [p, 2] that was written."""
        if self.target is not None:
            missing = self.target / STEPS_PER_BEAT - float(row[:, 1].sum())
            self.urge = float(np.clip(self.urge + GAIN * missing, -STRONGEST, STRONGEST))
