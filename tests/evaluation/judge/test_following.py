import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.following import (
    floor,
    frame_scores,
    is_one_voiced,
    note_accuracy,
    onset_scores,
    pitch_accuracy,
    playable,
)
from orchestrion.evaluation.judge.reference import additive
from orchestrion.score import Note, Part, Score

FIVE = [
    Note(0.0, 0.4, 60, 80),
    Note(0.5, 0.9, 62, 80),
    Note(1.0, 1.4, 64, 80),
    Note(1.5, 1.9, 65, 80),
    Note(2.0, 2.9, 67, 80),
]


def moved(notes, seconds=0.0, semitones=0):
    return [Note(n.onset_s + seconds, n.offset_s + seconds, n.pitch + semitones, n.velocity) for n in notes]


def test_the_notes_themselves_score_one():
    scores = onset_scores(FIVE, FIVE) | frame_scores(FIVE, FIVE)
    assert all(value == 1.0 for value in scores.values())


@pytest.mark.parametrize("late_s, at_50, at_100", [(0.045, 1, 1), (0.06, 0, 1), (0.095, 0, 1), (0.11, 0, 0)])
def test_tolerances(late_s, at_50, at_100):
    scores = onset_scores(FIVE, moved(FIVE, late_s))
    assert (scores["note_f1_50ms"], scores["note_f1_100ms"]) == (at_50, at_100)


def test_five_notes_by_hand():
    # Two right, one an octave too high, one a semitone off, one missing, and one that is not there.
    found = [FIVE[0], FIVE[1], *moved(FIVE[2:3], semitones=12), *moved(FIVE[3:4], semitones=1), Note(3.5, 3.9, 70, 80)]
    scores = onset_scores(FIVE, found)
    assert scores["note_precision_50ms"] == pytest.approx(2 / 5)
    assert scores["note_recall_50ms"] == pytest.approx(2 / 5)
    assert scores["note_f1_50ms"] == pytest.approx(2 / 5)
    assert scores["note_f1_50ms_octave_tolerant"] == pytest.approx(3 / 5)


def test_a_note_found_twice_counts_once():
    scores = onset_scores(FIVE, sorted([*FIVE, *moved(FIVE[:1], 0.02)]))
    assert scores["note_precision_50ms"] == pytest.approx(5 / 6)
    assert scores["note_recall_50ms"] == 1


def test_offsets_do_not_matter_for_onsets():
    short = [Note(n.onset_s, n.onset_s + 0.05, n.pitch, n.velocity) for n in FIVE]
    assert onset_scores(FIVE, short)["note_f1_50ms"] == 1


def test_nothing_found_scores_nothing():
    assert set(onset_scores(FIVE, []).values()) == {0.0}
    assert frame_scores(FIVE, [])["multipitch_accuracy"] == 0


def test_frames_by_hand():
    wanted, heard = [Note(0.0, 1.0, 60, 80)], [Note(0.5, 1.5, 60, 80), Note(0.5, 1.0, 72, 80)]
    # 50 frames shared, 50 missed, 50 too many; the octave is 50 wrong ones unless octaves are folded.
    scores = frame_scores(wanted, heard)
    assert scores["multipitch_accuracy"] == pytest.approx(50 / 200)
    assert scores["chroma_accuracy"] == pytest.approx(50 / 150)


def test_voices():
    assert is_one_voiced(FIVE)
    assert not is_one_voiced([*FIVE, Note(0.1, 0.9, 50, 80)])


def test_a_true_performance_scores_high_and_a_wrong_one_low():
    score = Score((Part("", 0, tuple(moved(FIVE, 0.2))),))
    wrong = Score((Part("", 0, tuple(moved(FIVE, 0.45, 3))),))
    audio = additive(score)
    own, other = note_accuracy(audio, score), note_accuracy(audio, wrong)
    assert own["note_f1_50ms"] > 0.85 and own["pitch_accuracy"] > 0.9
    assert other["note_f1_100ms"] < 0.2 and other["pitch_accuracy"] < 0.3
    assert all(0 <= own[key] <= 1 for key in own if not key.startswith("n_"))
    assert own["n_notes"] == 5


def test_silence_follows_nothing():
    silence = Waveform(np.zeros(48000), 16000)
    assert note_accuracy(silence, FIVE)["note_f1_100ms"] == 0
    assert pitch_accuracy(silence, FIVE) == 0


def test_notes_after_the_end_of_the_audio_are_missed():
    audio = additive(Score((Part("", 0, tuple(FIVE)),)))
    later = [*FIVE, *moved(FIVE, 30)]
    assert note_accuracy(audio, later)["note_recall_50ms"] <= 0.5
    assert pitch_accuracy(audio, later) <= 0.5


def test_the_floor_is_the_best_of_the_others():
    audio = additive(Score((Part("", 0, tuple(FIVE)),)))
    name, scores = floor(audio, {"far": moved(FIVE, 9, 5), "near": FIVE[:2]})
    assert name == "near" and scores["note_recall_50ms"] > 0
    with pytest.raises(OrchestrionError, match="at least one other tune"):
        floor(audio, {})


def test_a_score_without_notes_is_refused():
    with pytest.raises(OrchestrionError, match="nothing to compare"):
        playable([Note(0, 1, 10, 80)])
