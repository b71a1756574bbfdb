from fractions import Fraction

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.score import BUILTIN_TUNES, PianoRoll, Score
from orchestrion.score.tunes import TUNES, parse_bars

NAMES = ["ode-to-joy", "happy-birthday", "twinkle-twinkle", "frere-jacques", "greensleeves", "minuet-in-g"]

# First notes as semitones from the first one: what anyone would hum.
INCIPITS = {
    "ode-to-joy": [0, 0, 1, 3, 3, 1, 0, -2, -4, -4, -2, 0, 0, -2, -2],
    "happy-birthday": [0, 0, 2, 0, 5, 4, 0, 0, 2, 0, 7, 5, 0, 0, 12, 9, 5, 4, 2, 10, 10, 9, 5, 7, 5],
    "twinkle-twinkle": [0, 0, 7, 7, 9, 9, 7, 5, 5, 4, 4, 2, 2, 0],
    "frere-jacques": [0, 2, 4, 0, 0, 2, 4, 0, 4, 5, 7, 4, 5, 7, 7, 9, 7, 5, 4, 0],
    "greensleeves": [0, 3, 5, 7, 9, 7, 5, 2, -2, 0, 2, 3, 0, 0, -1, 0, 2, -1, -5],
    "minuet-in-g": [0, -7, -5, -3, -2, 0, -7, -7, 2, -2, 0, 2, 4, 5, -7, -7],
}


def test_the_tunes_are_listed_in_order():
    assert list(BUILTIN_TUNES) == NAMES
    assert len(BUILTIN_TUNES) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_tune_is_one_line_of_fitting_length_and_range(name):
    score = Score.read(name)
    assert score is BUILTIN_TUNES[name]
    assert [part.name for part in score.parts] == ["melody"]
    assert 12 <= score.duration_s <= 40
    assert all(60 <= note.pitch <= 84 for note in score.notes)
    assert all(a.offset_s < b.onset_s for a, b in zip(score.notes, score.notes[1:], strict=False))


@pytest.mark.parametrize("name", NAMES)
def test_a_tune_begins_as_everybody_knows_it(name):
    pitches = [note.pitch for note in BUILTIN_TUNES[name].notes]
    assert [pitch - pitches[0] for pitch in pitches[: len(INCIPITS[name])]] == INCIPITS[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_bar_is_full_and_the_pickup_completes_the_last(name):
    tune = TUNES[name]
    full = Fraction(4 * tune.meter[0], tune.meter[1])
    lengths = [sum(quarters for _, quarters, _ in bar) for bar in parse_bars(tune.bars)]
    pickup = lengths[0] if lengths[0] < full else 0
    assert set(lengths[1 if pickup else 0 :]) == {full}


@pytest.mark.parametrize("name", NAMES)
def test_a_tune_survives_the_grid_of_sixteenths(name):
    score = BUILTIN_TUNES[name]
    again = PianoRoll.from_score(score).to_score()
    assert [note.pitch for note in again.notes] == [note.pitch for note in score.notes]
    assert all(abs(a.onset_s - b.onset_s) < 1e-9 for a, b in zip(again.notes, score.notes, strict=True))


@pytest.mark.parametrize("misspelt", ["ode_to_joy", "Ode To Joy", "odetojoy", "green-sleeves", "minuet"])
def test_a_misspelt_tune_is_suggested(misspelt):
    with pytest.raises(OrchestrionError, match="did you mean the built-in tune"):
        Score.read(misspelt)


def test_an_unknown_tune_lists_those_there_are():
    with pytest.raises(OrchestrionError, match="greensleeves, minuet-in-g"):
        Score.read("xyzzy")


def test_a_file_goes_before_a_tune_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ode-to-joy").write_bytes(b"not a score")
    with pytest.raises(OrchestrionError):
        Score.read("ode-to-joy")
