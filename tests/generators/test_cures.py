"""The cures change what is heard, not what is wanted; drawing at a temperature keeps the level."""

import numpy as np
import pytest
import torch

from orchestrion.errors import OrchestrionError
from orchestrion.generators.cures import LIMITS, Cures
from orchestrion.generators.files import load_generator
from orchestrion.generators.residual import Residual
from orchestrion.generators.spectral.transform import Dft
from orchestrion.generators.table import BACKENDS
from tests.generators.backends import clips, make, tones

CURED = [name for name, backend in BACKENDS.items() if backend.cures]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", CURED)
@pytest.mark.parametrize("cure", list(LIMITS))
def test_each_cure_that_a_row_lists_changes_the_loss_by_its_seed_alone_and_no_other_is_listed(name, cure):
    model = make(name).eval()
    example = clips(model) if name != "stft-encdec" else torch.from_numpy(np.stack([tones(3 * model.clip_samples // 2, 4410, i) for i in range(4)]))
    with torch.no_grad():
        plain = model.loss(example)
        one, same, *others = (model.loss(example, Cures(**{cure: 0.5}), rng(seed)) for seed in (1, 1, 2, 3, 4))
    if cure in BACKENDS[name].cures:
        assert one == same != plain
        assert all(one == other for other in others) == (cure == "magnitudes")  # which draws nothing
    else:
        assert cure in ("own", "magnitudes") and (name.startswith("wavenet") or cure == "magnitudes")


def test_noise_and_gain_are_of_the_sizes_that_are_asked_for():
    x = torch.ones(2000, 50)
    noisy = Cures(noise=0.6).disturbed(x, rng()) - x
    rms = noisy.square().mean(1).sqrt()
    assert rms.min() < 0.1 and 0.5 < rms.max() < 0.85 and rms.mean() == pytest.approx(0.3, abs=0.02)
    gains_db = 20 * Cures(gain_drift_db=12).disturbed(x, rng()).log10()
    assert (gains_db.std(1) < 1e-4).all()  # one gain an example
    assert (gains_db == 0).all(1).float().mean() == pytest.approx(0.5, abs=0.05)
    assert 11 < gains_db.max() <= 12 and -12 <= gains_db.min() < -11


def test_of_the_networks_own_predictions_all_are_heard_where_all_are_asked_for():
    heard = []

    def network(x):
        heard.append(x.clone())
        return 10 * x

    x = torch.arange(1.0, 5.0)[None, :, None]
    out = Cures(own=1.0).predictions(network, x)
    assert heard[1][0, :, 0].tolist() == [1, 10, 20, 30]  # what it said of the step before
    assert heard[2][0, :, 0].tolist() == [1, 10, 100, 200]  # and once more, of what it then heard
    assert torch.equal(out, 10 * heard[2])
    mixed = Cures(own=0.25).predictions(lambda v: v * 0, torch.ones(50, 400), rng())
    assert mixed.shape == (50, 400)


def test_magnitudes_are_wanted_whatever_the_phase():
    """The mean squared error of an unknown phase is least at 0; that of magnitudes at the magnitude, for any phase."""
    for name in ("spectral-base", "stft-encdec"):
        normal = make(name).normal
        true = normal.analyse(clips(make(name), 1))
        turned = true.clone()
        half = true.shape[-1] // 2
        turned[..., :half], turned[..., half:] = -true[..., half:], true[..., :half]
        if normal.mean.abs().max() < 1e-3 * normal.deviation.min():
            assert normal.magnitude_error(turned, true) < 0.1
        assert normal.magnitude_error(true, true) == 0 < normal.magnitude_error(0.1 * true, true)


@pytest.mark.parametrize("value", [-0.1, float("nan"), 1e9])
@pytest.mark.parametrize("name", list(LIMITS))
def test_impossible_amounts_are_refused(name, value):
    with pytest.raises(OrchestrionError, match=name):
        Cures(**{name: value})


def test_a_residual_is_measured_and_drawn_by_its_numbers_alone():
    residual = Residual(3)
    errors = torch.randn(4, 500, 3, generator=rng()) * torch.tensor([1.0, 2.0, 0.5])
    residual.measure([errors[:2], errors[2:]])
    assert residual.deviation.tolist() == pytest.approx([1, 2, 0.5], rel=0.1)
    whole = residual.drawer(7, 0.5).next(2000)
    one_by_one = residual.drawer(7, 0.5)
    assert np.array_equal(np.concatenate([one_by_one.next() for _ in range(2000)]), whole)
    assert whole.std(0) == pytest.approx([0.5, 1, 0.25], rel=0.1)
    assert not np.array_equal(residual.drawer(8, 0.5).next(10), whole[:10]) and not residual.drawer(7, 0.0).next(5).any()
    for bad in (-1.0, float("nan")):
        with pytest.raises(OrchestrionError, match="impossible"):
            residual.drawer(0, bad)


@pytest.mark.parametrize("name", [name for name in CURED if not name.startswith("wavenet")])
def test_what_knows_nothing_draws_at_the_training_audios_level_and_by_its_seed(name):
    model = make(name).eval()
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    with torch.no_grad():
        model.measure_residual([clips(model, 16)])
    n, seed = 3000, tones(900, model.sample_rate)
    usual = clips(model, 16).square().mean().sqrt().item()
    one, two = (model.generate(seed, n, number, temperature=1.0) for number in (1, 2))
    assert 20 * np.log10(one.std() / usual) == pytest.approx(0, abs=2.5)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.2
    silent = model.generate(seed, n, 1)
    assert silent.std() < 0.3 * usual and np.array_equal(silent, model.generate(seed, n, 2, temperature=0.0))
    model.temperature = 1.0
    assert np.array_equal(model.generate(seed, n, 1), one)


def test_shipped_files_from_before_load_and_say_that_they_cannot_draw():
    model = load_generator("tcn")
    if not model.residual.deviation.any():
        with pytest.raises(OrchestrionError, match="how far its predictions are off"):
            model.generate(None, 10, 0, temperature=0.5)


@pytest.mark.parametrize("size", [8, 9])
def test_what_is_drawn_of_a_dft_is_that_of_a_real_signal_and_as_loud(size):
    transform = Dft(size)
    noise = transform.possible(torch.randn(4000, 2 * size, generator=rng(), dtype=torch.float64))
    assert transform.inverse(noise).imag.abs().max() < 1e-12
    assert noise[:, :size].square().mean().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("transform", ["dft", "rfft", "overlap", "mdct"])
def test_compressed_magnitudes_come_back_with_their_phases(transform):
    from dataclasses import replace

    from tests.generators.backends import TINY

    model = make("spectral-base", replace(TINY["spectral-base"], transform=transform, compression=0.3))
    audio = torch.from_numpy(tones(model.clip_samples, 16000))[None]
    vectors = model.normal.analyse(audio)
    back = model.normal.synthesise(vectors[0])
    first = model.transform.window - model.block  # what lies before is not complete in overlapping blocks
    np.testing.assert_allclose(back, audio[0, first : first + len(back)].numpy(), atol=2e-4)


def test_the_seeds_predictions_can_stand_in_its_place_as_the_text_has_it():
    from dataclasses import replace

    from tests.generators.backends import TINY

    torch.manual_seed(0)
    model = make("spectral-lstm").eval()
    texts = make("spectral-lstm", replace(TINY["spectral-lstm"], generation="predicted")).eval()
    texts.load_state_dict(model.state_dict())
    seed = tones(6 * 32, 16000)
    known = model.normal.analyse(torch.from_numpy(seed)[None])
    with torch.no_grad():
        said = torch.cat([known[:, :1], model.following(known)[:, :-1]], 1)
        expected = model.following(said)[0, -1]
    assert torch.allclose(texts.continuation(seed, 1, 0)[0], expected, atol=1e-5)
    assert not torch.allclose(model.continuation(seed, 1, 0)[0], expected, atol=1e-3)
