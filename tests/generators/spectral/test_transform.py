"""Transforms: they give the signal back, have the dimensions they promise, and overlapping ones have no seams."""

import math

import pytest
import torch

from orchestrion.generators.spectral.transform import TRANSFORMS, Mdct, imaginary_residue

NAMES = list(TRANSFORMS)
BLOCKS = 6


def audio(block: int, windows: int = BLOCKS + 1) -> torch.Tensor:
    return torch.randn(1, windows * block, generator=torch.Generator().manual_seed(block), dtype=torch.float64)


@pytest.mark.parametrize("block", [16, 25])
@pytest.mark.parametrize("name", NAMES)
def test_synthesis_undoes_analysis(name, block):
    transform, sound = TRANSFORMS[name](block), audio(block)
    vectors = transform.analyse(sound)
    back = transform.synthesise(vectors[0])
    start = transform.window - block  # the first half-covered block of overlapping ones is not given back
    assert vectors.shape[-1] == transform.dimensions
    assert len(back) == (transform.frames_for(1) and len(vectors[0]) - (transform.frames_for(1) - 1)) * block
    torch.testing.assert_close(back, sound[0, start : start + len(back)], atol=1e-12, rtol=0)


@pytest.mark.parametrize(("name", "per_sample"), [("dft", 2), ("rfft", 1), ("overlap", 2), ("mdct", 1)])
def test_dimensions_a_sample(name, per_sample):
    assert TRANSFORMS[name](4000).dimensions == per_sample * 4000


@pytest.mark.parametrize("name", NAMES)
def test_as_many_vectors_as_samples_need(name):
    transform = TRANSFORMS[name](16)
    for n_samples in (1, 15, 16, 17, 160):
        n = transform.frames_for(n_samples)
        assert len(transform.synthesise(torch.zeros(n, transform.dimensions))) >= n_samples
        assert len(transform.synthesise(torch.zeros(n - 1, transform.dimensions))) < n_samples if n > 1 else True


def test_dft_is_re_then_im_of_the_definition():
    sound = audio(8, 1)[0]
    n = torch.arange(8, dtype=torch.float64)
    angles = -2 * math.pi * n[:, None] * n / 8
    vector = TRANSFORMS["dft"](8).analyse(sound[None])[0, 0]
    torch.testing.assert_close(vector[:8], (torch.cos(angles) * sound).sum(1))
    torch.testing.assert_close(vector[8:], (torch.sin(angles) * sound).sum(1))


def test_mdct_is_its_definition():
    block, sound = 12, audio(12, 2)[0]
    window = torch.sin(math.pi * (torch.arange(24, dtype=torch.float64) + 0.5) / 24)
    n, k = torch.arange(24, dtype=torch.float64), torch.arange(12, dtype=torch.float64)[:, None]
    basis = torch.cos(math.pi / block * (n + 0.5 + block / 2) * (k + 0.5))
    expected = math.sqrt(2 / block) * (basis * window * sound).sum(1)
    torch.testing.assert_close(Mdct(block).analyse(sound[None])[0, 0], expected)


def test_a_true_spectrum_leaves_no_imaginary_part_and_a_random_one_half():
    transform = TRANSFORMS["dft"](64)
    assert imaginary_residue(transform, transform.analyse(audio(64))[0]) < 1e-25
    random = torch.randn(50, 128, generator=torch.Generator().manual_seed(0))
    assert imaginary_residue(transform, random) == pytest.approx(0.5, abs=0.05)
    assert imaginary_residue(transform, torch.zeros(2, 128)) == 0.0


def edge_jumps(name: str) -> float:
    """Steps at block edges over steps inside, of low-pitched sound whose every vector is wrong by itself."""
    block = 256
    transform = TRANSFORMS[name](block)
    t = torch.arange(41 * block, dtype=torch.float64)
    vectors = transform.analyse(torch.sin(2 * math.pi * t / 97)[None])[0]
    gains = 0.5 + torch.rand(len(vectors), 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    steps = transform.synthesise(vectors * gains).diff().abs()
    at_edges = steps[block - 1 :: block]
    return float(at_edges.mean() / steps.mean())


def test_butted_blocks_click_and_overlapping_ones_do_not():
    assert edge_jumps("dft") > 3 and edge_jumps("rfft") > 3
    assert edge_jumps("overlap") < 1.2 and edge_jumps("mdct") < 1.2
