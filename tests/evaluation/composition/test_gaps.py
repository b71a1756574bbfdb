"""Seeing the bars after a gap helps a network that has learnt to look."""

import pytest
import torch

from orchestrion.composer.network import Biaxial
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.evaluation.composition.gaps import gap_nll
from tests.composer.models import TINY_BAR, TINY_FORM, random_model

BARS = [[60, 64], [62, 65], [67, 71], [69, 72]]


def piece(n_bars: int, seed: int = 0) -> CorpusPiece:
    notes = []
    for bar in range(n_bars):
        for beat in range(4):
            notes.append((bar * 16 + beat * 4, bar * 16 + beat * 4 + 4, BARS[(bar + seed) % 4][beat % 2]))
    return CorpusPiece(f"piece {seed}", tuple(notes))


def test_one_that_sees_only_the_past_and_short_pieces_have_no_figure() -> None:
    assert gap_nll(random_model(TINY_BAR), [piece(16)]) == {}
    assert gap_nll(random_model(TINY_FORM), [piece(8)]) == {}


def test_what_is_seen_counts_and_deaf_networks_are_told_nothing() -> None:
    model = random_model(TINY_FORM)
    found = gap_nll(model, [piece(16), piece(14, 1)])
    assert found["gap_pieces"] == 2 and found["gap_nll_seen"] != found["gap_nll_left_to_right"]
    _silence_foresight(model)
    deaf = gap_nll(model, [piece(16), piece(14, 1)])
    assert deaf["gap_nll_seen"] == pytest.approx(deaf["gap_nll_left_to_right"], abs=1e-6) and deaf["gap_seen_better_share"] in (0.0, 0.5)
    assert deaf["gap_nll_left_to_right"] == pytest.approx(found["gap_nll_left_to_right"], abs=1e-6)


def _silence_foresight(model: Biaxial) -> None:
    """The inputs that hear the backward axis are the last ones of the first layer."""
    with torch.no_grad():
        model.time_axis[0].w_in[:, -model.config.foresight :] = 0
