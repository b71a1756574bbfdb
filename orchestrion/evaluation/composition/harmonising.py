"""Does a composer harmonise with the rest of the melody in sight? Likelihood of the other notes of a piece whose top line is given.

The same network scores the notes below the melody twice: hearing the melody of the present step alone along its backward axis, and all that
is left of it (`composer.given`). Only cells that are not given count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from orchestrion.cluster import Cluster, in_order, shared
from orchestrion.composer.compose import Composer
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.form import untold
from orchestrion.composer.given import given_of, top_line
from orchestrion.composer.likelihood import step_nll
from orchestrion.composer.voices import N_PARTS
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.progress import progress

MOST_PIECES = 32


def harmonising_measures(composer: Composer, pieces: Sequence[CorpusPiece], cluster: Cluster | None = None) -> dict[str, float]:
    """Nats a step of the lower notes of up to `MOST_PIECES` pieces: ``harmonising_nll_present`` and ``harmonising_nll_seen``.

    Nothing for a network that cannot see what is to come, or one that does not write in four parts.
    """
    if not composer.config.foresight or composer.default("voices", 1) != N_PARTS or not pieces:
        return {}
    chosen, composer_there = pieces[:MOST_PIECES], shared(cluster, composer)
    with progress(len(chosen), "Harmonising") as advance:
        rows = in_order(cluster, _nll, ((composer_there, piece) for piece in chosen), advance)
    present, seen = np.concatenate(rows, axis=1).mean(axis=1).tolist()
    return {"harmonising_nll_present": present, "harmonising_nll_seen": seen}


def _nll(composer: Composer, piece: CorpusPiece) -> np.ndarray:
    """[2, s]: with the present of the melody, and with the rest of it."""
    model, config, n = composer.model, composer.config, piece.n_whole_steps
    grid = piece.grid_in(config.pitch_low, config.pitch_high, n)
    known = top_line(grid, piece.steps_per_bar, np.random.default_rng())  # draws nothing
    memory = memories(grid, config, piece.steps_per_bar, untold(n // piece.steps_per_bar), 0, n)
    clock = clock_rows(config, piece.meter, 0, n, piece.n_until_end, pickup=piece.has_pickup)
    roll, ticks, earlier, given = (torch.from_numpy(each)[None] for each in (grid, clock, memory, given_of(grid, known)))
    with torch.no_grad():
        alone = model.look_ahead(given[0][:, None])[None, :, 0]  # every step a piece of its own
        found = [
            step_nll(model(roll, ticks, memory=earlier, given=given, ahead=ahead), roll, 1 - given[..., 0]).total[0].numpy()
            for ahead in (alone, None)
        ]
    return np.stack(found)
