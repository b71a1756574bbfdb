"""The Bernoulli likelihood of a piano roll, articulation masked where nothing sounds (Johnson 2015)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits


@dataclass(frozen=True)
class StepNll:
    """Negative log-likelihoods in nats, [b, s]: summed over the pitches of a step."""

    play: torch.Tensor
    articulation: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        return self.play + self.articulation


def step_nll(logits: torch.Tensor, grid: torch.Tensor, unknown: torch.Tensor | None = None) -> StepNll:
    """NLL of ``grid`` [b, s, p, 2] in 0/1 under ``logits`` of the same shape; only where ``unknown`` [b, s, p] is 1."""
    nll = binary_cross_entropy_with_logits(logits.float(), grid.float(), reduction="none")
    if unknown is not None:
        nll = nll * unknown[..., None]
    return StepNll(nll[..., 0].sum(-1), (nll[..., 1] * grid[..., 0]).sum(-1))


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of ``values`` [b, s] where ``mask`` is 1 (crops shorter than the batch's are padded)."""
    return (values * mask).sum() / mask.sum().clamp(min=1)
