import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.meters.distances import frechet_distance, kernel_distance
from orchestrion.evaluation.meters.embeddings import SIZE, embed, embed_all
from tests.evaluation.meters.cases import RATE, level, piece, wave


def gaussian(seed: int, n: int, shift: float = 0.0, d: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


def test_the_frechet_distance_of_known_gaussians():
    # |shift|² + Σ(σ₁ - σ₂)², each of six dimensions.
    one, other = gaussian(0, 100_000), 2 * gaussian(1, 100_000) + 0.5
    assert frechet_distance(one, other) == pytest.approx(6 * (0.25 + 1.0), rel=0.02)


def test_equal_sets_have_no_distance():
    one = gaussian(0, 200)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-8)
    # The unbiased estimate leaves out each patch's likeness to itself, which a copy of the set keeps.
    assert kernel_distance(one, one) < 0


def test_the_kernel_estimate_is_unbiased():
    found = [kernel_distance(gaussian(seed, 20), gaussian(1000 + seed, 20)) for seed in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
    assert kernel_distance(gaussian(0, 500), gaussian(1, 500, 0.5)) > 0.5


def test_distances_are_symmetric_and_need_two_patches():
    one, other = gaussian(0, 50), gaussian(1, 60, 1.0)
    for distance in (frechet_distance, kernel_distance):
        assert distance(one, other) == pytest.approx(distance(other, one))
        with pytest.raises(OrchestrionError, match="at least two"):
            distance(one[:1], other)


def test_both_distances_grow_with_added_noise():
    music = [piece(seed, 5.0) for seed in range(12)]
    known = embed_all(map(wave, music[:6]))
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(music[0]))
    found = []
    for snr_db in (60, 25, 10, -10):
        noisy = [0.2 * (x + noise * level(x) * 10 ** (-snr_db / 20)) for x in music[6:]]
        patches = embed_all(map(wave, noisy))
        found.append((frechet_distance(known, patches), kernel_distance(known, patches)))
    frechet, kernel = np.array(found).T
    assert (np.diff(frechet) > 0).all() and (np.diff(kernel) > 0).all()


def test_embeddings_do_not_depend_on_the_level_and_hardly_on_the_rate():
    sound = wave(piece(1))
    soft = Waveform(0.1 * sound.samples, RATE)
    np.testing.assert_allclose(embed(sound), embed(soft), atol=1e-3)
    assert embed(sound).shape == (len(embed(sound)), SIZE)
    other = embed(sound.resample(44100))[: len(embed(sound))]
    assert np.abs(other - embed(sound)[: len(other)]).mean() < 0.1 * embed(sound).std()


def test_short_and_silent_audio_have_embeddings():
    for samples in (np.full(10, 0.1), np.zeros(RATE)):
        assert np.isfinite(embed(Waveform(samples, RATE))).all()
    with pytest.raises(OrchestrionError, match="no recordings"):
        embed_all([])
