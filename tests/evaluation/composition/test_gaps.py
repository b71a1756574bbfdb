"""Seeing the bars after a gap helps a network that has learnt to look."""

import pytest
import torch

from orchestrion.composer.compose import Composer
from orchestrion.composer.network import Biaxial
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.evaluation.composition.gaps import gap_measures
from tests.composer.models import TINY_BAR, TINY_FORM, random_model

BARS = [[60, 64], [62, 65], [67, 71], [69, 72]]


def piece(n_bars: int, seed: int = 0) -> CorpusPiece:
    notes = []
    for bar in range(n_bars):
        for beat in range(4):
            notes.append((bar * 16 + beat * 4, bar * 16 + beat * 4 + 4, BARS[(bar + seed) % 4][beat % 2]))
    return CorpusPiece(f"piece {seed}", tuple(notes))


PLANS = {"defaults": {"plans": [[[1, 0], [1, 0], [1, 0], [1, 0], [3, 4], [3, 4], [3, 4], [3, 4]]]}}


def test_one_that_sees_only_the_past_and_short_pieces_have_no_figure() -> None:
    assert gap_measures(Composer(random_model(TINY_BAR), {}), [piece(16)]) == {}
    assert gap_measures(Composer(random_model(TINY_FORM), {}), [piece(8)]) == {}


def test_what_is_seen_counts_and_deaf_networks_are_told_nothing() -> None:
    model, pieces = random_model(TINY_FORM), [piece(16), piece(14, 1)]
    found = gap_measures(Composer(model, PLANS), pieces)
    assert found["gap_pieces"] == 2 and len({found[f"gap_nll_{way}"] for way in ("left_to_right", "seen", "filled")}) == 3
    _silence_foresight(model)
    deaf = gap_measures(Composer(model, {}), pieces)
    assert deaf["gap_nll_seen"] == deaf["gap_nll_filled"] == pytest.approx(deaf["gap_nll_left_to_right"], abs=1e-6)
    assert deaf["gap_nll_left_to_right"] == pytest.approx(found["gap_nll_left_to_right"], abs=1e-6)


def _silence_foresight(model: Biaxial) -> None:
    """The inputs that hear the backward axis are the last ones of the first layer."""
    with torch.no_grad():
        model.time_axis[0].w_in[:, -model.config.foresight :] = 0
