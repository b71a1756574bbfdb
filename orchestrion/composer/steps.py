"""What lies on the composer's grid of sixteenths: how many steps it has, and how many make a bar."""

from __future__ import annotations

import numpy as np


class OnSteps:
    """A piece's grid and meter.

    Attributes:
        given: ``[s, ...]``, a row a step.
        meter: beats a bar, and which note is a beat.
    """

    given: np.ndarray
    meter: tuple[int, int]

    @property
    def n_steps(self) -> int:
        """Steps of the whole piece."""
        return len(self.given)

    @property
    def bar_steps(self) -> int:
        """Steps a bar."""
        return self.meter[0] * 16 // self.meter[1]
