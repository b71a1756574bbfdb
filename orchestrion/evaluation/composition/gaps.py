"""Does a composer use what comes after a gap? Likelihood of the true bars in it, with and without the notes that follow.

The same network scores the bars of a gap twice: told nothing of later notes (left-to-right), and told every note outside the gap
(order-agnostic, `composer.given`). Only the steps of the gap count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.form import untold
from orchestrion.composer.given import given_of
from orchestrion.composer.likelihood import step_nll
from orchestrion.composer.network import Biaxial
from orchestrion.datasets.corpora.piece import CorpusPiece

GAP_BARS = 4
MOST_PIECES = 64


def gap_nll(model: Biaxial, pieces: Sequence[CorpusPiece], report: Callable[[int], None] | None = None) -> dict[str, float]:
    """Nats a step in the fifth to eighth whole bars of up to `MOST_PIECES` pieces that are twelve bars long or longer.

    ``gap_nll_left_to_right`` and ``gap_nll_seen``, ``gap_seen_better_share`` (of the pieces) and ``gap_pieces``; nothing for a
    network that cannot see what is to come, or where no piece is long enough.
    """
    long = [piece for piece in pieces if piece.n_whole_steps // piece.steps_per_bar >= 3 * GAP_BARS + piece.has_pickup][:MOST_PIECES]
    if not model.config.foresight or not long:
        return {}
    blind, seen, steps = [], [], []
    with torch.no_grad():
        for piece in long:
            first = (GAP_BARS + piece.has_pickup) * piece.steps_per_bar
            gap = slice(first, first + GAP_BARS * piece.steps_per_bar)
            blind.append(_nll(model, piece, gap, sees=False))
            seen.append(_nll(model, piece, gap, sees=True))
            steps.append(gap.stop - gap.start)
            if report is not None:
                report(1)
    return {
        "gap_nll_left_to_right": sum(blind) / sum(steps),
        "gap_nll_seen": sum(seen) / sum(steps),
        "gap_seen_better_share": float(np.mean(np.array(seen) < np.array(blind))),
        "gap_pieces": len(long),
    }


def _nll(model: Biaxial, piece: CorpusPiece, gap: slice, *, sees: bool) -> float:
    config: ComposerConfig = model.config
    n, bar = piece.n_whole_steps, piece.steps_per_bar
    grid = piece.grid_in(config.pitch_low, config.pitch_high, n)
    clock = clock_rows(config, piece.meter, 0, n, n, pickup=piece.has_pickup)
    memory = memories(grid, config, bar, untold(n // bar), 0, n)
    known = np.ones(grid.shape[:2], dtype=bool)
    known[gap] = False
    roll = torch.from_numpy(grid)[None]
    given = torch.from_numpy(given_of(grid, known))[None] if sees else None
    logits = model(roll, torch.from_numpy(clock)[None], memory=torch.from_numpy(memory)[None], given=given)
    return float(step_nll(logits, roll).total[0, gap].sum())
