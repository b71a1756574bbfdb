"""How likely a composer finds given pieces: negative log-likelihood per step, in nats.

Two averages are in use (Boulanger-Lewandowski et al. 2012 and the papers that compare with them): over all frames of a
split, and over its pieces of each piece's mean. Both leave out padding. ``play`` counts the 0/1 of sounding alone,
which is what the literature reports; ``total`` adds articulation, masked where nothing sounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    def n_until_end(self) -> int | None: ...
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
    rows = []
    for indices in batches(pieces):
        rows.append(score_batch(model, [pieces[i] for i in indices]))
        if report is not None:
            report(len(indices))
    return in_turn(pieces, rows)


def score_batch(model: torch.nn.Module, pieces: Sequence[PieceLike]) -> list[StepNll]:
    """NLL [1, s] of each of the pieces of one of `batches`."""
    nll = step_nll(*batch_logits(model, pieces))
    return [
        StepNll(nll.play[row : row + 1, : piece.n_steps].cpu(), nll.articulation[row : row + 1, : piece.n_steps].cpu())
        for row, piece in enumerate(pieces)
    ]


def batch_logits(model: torch.nn.Module, pieces: Sequence[PieceLike]) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and grid [b, s, p, 2] of the pieces of one of `batches`, each from silence; padded to the longest."""
    training, config = model.training, model.config
    assert isinstance(config, ComposerConfig)
    device = next(model.parameters()).device
    model.eval()
    n_steps = max(piece.n_steps for piece in pieces)
    grids = [piece.grid_in(config.pitch_low, config.pitch_high, n_steps) for piece in pieces]
    grid, clock = (torch.from_numpy(np.stack(rows)).to(device) for rows in (grids, [_clock(piece, config, n_steps) for piece in pieces]))
    with torch.no_grad():
        logits = model(grid, clock, memory=_memory(grids, config, [piece.meter for piece in pieces]))
    model.train(training)
    return logits, grid


def in_turn(pieces: Sequence[PieceLike], rows: Sequence[Sequence[StepNll]]) -> dict[str, Nll]:
    """`averages` of what `score_batch` said of each of the `batches`."""
    by_piece = {i: nll for indices, found in zip(batches(pieces), rows, strict=True) for i, nll in zip(indices, found, strict=True)}
    return averages(by_piece[i] for i in range(len(pieces)))


def _clock(piece: PieceLike, config: ComposerConfig, n_steps: int) -> np.ndarray:
    return clock_rows(config, piece.meter, 0, n_steps, piece.n_until_end, pickup=piece.has_pickup)


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


def batches(pieces: Sequence[PieceLike]) -> Iterator[list[int]]:
    """Their numbers in groups of similar length, at most ``BATCH_STEPS`` padded steps each (one piece at least)."""
    group: list[int] = []
    for i in sorted(range(len(pieces)), key=lambda i: pieces[i].n_steps):
        if group and (len(group) + 1) * pieces[i].n_steps > BATCH_STEPS:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
