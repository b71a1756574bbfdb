"""Products with packed float32 weights from Python."""

import numpy as np
import pytest

from orchestrion.matrices.dense import Dense


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("k, columns, n", [(16, 32, 1), (33, 40, 3), (160, 100, 29)])
def test_rows_that_overlap_and_continue_a_chain(k, columns, n):
    w, bias, x = numbers(k, columns), numbers(columns, seed=1), numbers(n + 300, seed=2)
    dense = Dense.of(w, bias)
    windows = np.lib.stride_tricks.sliding_window_view(x, k)[:n].astype(np.float64)
    once = dense(x, n=n, stride=1)
    assert np.allclose(once[:, :columns], windows @ w + bias, atol=1e-4) and not once[:, columns:].any()
    twice = dense(x, n=n, stride=1, chain=dense(x, n=n, stride=1), floor=np.float32(0))
    assert np.allclose(twice[:, :columns], np.maximum(2 * (windows @ w + bias), 0), atol=1e-4)


def test_a_row_does_not_depend_on_those_beside_it():
    dense, x = Dense.of(numbers(64, 96)), numbers(40, 64, seed=3)
    together = dense(x, n=40, stride=64)
    for i in (0, 1, 13, 39):
        assert np.array_equal(dense(x[i].copy(), n=1, stride=64)[0], together[i])


@pytest.mark.parametrize("x", [np.zeros(99, np.float32), np.zeros(200, np.float64), np.zeros((20, 40), np.float32)[:, ::2]])
def test_what_does_not_lie_there_is_not_read(x):
    with pytest.raises(ValueError, match="do not lie"):
        Dense.of(numbers(64, 32))(x, n=2, stride=64)
