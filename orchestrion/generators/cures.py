"""Cures of free-running decay: what a network hears in training is made more like what it will hear when it runs free.

A network that was taught on true pasts alone drifts off as soon as it hears its own output, which becomes silence or a loop.
None of the papers has a cure, so all are off by default. They change what is heard or asked for in training, never the network:

- *noise*: what is heard has noise added to it, of a level drawn for each example; what follows is clean.
- *gain drift*: half of the examples are heard louder or softer than they are, and what follows is not: the level is restored.
- *own predictions*: a share of the steps heard is what the network itself said there (scheduled sampling, Bengio et al. 2015,
  in parallel passes over the whole example as Duckworth et al. 2019).
- *magnitudes*: the loss also counts by how much the logarithm of each magnitude is off, whatever the phase. The mean squared
  error alone is least for a prediction that shrinks as its phase becomes uncertain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from orchestrion.errors import OrchestrionError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PASSES = 2  # after which a prediction may rest on two earlier ones
LIMITS = {"noise": 10.0, "gain_drift_db": 60.0, "own": 1.0, "magnitudes": 100.0}


@dataclass(frozen=True)
class Cures:
    """Which cures are taken, and how much of each; 0 is none.

    Attributes:
        noise: the most RMS of the noise, against that of the training audio (in each dimension, of spectra).
        gain_drift_db: the most that an example is heard too loud or too soft.
        own: share of the steps that are the network's own predictions.
        magnitudes: weight of the loss of magnitudes beside the paper's.
    """

    noise: float = 0.0
    gain_drift_db: float = 0.0
    own: float = 0.0
    magnitudes: float = 0.0

    def __post_init__(self) -> None:
        for name, most in LIMITS.items():
            if not 0 <= getattr(self, name) <= most:
                raise OrchestrionError(f"{name} is {getattr(self, name)}; it must be from 0 to {most:g}.")

    def taken(self) -> set[str]:
        """Names of those that are not 0."""
        return {field.name for field in fields(self) if getattr(self, field.name)}

    def disturbed(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        """``x`` [b, …], normalised, at another gain and with noise."""
        import torch

        each = (len(x), *[1] * (x.dim() - 1))
        if self.gain_drift_db:
            db = self.gain_drift_db * (2 * _uniform(each, x, rng) - 1) * (_uniform(each, x, rng) < 0.5)
            x = x * 10 ** (db / 20)
        if self.noise:
            x = x + self.noise * _uniform(each, x, rng) * torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        return x

    def predictions(self, network: Callable[[Tensor], Tensor], x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """What ``network`` predicts after each step of ``x`` [b, s] or [b, s, d], normalised, as it is heard.

        Args:
            network: maps such a sequence to one of the same shape: what follows each step.
        """
        import torch

        heard = self.disturbed(x, rng)
        for _ in range(PASSES if self.own else 0):
            with torch.no_grad():
                said = torch.cat([heard[:, :1], network(heard)[:, :-1]], 1)
            chosen = _uniform(x.shape[:2], x, rng) < self.own
            heard = torch.where(chosen if x.dim() == 2 else chosen[..., None], said, heard)
        return network(heard)


NONE = Cures()


def _uniform(shape: tuple[int, ...] | torch.Size, like: Tensor, rng: torch.Generator | None) -> Tensor:
    import torch

    return torch.rand(tuple(shape), generator=rng, device=like.device, dtype=like.dtype)
