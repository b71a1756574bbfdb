import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from orchestrion.audio import Waveform
from orchestrion.evaluation.judge.following import onset_scores
from orchestrion.evaluation.judge.reference import additive
from orchestrion.evaluation.judge.transcription import (
    OnsetClassifier,
    TranscriberConfig,
    shipped_classifier,
    transcribe,
)
from orchestrion.score import Note, Part, Score

SCALE = [60, 62, 64, 65, 67, 67, 69, 71, 72, 72, 64, 60]


def tune(pitches=SCALE, step_s=0.4, start_s=0.3) -> Score:
    notes = [Note(start_s + i * step_s, start_s + (i + 0.85) * step_s, p, 90) for i, p in enumerate(pitches)]
    return Score((Part("", 0, tuple(notes)),))


def noise(duration_s: float, level: float, seed: int = 0) -> Waveform:
    samples = np.random.default_rng(seed).normal(0, level, round(duration_s * 16000))
    return Waveform(np.clip(samples, -1, 1), 16000)


@pytest.mark.parametrize("program", [0, 40])
def test_a_tune_is_written_down_with_its_repeated_notes(program):
    score = tune()
    found = transcribe(additive(score, program))
    assert onset_scores(score.notes, found)["note_f1_50ms"] > 0.94


def test_chords_are_written_down():
    notes = [Note(t, t + 0.8, p, 90) for t, chord in ((0.3, (60, 64, 67)), (1.3, (57, 62, 65))) for p in chord]
    found = transcribe(additive(Score((Part("", 0, tuple(notes)),))))
    assert onset_scores(notes, found)["note_f1_50ms"] > 0.8


def test_chords_are_heard_through_a_narrow_band():
    chords = ((48, 55, 64, 72), (45, 57, 64, 72), (53, 57, 65, 72), (43, 55, 62, 71))
    notes = [Note(0.3 + 0.75 * i, 0.97 + 0.75 * i, p, 80) for i, chord in enumerate(chords) for p in chord]
    audio = additive(Score((Part("", 0, tuple(notes)),)))
    dull = sosfilt(butter(4, 400, output="sos", fs=16000), audio.samples)
    found = transcribe(Waveform(0.5 * dull / np.abs(dull).max(), 16000))
    assert onset_scores(notes, found)["note_f1_50ms"] > 0.65


@pytest.mark.parametrize("program, most_s", [(0, 0.015), (40, 0.03)])
def test_onsets_have_no_bias(program, most_s):
    score = tune(range(50, 80, 2), 0.5)
    found = transcribe(additive(score, program))
    late = [min((f.onset_s - n.onset_s for f in found if f.pitch == n.pitch), key=abs, default=9) for n in score.notes]
    assert abs(np.median(late)) < most_s


def test_silence_has_no_notes():
    assert transcribe(Waveform(np.zeros(32000), 16000)) == ()
    assert transcribe(noise(2.0, 1e-5)) == ()
    assert transcribe(Waveform(np.zeros(1), 16000)) == ()


@pytest.mark.parametrize("level", [0.003, 0.1])
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_has_next_to_no_notes(level, seed):
    assert len(transcribe(noise(8.0, level, seed))) <= 4


def test_the_same_audio_gives_the_same_notes():
    audio = additive(tune())
    assert transcribe(audio) == transcribe(audio)


def test_audio_that_comes_later_has_its_notes_later():
    audio = additive(tune())
    later = Waveform(np.concatenate([np.zeros(8000, np.float32), audio.samples]), 16000)
    pairs = list(zip(transcribe(audio), transcribe(later), strict=True))
    assert all(a.pitch == b.pitch and abs(a.onset_s + 0.5 - b.onset_s) < 0.01 for a, b in pairs)


def test_any_sample_rate_is_taken():
    audio = additive(tune(), sample_rate=44100)
    assert onset_scores(tune().notes, transcribe(audio))["note_f1_50ms"] > 0.94


def test_a_higher_threshold_finds_a_subset():
    audio = additive(tune())
    strict = {(n.onset_s, n.pitch) for n in transcribe(audio, TranscriberConfig(threshold=0.9))}
    assert strict <= {(n.onset_s, n.pitch) for n in transcribe(audio, TranscriberConfig(threshold=0.2))}


def test_the_judge_computes_its_equation():
    one = np.ones(1)
    judge = OnsetClassifier(one * 2, one * 4, np.array([[3.0]]), one * 0.5, np.array([[2.0], [-1.0]]), np.array([0.25, 0.5]))
    probability, shift = judge(np.array([[6.0]]))
    hidden = np.tanh((6 - 2) / 4 * 3 + 0.5)
    assert probability[0] == pytest.approx(1 / (1 + np.exp(-(2 * hidden + 0.25))))
    assert shift[0] == pytest.approx(5 * (-hidden + 0.5))


def test_the_shipped_judge_fits_the_features():
    judge = shipped_classifier()
    assert judge.mean.shape == judge.deviation.shape == (judge.w_in.shape[1],)
    assert (judge.deviation > 0).all()
