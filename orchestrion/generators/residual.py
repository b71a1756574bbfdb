"""Drawing instead of predicting the mean: a normal distribution about each prediction, as wide as predictions are wrong.

The mean squared error is the likelihood of a normal distribution whose mean the network predicts. The papers play the mean.
At a temperature T above 0 the next step is drawn with T times the deviation that predictions had on training songs, so
that the level is kept and no two continuations are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn

from orchestrion.errors import OrchestrionError
from orchestrion.generators.seeding import normal_numbers

YOUNGER = ("residual.deviation",)  # tensors that files of earlier versions lack
MOST_DEVIATION = 1e6  # of what has an RMS about 1
STREAM = 2  # of random numbers; seeds of noise have the two before


class Residual(nn.Module):
    """``deviation`` [d]: RMS of what came less what was predicted, in each dimension; 0 until it is measured."""

    deviation: Tensor

    def __init__(self, dimensions: int):
        super().__init__()
        self.register_buffer("deviation", torch.zeros(dimensions))

    @torch.no_grad()
    def measure(self, errors: Iterable[Tensor]) -> None:
        """Measure ``errors``, each ``[…, d]``."""
        squares, n = torch.zeros_like(self.deviation, dtype=torch.float64), 0
        for error in errors:
            flat = error.double().flatten(0, -2)
            squares, n = squares + flat.square().sum(0), n + len(flat)
        self.deviation.copy_((squares / max(n, 1)).sqrt())

    def drawer(self, seed: int, temperature: float, shape: Callable[[Tensor], Tensor] | None = None) -> Drawer:
        """Deviations from successive predictions.

        Args:
            shape: makes independent normal numbers ``[n, d]`` what only audio can have, keeping their variance.

        Raises:
            OrchestrionError: a temperature below 0, or above 0 and nothing has been measured, or more than any training measures.
        """
        if not 0 <= temperature < float("inf"):
            raise OrchestrionError(f"A temperature of {temperature} is impossible; give 0 (the prediction itself) or more.")
        if temperature and not self.deviation.any():
            raise OrchestrionError("This model does not know how far its predictions are off, as a temperature needs; train it again.")
        if temperature and float(self.deviation.max()) > MOST_DEVIATION:
            raise OrchestrionError("This model states deviations of its predictions that no training measures; is its file damaged?")
        return Drawer(self.deviation.numpy() * np.float32(temperature), seed, shape)


class Drawer:
    """Normal numbers by counter: number n depends on the seed and n alone."""

    def __init__(self, deviation: np.ndarray, seed: int, shape: Callable[[Tensor], Tensor] | None):
        self._deviation, self._seed, self._shape, self._n = deviation, seed, shape, 0

    def next(self, n_steps: int = 1) -> np.ndarray:
        """``[n_steps, d]``, float32."""
        d = len(self._deviation)
        if not self._deviation.any():
            return np.zeros((n_steps, d), dtype=np.float32)
        numbers = normal_numbers(self._seed, STREAM, np.arange(self._n, self._n + n_steps * d)).reshape(n_steps, d)
        self._n += n_steps * d
        if self._shape is not None:
            numbers = self._shape(torch.from_numpy(numbers)).numpy()
        result: np.ndarray = numbers.astype(np.float32) * self._deviation
        return result
