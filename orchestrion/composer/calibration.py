"""Calibration: two numbers that make a trained network as sure as it may be (Guo et al. 2017, "On Calibration of Modern Neural Networks").

A network that has begun to learn its pieces by heart is too sure of its notes in others. With z the logit of sounding, ``scale`` z + ``shift``
is likelier there; both are folded into the output layer, so that neither the network's form nor its size changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from orchestrion.composer.network import Biaxial
from orchestrion.composer.scoring import PieceLike, batch_logits, batches

UPDATES = 50


@dataclass(frozen=True)
class Calibration:
    """Of the logit of sounding: times ``scale``, plus ``shift``."""

    scale: float
    shift: float

    @torch.no_grad()
    def fold_into(self, model: Biaxial) -> None:
        """Change the output layer so that the logits of sounding are calibrated."""
        model.out.weight[0] *= self.scale
        model.out.bias[0] = model.out.bias[0] * self.scale + self.shift


def fitted(model: Biaxial, pieces: Sequence[PieceLike], report: Callable[[int], None] | None = None) -> Calibration:
    """The most likely one for ``pieces``, which the network must not have learnt from; ``report`` is told how many were read."""
    logits, sounding = [], []
    for indices in batches(pieces):
        found, grid = batch_logits(model, [pieces[i] for i in indices])
        for row, i in enumerate(indices):
            logits.append(found[row, : pieces[i].n_steps, :, 0].flatten())
            sounding.append(grid[row, : pieces[i].n_steps, :, 0].flatten().to(found))
        if report is not None:
            report(len(indices))
    z, y = torch.cat(logits), torch.cat(sounding)
    both = torch.tensor([1.0, 0.0], device=z.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([both], max_iter=UPDATES, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        nll = torch.nn.functional.binary_cross_entropy_with_logits(both[0] * z + both[1], y)
        nll.backward()
        return nll

    optimizer.step(loss)
    return Calibration(*both.detach().tolist())
