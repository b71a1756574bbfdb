"""Features of a pianist's touch on notes made by hand, and that the shipped coefficients are used."""

import numpy as np
import pytest

from orchestrion.composer.expression import ARC, DOWNBEAT, expressed
from orchestrion.composer.touch import COEFFICIENTS, features, louder
from orchestrion.score import Note, Part, Score

ONSETS = np.array([0.0, 0.0, 0.5, 1.0, 1.02])
OFFSETS = np.array([1.2, 0.5, 1.0, 2.0, 2.0])
PITCHES = np.array([72.0, 48.0, 60.0, 64.0, 76.0])


def test_features_by_hand() -> None:
    found = features(ONSETS, OFFSETS, PITCHES)
    np.testing.assert_allclose(found[:, 0], PITCHES - 64.0)  # all within four seconds
    assert found[:, 1].tolist() == [1, 0, 0, 0, 1]  # 72 sounds until 1.2
    np.testing.assert_allclose(found[:, 2], np.log2([2, 2, 2, 2, 2]))  # half a second, and as long at the end
    assert found[:, 3].tolist() == [1, 1, 0, 1, 1]


def test_what_is_added_is_nothing_on_average() -> None:
    added = louder(ONSETS, OFFSETS, PITCHES)
    assert added.mean() == pytest.approx(0.0, abs=1e-9)
    assert added[0] - added[1] == pytest.approx(24 * COEFFICIENTS[0] + COEFFICIENTS[1])


def test_the_top_line_comes_out_in_several_parts_and_drums_stay() -> None:
    chord = tuple(Part(str(pitch), 0, (Note(0.0, 2.0, pitch, 80), Note(2.0, 4.0, pitch, 80))) for pitch in (72, 64, 55, 48))
    drums = Part("drums", 0, (Note(0.0, 0.5, 36, 80),), is_drum=True)
    played = expressed(Score((*chord, drums)), 1.0)
    first = [part.notes[0].velocity for part in played.parts[:4]]
    assert first[0] >= max(first[1:]) + 6 and first[1] > first[2] > first[3]
    assert played.parts[4].notes[0].velocity == 80 + round(DOWNBEAT - ARC / 2)  # no touch
