"""Density: the attacks a quarter that were asked for."""

import numpy as np
import pytest

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.pace import STRONGEST, Pace
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from tests.composer.models import TINY_BAR, TINY_FORM, random_model


@pytest.mark.parametrize("config", [TINY_BAR, TINY_FORM], ids=["bar", "form"])
@pytest.mark.parametrize("density", [0.5, 1.0, 2.0, 3.0])
def test_as_many_notes_begin_as_asked_for(config, density: float) -> None:
    composer = Composer(random_model(config), {"defaults": {"polyphony": 1}})
    score = compose(composer, Composing(bars=16, density=density, seed=3))[0]
    assert len(score.notes) / 64 == pytest.approx(density, abs=0.25)


def test_the_urge_rises_where_notes_are_missing_and_has_bounds() -> None:
    pace, silent, full = Pace(1.0), np.zeros((5, 2)), np.ones((5, 2))
    pace.watch(silent)
    assert pace.urge > 0
    for _ in range(1000):
        pace.watch(full)
    assert pace.urge == -STRONGEST
    free = Pace(None)
    free.watch(full)
    assert free.urge == 0.0


@pytest.mark.parametrize("density", [0.0, -1.0, float("nan"), 17.0])
def test_impossible_densities_are_one_sentence(density: float) -> None:
    with pytest.raises(OrchestrionError, match="density: give a number"):
        Composing(density=density)
