import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, Score
from orchestrion.score.notearray import NOTE_ARRAY, note_array, notes_of
from tests.strategies import notes


@given(st.lists(notes(), max_size=20))
def test_columns_and_notes_say_the_same(played):
    table = note_array(played)
    assert table.dtype == NOTE_ARRAY and table["onset_s"].tolist() == [note.onset_s for note in played]
    again = notes_of(*(table[name] for name in NOTE_ARRAY.names))
    assert again == tuple(played)
    assert all(type(note.pitch) is int and type(note.onset_s) is float for note in again)


def test_columns_are_checked_as_notes_are():
    assert notes_of([0.0, 1.0], [1.0, 2.0], [60, 62], 80) == (Note(0.0, 1.0, 60, 80), Note(1.0, 2.0, 62, 80))
    with pytest.raises(OrchestrionError, match="Pitch 128"):
        notes_of([0.0], [1.0], [128], [80])


def test_a_scores_note_array_leaves_drums_out():
    drums = Part("kit", 0, (Note(0.0, 0.1, 36, 90),), is_drum=True)
    score = Score((drums, Part("a", 0, (Note(0.5, 1.0, 67, 90),)), Part("b", 0, (Note(0.0, 1.0, 60, 90),))))
    assert score.note_array().tolist() == [(0.0, 1.0, 60, 90), (0.5, 1.0, 67, 90)]
    assert np.array_equal(Score(()).note_array(), np.empty(0, NOTE_ARRAY))
