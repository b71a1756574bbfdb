"""One conformance suite for every back-end in the table."""

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.errors import OrchestrionError
from orchestrion.generators.files import load_generator, save_generator
from orchestrion.generators.generator import Generator
from orchestrion.generators.table import BACKENDS
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Note, Part, Score
from tests.generators.backends import TINY, clips, make, tones

NAMES = list(BACKENDS)
N_SAMPLES = 500


def test_every_back_end_has_the_published_and_a_small_size_and_a_recipe_for_each_unless_it_needs_notes():
    for name, backend in BACKENDS.items():
        assert {"paper", "small"} <= set(backend.presets())
        assert set(backend.recipes) in (set(backend.presets()), set()), name
    assert [name for name in NAMES if not BACKENDS[name].recipes] == ["wavenet"]


@pytest.mark.parametrize("name", NAMES)
def test_right_length_and_rate_and_within_full_scale(name):
    model = make(name)
    assert isinstance(model, Generator) and model.block >= 1
    assert model.sample_rate == TINY[name].sample_rate
    told = []
    for n_samples in (1, N_SAMPLES):
        audio = model.generate(tones(900, model.sample_rate), n_samples, 0, told.append)
        assert audio.shape == (n_samples,) and audio.dtype == np.float32
        assert np.isfinite(audio).all() and np.abs(audio).max() <= 1
    assert sum(told) >= N_SAMPLES // 2


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_audio_and_another_seed_another(name):
    model = make(name)
    one, two, other = (model.generate(None, N_SAMPLES, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_seeds_audio_matters_and_short_ones_will_do(name):
    model = make(name)
    one, other = (model.generate(tones(900, model.sample_rate, seed), N_SAMPLES, 0) for seed in (1, 2))
    assert not np.array_equal(one, other)
    assert len(model.generate(np.array([0.1], dtype=np.float32), 7, 0)) == 7


@pytest.mark.parametrize("bad", [np.zeros(0), np.zeros((2, 50)), np.full(50, np.nan)])
@pytest.mark.parametrize("name", ["tcn", "spectral-lstm", "wavenet-unconditioned"])
def test_seeds_that_are_no_audio_are_refused(name, bad):
    with pytest.raises(OrchestrionError, match="Audio to begin from"):
        make(name).generate(bad, 10, 0)


@pytest.mark.parametrize("name", NAMES)
def test_no_samples_cannot_be_asked_for(name):
    with pytest.raises(OrchestrionError, match="0 samples"):
        make(name).generate(None, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_from_a_file_it_plays_the_same(name, tmp_path):
    model, path = make(name).eval(), tmp_path / "model.safetensors"
    save_generator(path, name, model, {"licence": "CC0 1.0"})
    loaded = load_generator(path)
    assert loaded.config == model.config
    seed = tones(900, model.sample_rate)
    assert np.array_equal(loaded.generate(seed, 300, 5), model.generate(seed, 300, 5))
    assert weights.load(path)[1]["licence"] == "CC0 1.0"


def test_a_wavenets_file_is_an_instruments(tmp_path):
    save_generator(tmp_path / "free.safetensors", "wavenet-unconditioned", make("wavenet-unconditioned"), {})
    assert Instrument.load(tmp_path / "free.safetensors").config == TINY["wavenet-unconditioned"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": None}, "'config' is not an object"),
        ({"config": {"hidden": 3}}, "unknown or missing keys"),
        ({"config": TINY["tcn"].to_dict() | {"filters": "many"}}, "whole number"),
        ({"config": TINY["tcn"].to_dict() | {"filters": 4096}}, "do not fit"),
        ({"config": TINY["tcn"].to_dict() | {"dilations": [1, "2"]}}, "dilations"),
        ({"config": TINY["tcn"].to_dict() | {"kernel": 60}}, "do not fit"),
        ({"backend": "kazoo"}, "not one that generates audio"),
        ({"architecture": "biaxial-lstm"}, "not one that generates audio"),
    ],
)
def test_files_that_do_not_hold_together_are_refused_in_a_sentence(tmp_path, change, said):
    path = tmp_path / "model.safetensors"
    save_generator(path, "tcn", make("tcn"), {})
    tensors, metadata = weights.load(path)
    weights.save(path, tensors, metadata | change)
    with pytest.raises(OrchestrionError, match=said) as raised:
        load_generator(path)
    assert "\n" not in str(raised.value)


def test_a_config_of_gigabytes_is_refused_before_they_are_taken(tmp_path):
    path = tmp_path / "model.safetensors"
    save_generator(path, "spectral-base", make("spectral-base"), {})
    tensors, metadata = weights.load(path)
    huge = metadata["config"] | {"block": 65536, "hidden": 16384}
    weights.save(path, tensors, metadata | {"config": huge})
    with pytest.raises(OrchestrionError, match="parameters"):
        load_generator(path)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls_on_one_batch(name):
    model = make(name).train()
    batch = clips(model, 1 if name.startswith("wavenet") else 4)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(12):
        loss = model.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]
    assert all(p.grad is not None for p in model.parameters())


SPECTRAL = [name for name in NAMES if name.startswith("spectral")]


@pytest.mark.parametrize("name", SPECTRAL)
def test_spectral_models_see_no_later_block(name):
    model = make(name).eval()
    x = torch.randn(1, 6, model.transform.dimensions, requires_grad=True)
    model(x)[0][0, 3].abs().sum().backward()
    seen = x.grad[0].abs().sum(1)
    assert (seen[:4] > 0).all() and (seen[4:] == 0).all()


@pytest.mark.parametrize("name", ["sample-lstm", "tcn"])
def test_sample_models_see_no_later_sample(name):
    model = make(name).eval()
    x = torch.randn(1, 60, requires_grad=True)
    model(x)[0, 40].backward()
    assert x.grad[0, 40] != 0 and (x.grad[0, 41:] == 0).all()


def test_a_driven_instrument_that_ships_plays_its_notes_as_a_back_end():
    """Its tables lie in one file and its network in another; the default of ``compare-all`` is one."""
    generator = load_generator("violin")
    score = Score((Part("", 40, (Note(0.05, 0.4, 69, 90),)),))
    audio = generator.generate(None, round(0.4 * generator.sample_rate), 1, score=score)
    heard = audio[round(0.15 * generator.sample_rate) : round(0.35 * generator.sample_rate)]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    hz = np.fft.rfftfreq(len(heard), 1 / generator.sample_rate)
    near = np.abs(np.log2(np.maximum(hz, 1) / 440) * 12) < 1
    assert hz[near][spectrum[near].argmax()] == pytest.approx(440, abs=6)
    assert spectrum[near].max() > 5 * spectrum[hz < 380].max()
    assert generator.temperature == Instrument.load("violin").temperature
