import math

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.score import Meter, Note, Part, Tempo, pitch_name
from orchestrion.score.notes import parse_pitch


@pytest.mark.parametrize(
    "values",
    [
        (-0.1, 1.0, 60, 80),
        (1.0, 1.0, 60, 80),
        (2.0, 1.0, 60, 80),
        (math.nan, 1.0, 60, 80),
        (0.0, math.nan, 60, 80),
        (0.0, math.inf, 60, 80),
        (0.0, 21_601.0, 60, 80),
        (0.0, 1.0, 128, 80),
        (0.0, 1.0, -1, 80),
        (0.0, 1.0, 60, 0),
        (0.0, 1.0, 60, 128),
    ],
)
def test_a_note_outside_its_range_is_refused(values):
    with pytest.raises(OrchestrionError):
        Note(*values)


def test_notes_are_ordered_by_time_and_cannot_be_changed():
    early, late = Note(0.0, 1.0, 70, 80), Note(0.5, 1.0, 60, 80)
    assert early < late
    with pytest.raises(AttributeError):
        early.pitch = 3


def test_a_part_sorts_by_onset_then_pitch():
    part = Part("x", 0, (Note(1, 2, 60, 1), Note(0, 1, 72, 1), Note(0, 3, 60, 1)))
    assert [(note.onset_s, note.pitch) for note in part.notes] == [(0, 60), (0, 72), (1, 60)]


def test_programs_tempos_and_meters_are_checked():
    for make in (
        lambda: Part("x", 128, ()),
        lambda: Tempo(0.0, 0.0),
        lambda: Tempo(0.0, math.nan),
        lambda: Tempo(-1.0, 120.0),
        lambda: Meter(0.0, 0, 4),
        lambda: Meter(0.0, 4, 5),
        lambda: Meter(math.nan, 4, 4),
    ):
        with pytest.raises(OrchestrionError):
            make()


def test_pitch_names():
    assert [pitch_name(pitch) for pitch in (0, 60, 61, 127)] == ["C-1", "C4", "C#4", "G9"]
    assert [parse_pitch(pitch_name(pitch)) for pitch in range(128)] == list(range(128))
    assert parse_pitch("Bb3") == parse_pitch("A#3") == 58 and parse_pitch("c4") == 60
    for name in ("", "H4", "C", "C##4", "C4.5", "60", "C10"):
        with pytest.raises(OrchestrionError, match="is not a pitch"):
            parse_pitch(name)
