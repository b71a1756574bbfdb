"""The last matrix rounded so that its errors cancel."""

import numpy as np
import pytest

from orchestrion.renderer.kernels.rounding import rounded_out
from tests.renderer.reference import TINY, random_tensors

GREATEST = 127


def tensors(seed=0):
    """Hidden channels that sound together: their weights come from few directions. Each row of the last matrix has an offset."""
    rng = np.random.default_rng(seed)
    t = random_tensors(TINY, seed)
    few = rng.standard_normal((TINY.skip, 3)) @ rng.standard_normal((3, TINY.head))
    return t | {"w_head": few.astype(np.float32), "w_out": t["w_out"] + rng.standard_normal((TINY.head, 1)).astype(np.float32) * 3}


def hidden(t, n=500, seed=1):
    rng = np.random.default_rng(seed)
    skip = t["b_skip"] + sum(0.3 * rng.standard_normal((n, TINY.residual)) @ w for w in t["w_skip"])
    return np.maximum(np.maximum(skip, 0) @ t["w_head"] + t["b_head"], 0)


def loss(t, w):
    """Mean Kullback-Leibler divergence of the softmax with ``w`` from the one with ``w_out``."""

    def log_softmax(x):
        x = x - x.max(axis=1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=1, keepdims=True))

    h = hidden(t)
    exact, other = (log_softmax(h @ m.astype(np.float64) + t["b_out"]) for m in (t["w_out"], w))
    return (np.exp(exact) * (exact - other)).sum(axis=1).mean()


def nearest(w):
    scale = np.abs(w).max(axis=0) / GREATEST
    return np.rint(w / scale) * scale


@pytest.mark.parametrize("seed", range(3))
def test_loses_far_less_than_the_nearest_numbers(seed):
    t = tensors(seed)
    whole, scale = rounded_out(t, GREATEST)
    assert whole.shape == t["w_out"].shape and np.abs(whole).max() <= GREATEST and scale.shape == (TINY.levels,)
    assert 0 <= loss(t, whole * scale) < loss(t, nearest(t["w_out"])) / 5


def test_what_all_logits_share_is_left_out():
    t = tensors()
    whole, scale = rounded_out(t, GREATEST)
    moved, same_scale = rounded_out(t | {"w_out": t["w_out"] + np.float32(0.5)}, GREATEST)
    assert np.array_equal(whole, moved) and np.allclose(scale, same_scale, rtol=1e-5)


def test_silent_channels_and_nothing_at_all():
    t = {name: np.zeros_like(value) for name, value in tensors().items()}
    whole, scale = rounded_out(t, GREATEST)
    assert not whole.any() and np.all(scale == 1)
    t["w_out"] = tensors()["w_out"]  # of channels that never sound: rounded to the nearest
    centred = t["w_out"] - t["w_out"].mean(axis=1, keepdims=True, dtype=np.float64)
    whole, scale = rounded_out(t, GREATEST)
    assert np.abs(whole * scale - centred).max() <= scale.max() * 0.5001


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["w_skip", "b_skip", "w_head", "b_head", "w_out"])
def test_absurd_weights_do_no_harm(name):
    t = tensors()
    whole, scale = rounded_out(t | {name: np.full_like(t[name], 3e38)}, GREATEST)
    assert np.abs(whole).max() <= GREATEST and np.isfinite(scale).all()


def test_the_same_each_time():
    assert all(np.array_equal(a, b) for a, b in zip(rounded_out(tensors(), GREATEST), rounded_out(tensors(), GREATEST), strict=True))
