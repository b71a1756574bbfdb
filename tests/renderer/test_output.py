"""Codes and back, emphasis, and the mixture of logistics: its probabilities and its draws."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from orchestrion.renderer import mulaw
from orchestrion.renderer.coding import GRID, Coding
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.renderer.deemphasis import Deemphasis, decode
from orchestrion.renderer.output import (
    bits_of_levels,
    draw,
    encode_tensor,
    first_bias,
    log_probability,
    values,
)
from tests.renderer.reference import draw_mixture

CODING = PRESETS["medium"].coding


def music(n=5000, seed=0):
    rng, t = np.random.default_rng(seed), np.arange(n) / 24000
    return 0.3 * np.sin(2 * np.pi * 220 * t) + 0.02 * np.sin(2 * np.pi * 3000 * t) + 1e-4 * rng.standard_normal(n)


def random_mixtures(n, k=4, seed=0):
    """Parameters [n, 3k] and centres [n]."""
    rng = torch.Generator().manual_seed(seed)
    raw = torch.randn(n, 3 * k, generator=rng)
    raw[:, k : 2 * k] *= 0.3
    return raw, torch.rand(n, generator=rng) - 0.5


def test_what_is_encoded_is_decoded():
    x = music()
    rest = decode(CODING.encode(x), replace(CODING, highpass=1.0)) - x
    assert 10 * np.log10((rest**2).mean() / (x**2).mean()) < -60
    assert np.array_equal(encode_tensor(torch.from_numpy(x), CODING).numpy(), CODING.encode(x))


def test_codes_of_a_stretch_are_those_of_the_whole():
    x = music()
    assert np.array_equal(CODING.encode(x[1000:], before=x[999]), CODING.encode(x)[1000:])


def test_silence_is_one_code_and_inaudible():
    assert np.all(CODING.encode(np.zeros(50)) == CODING.silence)
    assert np.abs(decode(np.full(5000, CODING.silence), CODING)).max() < 1e-5


def test_a_softmax_has_mu_law_levels_of_the_samples_as_they_are():
    coding, x = UNDRIVEN["medium"].coding, music()
    assert np.array_equal(coding.encode(x), mulaw.encode(x)) and np.array_equal(decode(coding.encode(x), coding), mulaw.decode(mulaw.encode(x)))


def test_what_is_too_loud_is_clipped():
    assert CODING.encode(np.array([0.0, 9.0, -9.0])).tolist() == [CODING.silence, GRID - 1, 0]
    assert np.abs(decode(np.full(500, GRID - 1), CODING)).max() == 1


def test_deemphasis_is_the_filter_that_scipy_knows():
    emphasised = CODING.amplitudes(CODING.encode(music()))
    audio, _ = lfilter([1 / CODING.gain], [1.0, -CODING.preemphasis], emphasised.astype(np.float64), zi=[CODING.preemphasis * 0.25])
    expected, _ = lfilter([1.0, -1.0], [1.0, -CODING.highpass], audio, zi=[CODING.highpass * 0.125 - 0.25])
    assert np.allclose(Deemphasis(CODING, (0.25, 0.125))(emphasised), np.clip(expected, -1, 1), atol=1e-7)


def test_an_offset_is_not_heard_and_the_lowest_note_is():
    n = np.arange(2 * PRESETS["medium"].sample_rate)
    offset = Deemphasis(CODING)(np.full(len(n), 0.01, np.float32))
    assert np.abs(offset[len(n) // 2 :]).max() < 1e-6 and np.abs(offset).max() > 0.01
    lowest = np.sin(2 * np.pi * 27.5 * n / PRESETS["medium"].sample_rate) / 4
    played = Deemphasis(CODING)(CODING.emphasise(lowest))[len(n) // 2 :]
    assert -0.5 < 20 * np.log10(played.std() / lowest.std()) < 0


def test_deemphasis_undoes_emphasis_in_any_blocks():
    x = music()
    emphasised = CODING.emphasise(x)
    whole = Deemphasis(CODING)(emphasised)
    assert whole.dtype == np.float32 and np.abs(whole - lfilter([1.0, -1.0], [1.0, -CODING.highpass], x)).max() < 1e-7
    assert np.abs(Deemphasis(replace(CODING, highpass=1.0))(emphasised) - x).max() < 1e-7
    blockwise = Deemphasis(CODING)
    blocks = [blockwise(part) for part in np.split(emphasised, [1, 1, 17, 1000, 4999])]
    assert np.array_equal(np.concatenate(blocks), whole)
    onward = Deemphasis(CODING, blockwise.last)
    both = np.concatenate([whole, onward(emphasised)])
    assert np.array_equal(both, Deemphasis(CODING)(np.concatenate([emphasised, emphasised])))


def test_emphasis_is_the_filter_it_says():
    impulse = CODING.emphasise(np.array([1.0, 0, 0]))
    assert np.allclose(impulse, [CODING.gain, -CODING.gain * CODING.preemphasis, 0])
    assert CODING.emphasise(np.zeros(0)).shape == (0,) and decode(np.zeros(0, int), CODING).shape == (0,)


def test_probabilities_sum_to_one():
    """Over the intervals of the grid with the first and the last one open, and over µ-law levels."""
    raw, centre = random_mixtures(5)
    edges = (torch.arange(1, GRID, 16) - 0.5) * 2 / (GRID - 1) - 1
    low, high = torch.cat([torch.tensor([-60.0]), edges]), torch.cat([edges, torch.tensor([60.0])])
    for one, middle in zip(raw, centre, strict=True):
        chances = log_probability(one.expand(len(low), -1), middle.expand(len(low)), low, high).exp()
        assert chances.double().sum() == pytest.approx(1, abs=2e-3)
        codes = torch.round(torch.arange(256) / 255 * (GRID - 1)).long()
        bits = bits_of_levels(one.expand(256, -1), middle.expand(256), codes)
        assert (2.0 ** -bits.double()).sum() == pytest.approx(1, abs=1e-3)


def test_bits_are_those_of_a_known_mixture():
    """One logistic far narrower than a level costs nothing in the middle of one, a bit on the edge of two."""
    raw = torch.tensor([[0.0, 0.0, -7.0]])
    level = torch.tensor([[101 / 255 * 2 - 1], [101.5 / 255 * 2 - 1]])
    codes = torch.floor((level + 1) / 2 * (GRID - 1) + 0.5).long()
    bits = bits_of_levels(raw.expand(2, 1, -1), level, codes)
    assert bits[0, 0] < 0.01 and bits[1, 0] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_draws_equal_the_references(temperature):
    raw, centre = random_mixtures(2000)
    u = torch.rand(2000, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    drawn = draw(raw, centre, u, temperature).numpy()
    expected = [draw_mixture(r, c, x, temperature) for r, c, x in zip(raw.numpy(), centre.tolist(), u.tolist(), strict=True)]
    apart = np.abs(drawn - expected)
    assert np.mean(apart > 3) < 2e-3  # float32 may put a u on the border of two components to the other one


def test_draws_follow_the_probabilities():
    """Kolmogorov and Smirnov's distance of 20,000 draws from the cumulative probability, at the level of one in a thousand."""
    raw, centre = random_mixtures(1, seed=3)
    n = 20_000
    u = torch.rand(n, generator=torch.Generator().manual_seed(2), dtype=torch.double)
    drawn = values(draw(raw.expand(n, -1), centre.expand(n), u)).sort().values
    edges = torch.linspace(-0.99, 0.99, 200)
    below = log_probability(raw.expand(200, -1), centre.expand(200), torch.full((200,), -60.0), edges).exp()
    found = torch.searchsorted(drawn, edges) / n
    assert (found - below).abs().max() < 1.95 / n**0.5


@pytest.mark.parametrize("u", [0.0, 1 - 2**-53])
def test_the_ends_of_the_random_numbers_are_no_trouble(u):
    raw, centre = random_mixtures(50)
    drawn = draw(raw, centre, torch.full((50,), u, dtype=torch.double))
    assert drawn.min() >= 0 and drawn.max() < GRID


def test_a_fresh_network_begins_narrow_about_the_source():
    raw, centre = first_bias(4)[None], torch.tensor([0.3])
    value = torch.tensor([0.3])
    assert log_probability(raw, centre, value - 0.2, value + 0.2).exp() > 0.9


def test_values_and_codes_are_inverse():
    codes = torch.arange(GRID)
    assert torch.equal(torch.floor((values(codes).double() + 1) / 2 * (GRID - 1) + 0.5).long(), codes)
    assert Coding(256, 255).silence == 128
