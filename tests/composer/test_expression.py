import numpy as np
import pytest

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.expression import SLOWEST, expressed
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.score import Note, Part, PianoRoll, Score
from tests.composer.models import TINY_BAR, random_model

QUARTERS = Score((Part("tune", 0, tuple(Note(i / 2, (i + 1) / 2, 60, 80) for i in range(32))),))


def test_nothing_is_changed_without_expression() -> None:
    assert expressed(QUARTERS, 0) is QUARTERS


def test_downbeats_are_loudest_phrases_swell_and_the_end_broadens() -> None:
    played = expressed(QUARTERS, 1.0)
    loud = np.array([note.velocity for note in played.notes]).reshape(8, 4)
    assert (loud[:, 0] > loud[:, 1]).all() and (loud[1:3, 0] > loud[0, 0]).all() and (loud[4] == loud[0]).all()
    lengths = np.array([note.offset_s - note.onset_s for note in played.notes])
    np.testing.assert_allclose(lengths[:28], 0.5)
    assert (np.diff(lengths[27:]) > 0).all() and lengths[-1] == pytest.approx(0.5 / SLOWEST)


def test_the_notes_on_the_grid_stay_and_half_is_less() -> None:
    half, whole = expressed(QUARTERS, 0.5), expressed(QUARTERS, 1.0)
    np.testing.assert_array_equal(PianoRoll.from_score(whole).grid, PianoRoll.from_score(QUARTERS).grid)
    spread = [np.ptp([note.velocity for note in score.notes]) for score in (QUARTERS, half, whole)]
    assert spread[0] < spread[1] < spread[2]


def test_off_beats_are_softer_and_high_notes_louder() -> None:
    notes = (Note(0.0, 0.25, 60, 80), Note(0.25, 0.5, 60, 80), Note(0.5, 1.0, 60, 80), Note(0.5, 1.0, 72, 80))
    first, off, beat, high = expressed(Score((Part("tune", 0, notes),)), 1.0).notes
    assert first.velocity > beat.velocity > off.velocity and high.velocity > beat.velocity


def test_compose_plays_with_expression_alike_for_a_seed() -> None:
    composer = Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 1}})
    typed, played, again = (compose(composer, Composing(bars=4, seed=3, expression=e))[0] for e in (0, 0.7, 0.7))
    assert played == again != typed and len(played.notes) == len(typed.notes)
    assert len({note.velocity for note in played.notes}) > 3 and len({note.velocity for note in typed.notes}) == 1
    with pytest.raises(OrchestrionError, match="expression"):
        Composing(expression=1.5)
