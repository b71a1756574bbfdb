import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.errors import OrchestrionError
from orchestrion.score import Meter, Note, Part, Score, Tempo
from tests.strategies import scores

MELODY = Part("Melody", 40, (Note(0.0, 1.0, 60, 80), Note(1.0, 2.0, 62, 90), Note(2.0, 3.0, 64, 100)))
BASS = Part("Bass", 32, (Note(0.0, 3.0, 36, 70),))
DRUMS = Part("Drums", 0, (Note(0.0, 0.1, 38, 127), Note(3.5, 4.0, 38, 127)), is_drum=True)
SCORE = Score((MELODY, BASS, DRUMS), (Tempo(0, 120), Tempo(2, 60)), (Meter(0, 4, 4), Meter(2, 3, 4)), "Trio")


def test_notes_are_those_of_the_pitched_parts_in_order():
    assert [note.pitch for note in SCORE.notes] == [36, 60, 62, 64]
    assert SCORE.duration_s == 4.0
    assert SCORE.with_drums_removed().duration_s == 3.0
    assert Score(()).duration_s == 0.0


def test_transposing_moves_pitches_but_not_drums():
    moved = SCORE.transpose(-2)
    assert [note.pitch for note in moved.notes] == [34, 58, 60, 62]
    assert moved.parts[2] == DRUMS
    assert moved.transpose(2) == SCORE


@pytest.mark.parametrize(("semitones", "named"), [(64, "E4"), (-37, "C2")])
def test_transposing_out_of_range_names_the_note(semitones, named):
    with pytest.raises(OrchestrionError, match=named):
        SCORE.transpose(semitones)


def test_twice_the_tempo_is_half_the_time():
    fast = SCORE.scale_tempo(2.0)
    assert [(note.onset_s, note.offset_s) for note in fast.parts[0].notes] == [(0, 0.5), (0.5, 1), (1, 1.5)]
    assert fast.tempos == (Tempo(0, 240), Tempo(1, 120))
    assert fast.meters == (Meter(0, 4, 4), Meter(1, 3, 4))


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf"), 1e-9, 1e9])
def test_a_tempo_that_is_impossible_is_refused(factor):
    with pytest.raises(OrchestrionError):
        SCORE.scale_tempo(factor)


def test_a_crop_keeps_what_sounds_and_begins_at_zero():
    cut = SCORE.crop(0.5, 2.5)
    assert cut.parts[0].notes == (Note(0.0, 0.5, 60, 80), Note(0.5, 1.5, 62, 90), Note(1.5, 2.0, 64, 100))
    assert cut.parts[1].notes == (Note(0.0, 2.0, 36, 70),)
    assert cut.parts[2].notes == ()
    assert cut.tempos == (Tempo(0, 120), Tempo(1.5, 60))
    assert SCORE.crop(2.5).tempos == (Tempo(0, 60),)
    assert SCORE.crop(2.5).meters == (Meter(0, 3, 4),)


def test_a_crop_leaves_no_slivers_of_notes_that_end_at_its_edge():
    score = Score((Part("x", 0, (Note(0.0, 1.0000001, 60, 80), Note(1.0, 2.0, 62, 80), Note(1.9999999, 3.0, 64, 80))),))
    assert [note.pitch for note in score.crop(1.0, 2.0).notes] == [62]


@pytest.mark.parametrize("interval", [(-1.0, 2.0), (2.0, 2.0), (3.0, 2.0), (float("nan"), 2.0), (0.0, float("nan"))])
def test_an_impossible_crop_is_refused(interval):
    with pytest.raises(OrchestrionError):
        SCORE.crop(*interval)


@given(scores(), st.floats(0.0, 10.0), st.floats(0.01, 10.0))
def test_a_crop_lies_within_its_interval(score, start_s, length_s):
    cut = score.crop(start_s, start_s + length_s)
    for before, after in zip(score.parts, cut.parts, strict=True):
        assert len(after.notes) <= len(before.notes)
        assert all(note.offset_s <= length_s + 1e-9 for note in after.notes)


@pytest.mark.parametrize("part", [1, "Bass", "bass", "1"])
def test_a_part_is_found_by_index_or_name(part):
    assert SCORE.select(part).parts == (BASS,)
    assert SCORE.select(part).tempos == SCORE.tempos


@pytest.mark.parametrize("part", [3, -1, "Viola", "3", "²"])
def test_a_missing_part_is_an_error_that_lists_those_there_are(part):
    with pytest.raises(OrchestrionError, match="0 'Melody', 1 'Bass', 2 'Drums'"):
        SCORE.select(part)


def test_tempos_are_sorted_begin_at_zero_and_do_not_repeat():
    score = Score((), (Tempo(2, 60), Tempo(1, 90), Tempo(1, 100), Tempo(3, 60)), (Meter(4, 3, 4),))
    assert score.tempos == (Tempo(0, 120), Tempo(1, 100), Tempo(2, 60))
    assert score.meters == (Meter(0, 4, 4), Meter(4, 3, 4))


def test_too_many_parts_are_refused():
    with pytest.raises(OrchestrionError, match="1,001 parts"):
        Score((BASS,) * 1001)


def test_the_vocabulary_imports_in_a_moment_without_the_heavy_libraries():
    heavy = "torch music21 pretty_midi soundfile soxr numba scipy"
    rooms = "orchestrion.audio, orchestrion.bridge, orchestrion.reading, orchestrion.score"
    code = f"import sys, {rooms}; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout.strip() == "[]"
