"""How likely a composer finds given pieces: negative log-likelihood per step, in nats.

Two averages are in use (Boulanger-Lewandowski et al. 2012 and the papers that compare with them): over all frames of a
split, and over its pieces of each piece's mean. Both leave out padding. ``play`` counts the 0/1 of sounding alone,
which is what the literature reports; ``total`` adds articulation, masked where nothing sounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.form import untold
from orchestrion.composer.likelihood import StepNll, step_nll

BATCH_STEPS = 4096


class PieceLike(Protocol):
    """What scoring needs of a piece (``datasets.piece.Piece`` is one)."""

    @property
    def meter(self) -> tuple[int, int]: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def n_whole_steps(self) -> int: ...
    @property
    def has_pickup(self) -> bool: ...
    def grid_in(self, low: int, high: int, n_steps: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Nll:
    """Per-step NLL of a set of pieces, averaged in both usual ways."""

    frame_average: float
    sequence_average: float


def average(per_piece: Sequence[np.ndarray]) -> Nll:
    """Averages of arrays [s] of per-step values, one a piece."""
    return Nll(float(np.concatenate(per_piece).mean()), float(np.mean([values.mean() for values in per_piece])))


def averages(per_piece: Iterable[StepNll]) -> dict[str, Nll]:
    """``play``, ``articulation`` and ``total`` of the NLL [1, s] of each piece."""
    kept = list(per_piece)
    return {
        name: average([getattr(nll, name)[0].double().numpy() for nll in kept])
        for name in ("play", "articulation", "total")
    }


def score_pieces(
    model: torch.nn.Module,
    pieces: Sequence[PieceLike],
    report: Callable[[int], None] | None = None,
) -> dict[str, Nll]:
    """``play``, ``articulation`` and ``total`` NLL of whole pieces, from silence and zero state; float32."""
    training, config = model.training, model.config
    assert isinstance(config, ComposerConfig)
    device = next(model.parameters()).device
    model.eval()
    results: dict[int, StepNll] = {}
    with torch.no_grad():
        for indices in _batches([piece.n_steps for piece in pieces]):
            n_steps = max(pieces[i].n_steps for i in indices)
            grids = [pieces[i].grid_in(config.pitch_low, config.pitch_high, n_steps) for i in indices]
            clocks = [_clock(pieces[i], config, n_steps) for i in indices]
            grid = torch.from_numpy(np.stack(grids)).to(device)
            memory = _memory(grids, config, [pieces[i].meter for i in indices])
            nll = step_nll(model(grid, torch.from_numpy(np.stack(clocks)).to(device), memory=memory), grid)
            for row, i in enumerate(indices):
                n = pieces[i].n_steps
                results[i] = StepNll(nll.play[row : row + 1, :n].cpu(), nll.articulation[row : row + 1, :n].cpu())
            if report is not None:
                report(len(indices))
    model.train(training)
    return averages(results[i] for i in range(len(pieces)))


def _clock(piece: PieceLike, config: ComposerConfig, n_steps: int) -> np.ndarray:
    return clock_rows(config, piece.meter, 0, n_steps, piece.n_whole_steps, pickup=piece.has_pickup)


def _memory(
    grids: Sequence[np.ndarray], config: ComposerConfig, meters: Sequence[tuple[int, int]]
) -> torch.Tensor | None:
    """Earlier rolls [b, s, m, p, 2], no plan told."""
    if not config.n_memories:
        return None
    rows = []
    for grid, meter in zip(grids, meters, strict=True):
        bar_steps = meter[0] * 16 // meter[1]
        rows.append(memories(grid, config, bar_steps, untold(-(-len(grid) // bar_steps)), 0, len(grid)))
    return torch.from_numpy(np.stack(rows))


def _batches(lengths: Sequence[int]) -> Iterable[list[int]]:
    """Indices in groups of similar length, at most ``BATCH_STEPS`` padded steps each (one piece at least)."""
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if group and (len(group) + 1) * lengths[i] > BATCH_STEPS:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
