"""The picture of a harmonic source."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from orchestrion.evaluation.figures.source import MOST_TICKS, _pitch_ticks


@pytest.mark.parametrize("n_pitches", [1, 2, 12, 13, 15, 88])
def test_pitches_are_named_at_even_steps(n_pitches):
    axis = Figure().subplots()
    _pitch_ticks(axis, SimpleNamespace(pitch=np.arange(60, 60 + n_pitches)))
    ticks = axis.get_xticks()
    assert ticks[0] == 60 and 1 <= len(ticks) <= MOST_TICKS
    assert len(set(np.diff(ticks))) <= 1
