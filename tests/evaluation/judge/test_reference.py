import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.spectra import peak_frequencies
from orchestrion.evaluation.judge import reference
from orchestrion.evaluation.judge.reference import additive, reference_performance
from orchestrion.evaluation.meters.audio_checks import level_db
from orchestrion.score import Note, Part, Score


def one_note(pitch=69, onset_s=0.25, offset_s=2.25, velocity=90, program=0) -> Score:
    return Score((Part("", program, (Note(onset_s, offset_s, pitch, velocity),)),))


def test_the_strongest_partial_is_the_fundamental():
    found = peak_frequencies(additive(one_note(69), 40), range_db=3)
    inside = (found.time_s > 0.5) & (found.time_s < 2.0)
    np.testing.assert_allclose(found.hz[inside], 440, atol=0.2)


def test_nothing_sounds_before_the_onset_or_after_the_release():
    audio = additive(one_note(), 40, tail_s=1.0)
    assert not audio.samples[:4000].any()
    assert audio.samples[4001:4100].any()
    assert not audio.samples[round(2.34 * 16000) :].any()
    assert audio.duration_s == pytest.approx(3.25)
    assert np.abs(audio.samples).max() == pytest.approx(0.5)


def test_struck_notes_decay_exponentially_and_bowed_ones_do_not():
    for program, least_db, most_db in ((0, 10, 40), (40, -0.5, 0.5)):
        samples = additive(one_note(), program).samples
        fall = level_db(samples[8000:12000]) - level_db(samples[28000:32000])
        assert least_db < fall < most_db


def test_louder_notes_are_louder():
    notes = (Note(0.0, 0.5, 60, 40), Note(1.0, 1.5, 60, 110))
    samples = additive(Score((Part("", 0, notes),))).samples
    assert level_db(samples[16000:24000]) > level_db(samples[:8000]) + 6


def test_without_fluidsynth_the_reference_is_additive(monkeypatch):
    monkeypatch.setattr(reference, "has_fluidsynth", lambda: False)
    audio, maker = reference_performance(one_note(program=40))
    assert maker == "additive synthesis"
    np.testing.assert_array_equal(audio.samples, additive(one_note(program=40), 40).samples)


def test_fluidsynth_where_it_is_installed():
    if not reference.has_fluidsynth():
        pytest.skip("FluidSynth is not installed")
    audio, maker = reference_performance(one_note())
    assert maker == "FluidSynth"
    assert audio.sample_rate == 16000
    assert np.abs(audio.samples).max() == pytest.approx(0.5)


def test_a_score_without_notes_is_refused():
    with pytest.raises(OrchestrionError, match="no notes"):
        additive(Score(()))
