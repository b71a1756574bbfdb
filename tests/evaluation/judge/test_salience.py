import numpy as np
import pytest

from orchestrion.evaluation.judge import salience as module
from orchestrion.evaluation.judge.reference import additive
from orchestrion.evaluation.judge.salience import LOWEST, SalienceConfig, salience
from orchestrion.score import Note, Part, Score


def harmonic(pitch: int, duration_s: float = 1.0, start_s: float = 0.0) -> np.ndarray:
    note = Note(start_s, start_s + duration_s, pitch, 100)
    return additive(Score((Part("", 40, (note,)),)), 40, tail_s=0.2).samples


@pytest.mark.parametrize("pitch", [28, 36, 48, 55, 60, 69, 76, 88, 100, 105])
def test_the_pitch_of_a_harmonic_tone_is_the_most_salient(pitch):
    found = salience(harmonic(pitch))
    assert (found.sounding[30:70].argmax(axis=1) + LOWEST == pitch).all()


def test_each_template_is_explained_by_its_own_pitch():
    config = SalienceConfig()
    templates = module._templates(config)
    np.testing.assert_allclose(templates.sum(axis=1), 1, rtol=1e-4)
    weights = module._decompose(templates, config)
    pitches = np.tile(np.arange(module.N_PITCHES), len(config.slopes))
    assert (weights.argmax(axis=1) == pitches).mean() > 0.97


def test_only_the_beginning_of_a_tone_begins():
    found = salience(harmonic(69, 1.5, start_s=0.5))
    curve = found.beginning[:, 69 - LOWEST]
    assert abs(int(curve.argmax()) - 50) <= 4
    assert curve[80:180].max() < 0.02 * curve.max()


def test_blocks_do_not_show(monkeypatch):
    samples = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)
    whole = salience(samples)
    monkeypatch.setattr(module, "BLOCK_FRAMES", 37)
    pieces = salience(samples)
    np.testing.assert_allclose(pieces.sounding, whole.sounding, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(pieces.beginning, whole.beginning, rtol=1e-2, atol=1e-4)


def test_loudness_does_not_matter():
    samples = harmonic(60)
    np.testing.assert_allclose(salience(samples * 0.1).sounding, salience(samples).sounding, rtol=0.02, atol=1e-4)


def test_noise_is_flat_and_tones_are_not():
    noise = np.random.default_rng(1).normal(0, 0.1, 16000).astype(np.float32)
    assert salience(noise).flatness.mean() > 0.7
    assert salience(harmonic(60)).flatness[30:70].mean() < 0.2
