import json

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.instrument_report import evaluate_instrument, into_range
from orchestrion.evaluation.judge.reference import additive
from orchestrion.score import BUILTIN_TUNES, Note, Part, Score

TUNES = {name: BUILTIN_TUNES[name].crop(0, 4) for name in ("ode-to-joy", "frere-jacques")}


@pytest.fixture(scope="module")
def table():
    return evaluate_instrument(additive, additive, TUNES, instrument="additive")


def test_a_perfect_instrument_reaches_its_ceiling(table):
    assert [row.tune for row in table.rows] == list(TUNES)
    assert all(row.share_of_ceiling == 1 for row in table.rows)
    assert all(row.ceiling_note_f1_50ms > 0.85 and row.floor_note_f1_50ms < 0.45 for row in table.rows)


def test_an_instrument_that_plays_something_else_does_not():
    def noise(score: Score) -> Waveform:
        return Waveform(np.random.default_rng(0).normal(0, 0.05, 64000), 16000)

    table = evaluate_instrument(noise, additive, TUNES)
    assert all(row.share_of_ceiling < 0.2 for row in table.rows)


def test_the_table_is_printed(table):
    markdown = table.to_markdown().splitlines()
    assert len(markdown) == 5 and len({line.count("|") for line in markdown}) == 1
    content = json.loads(json.dumps(table.to_json()))
    assert content["mean"]["note_f1_50ms"] == pytest.approx(table.mean("note_f1_50ms"))
    assert len(content["tunes"]) == 2


def test_tunes_move_by_octaves_into_the_range():
    tune = Score((Part("", 0, (Note(0, 1, 60, 80), Note(1, 2, 72, 80))),))
    assert [n.pitch for n in into_range(tune, 36, 62).notes] == [48, 60]
    assert [n.pitch for n in into_range(tune, 61, 100).notes] == [72, 84]
    assert into_range(tune, 21, 108) is tune
    with pytest.raises(OrchestrionError, match="in any octave"):
        into_range(tune, 60, 65)


def test_one_tune_is_too_few():
    with pytest.raises(OrchestrionError, match="at least two"):
        evaluate_instrument(additive, additive, {"one": BUILTIN_TUNES["ode-to-joy"]})
