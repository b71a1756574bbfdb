import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, PianoRoll, Score, Tempo
from tests.strategies import grid_cells, notes


def roll_of(cells, n_steps=None, **settings):
    n_steps = max((stop for _, stop, _ in cells), default=0) if n_steps is None else n_steps
    grid = np.zeros((n_steps, 128, 2), dtype=bool)
    for start, stop, pitch in cells:
        grid[start:stop, pitch, 0] = True
        grid[start, pitch, 1] = True
    return PianoRoll(grid, **settings)


def score_of(*played, tempos=()):
    return Score((Part("x", 0, tuple(Note(*note, 80) for note in played)),), tempos)


@given(grid_cells(), st.integers(1, 24), st.floats(20.0, 400.0))
def test_roll_to_score_to_roll_is_the_identity(cells, steps_per_beat, bpm):
    roll = roll_of(cells, steps_per_beat=steps_per_beat, bpm=bpm, meter=(3, 4))
    assert PianoRoll.from_score(roll.to_score(), steps_per_beat) == roll


@given(grid_cells(), st.sampled_from([1, 2, 3, 4, 6, 12]), st.floats(20.0, 400.0))
def test_score_on_the_grid_to_roll_to_score_is_the_identity(cells, steps_per_beat, bpm):
    step_s = 60.0 / (bpm * steps_per_beat)
    played = tuple(Note(start * step_s, stop * step_s, pitch, 80) for start, stop, pitch in cells)
    score = Score((Part("melody", 0, played),), (Tempo(0.0, bpm),))
    assert PianoRoll.from_score(score, steps_per_beat).to_score() == score


@given(st.lists(notes(), max_size=30), st.integers(1, 8))
def test_no_note_vanishes_unless_it_sounds_with_another_of_its_pitch(played, steps_per_beat):
    score = Score((Part("x", 0, tuple(played)),))
    roll = PianoRoll.from_score(score, steps_per_beat)
    for pitch in {note.pitch for note in played}:
        attacks, until = 0, -1.0
        for note in sorted(note for note in played if note.pitch == pitch):
            attacks += note.onset_s >= until
            until = max(until, note.offset_s)
        assert roll.grid[:, pitch, 1].sum() >= attacks
    assert set(np.flatnonzero(roll.grid[..., 1].any(axis=0))) == {note.pitch for note in played}


def test_off_grid_notes_are_rounded_to_the_nearest_step():
    # Steps of 0.125 s: 0.06 s rounds down, 0.07 s up; a very short note lasts a step.
    roll = PianoRoll.from_score(score_of((0.06, 0.32, 60), (0.07, 0.30, 62), (1.0, 1.01, 64)))
    assert roll == roll_of([(0, 3, 60), (1, 2, 62), (8, 9, 64)])


def test_repeated_notes_are_articulated():
    roll = PianoRoll.from_score(score_of((0.0, 0.5, 60), (0.5, 1.0, 60)))
    assert roll.grid[:, 60, 0].all() and list(np.flatnonzero(roll.grid[:, 60, 1])) == [0, 4]
    assert len(roll.to_score().notes) == 2


def test_fast_repetitions_in_one_step_move_to_the_next_free_one():
    roll = PianoRoll.from_score(score_of((0.0, 0.02, 60), (0.03, 0.05, 60), (0.125, 0.2, 60)))
    assert list(np.flatnonzero(roll.grid[:, 60, 1])) == [0, 1, 2]


def test_unison_doubling_is_one_key_held_as_long_as_the_longer():
    roll = PianoRoll.from_score(score_of((0.0, 0.5, 60), (0.01, 1.0, 60)))
    assert roll == roll_of([(0, 8, 60)])


def test_a_later_attack_cuts_a_held_note_of_its_pitch():
    roll = PianoRoll.from_score(score_of((0.0, 2.0, 60), (1.0, 1.5, 60)))
    assert roll == roll_of([(0, 8, 60), (8, 12, 60)])


def test_tempo_changes_are_followed():
    # Two beats at 120 take a second, two at 60 two seconds.
    score = score_of((0.0, 0.5, 60), (1.0, 2.0, 62), (2.0, 3.0, 64), tempos=(Tempo(0, 120), Tempo(1, 60)))
    assert PianoRoll.from_score(score) == roll_of([(0, 4, 60), (8, 12, 62), (12, 16, 64)])


def test_drums_are_left_out_and_an_empty_score_is_an_empty_roll():
    score = Score((Part("drums", 0, (Note(0, 1, 38, 80),), is_drum=True),))
    assert PianoRoll.from_score(score).n_steps == 0
    assert PianoRoll.from_score(score).to_score().notes == ()


def test_grids_that_no_notes_make_are_refused():
    silent, floating = np.zeros((4, 128, 2), bool), np.zeros((4, 128, 2), bool)
    silent[1, 60, 1] = True
    floating[1:3, 60, 0] = True
    for grid in (silent, floating, np.zeros((4, 127, 2), bool), np.zeros((4, 128, 2)), np.zeros((4, 128), bool)):
        with pytest.raises(OrchestrionError):
            PianoRoll(grid)
    for settings in ({"steps_per_beat": 0}, {"bpm": 0.0}, {"bpm": float("nan")}, {"meter": (4, 3)}):
        with pytest.raises(OrchestrionError):
            PianoRoll(np.zeros((4, 128, 2), bool), **settings)


def test_a_roll_of_too_many_steps_is_refused_before_it_is_made():
    with pytest.raises(OrchestrionError, match="steps"):
        PianoRoll.from_score(score_of((0.0, 20_000.0, 60)), steps_per_beat=960)


def test_a_roll_cannot_be_changed_from_outside():
    grid = np.zeros((4, 128, 2), bool)
    roll = PianoRoll(grid)
    grid[0, 0, 1] = True
    assert not roll.grid.any()
    with pytest.raises(ValueError, match="read-only"):
        roll.grid[0] = True
