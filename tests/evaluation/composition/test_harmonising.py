"""Seeing the rest of a melody counts for a network that looks, and not for one that is deaf to it."""

import pytest
import torch

from orchestrion.composer.compose import Composer
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.evaluation.composition.harmonising import harmonising_measures
from tests.composer.models import TINY_BAR, TINY_FORM, random_model

FOUR = {"defaults": {"voices": 4}}
PIECE = CorpusPiece("piece", tuple((beat * 4, beat * 4 + 4, pitch) for beat in range(16) for pitch in (57, 60, 64, 69 + beat % 5)))


def test_only_composers_in_four_parts_that_see_have_the_figures() -> None:
    assert harmonising_measures(Composer(random_model(TINY_BAR), FOUR), [PIECE]) == {}
    assert harmonising_measures(Composer(random_model(TINY_FORM), {}), [PIECE]) == {}
    assert harmonising_measures(Composer(random_model(TINY_FORM), FOUR), []) == {}


def test_the_rest_of_the_melody_is_all_that_differs() -> None:
    model = random_model(TINY_FORM)
    found = harmonising_measures(Composer(model, FOUR), [PIECE])
    assert abs(found["harmonising_nll_present"] - found["harmonising_nll_seen"]) > 1e-3
    last_step = harmonising_measures(Composer(model, FOUR), [CorpusPiece("one", tuple((0, 1, p) for p in (57, 60, 64, 69)), (1, 16))])
    assert last_step["harmonising_nll_present"] == pytest.approx(last_step["harmonising_nll_seen"], abs=1e-5)  # nothing follows
    with torch.no_grad():
        assert model.foresight is not None
        model.foresight.w_hidden.zero_()
        model.foresight.bias[model.config.foresight : 2 * model.config.foresight] = -1e3  # forgets what was later
    deaf = harmonising_measures(Composer(model, FOUR), [PIECE])
    assert deaf["harmonising_nll_present"] == pytest.approx(deaf["harmonising_nll_seen"], abs=1e-5)
