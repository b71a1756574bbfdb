"""Does a composer use what comes after a gap? Likelihood of the true bars in it, with and without the notes that follow.

The same network scores the bars of a gap three times (`composer.filling`): told nothing of later notes (left to right), hearing them along its
backward axis, and as `compose --fill` fills them, when bars of the gap may also repeat bars that follow it. Only the steps of the gap
count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from orchestrion.cluster import Cluster, in_order, shared
from orchestrion.composer.compose import Composer
from orchestrion.composer.filling import gap_nll
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.progress import progress

GAP_BARS = 4
MOST_PIECES = 64
WAYS = ((False, False), (True, False), (True, True))  # left to right, seen, filled


def gap_measures(composer: Composer, pieces: Sequence[CorpusPiece], cluster: Cluster | None = None) -> dict[str, float]:
    """Nats a step in the fifth to eighth whole bars of up to `MOST_PIECES` pieces that are twelve bars long or longer.

    ``gap_nll_left_to_right``, ``gap_nll_seen`` (the backward axis alone) and ``gap_nll_filled``; ``gap_filled_better_share`` (of the pieces)
    and ``gap_pieces``. Nothing for a network that cannot see what is to come, or where no piece is long enough.
    """
    long = [piece for piece in pieces if piece.n_whole_steps // piece.steps_per_bar >= 3 * GAP_BARS + piece.has_pickup][:MOST_PIECES]
    if not composer.config.foresight or not long:
        return {}
    steps = [GAP_BARS * piece.steps_per_bar for piece in long]
    composer_there = shared(cluster, composer)
    with progress(len(long), "Filling gaps") as advance:
        rows = in_order(cluster, _nll, ((composer_there, piece) for piece in long), advance)
    nll = np.array(rows)
    left_to_right, seen, filled = np.average(nll, axis=0, weights=steps).tolist()
    return {
        "gap_nll_left_to_right": left_to_right,
        "gap_nll_seen": seen,
        "gap_nll_filled": filled,
        "gap_filled_better_share": float((nll[:, 2] < nll[:, 0]).mean()),
        "gap_pieces": len(long),
    }


def _nll(composer: Composer, piece: CorpusPiece) -> list[float]:
    """Of the gap of a piece, by each of `WAYS`."""
    with torch.no_grad():
        return [gap_nll(composer, piece, GAP_BARS + piece.has_pickup, GAP_BARS, ahead=ahead, repeats=repeats) for ahead, repeats in WAYS]
