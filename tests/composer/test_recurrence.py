"""The compiled LSTM of training against its equations in float32, forward and backward."""

import pytest
import torch

from orchestrion.composer.network import Lstm
from orchestrion.composer.recurrence import LstmInBfloat16


def both(layer: Lstm, x: torch.Tensor, weight: torch.Tensor) -> list[list[torch.Tensor]]:
    """[output, gradients of x, w_in, w_hidden, bias] of torch's layer in float32 and of ours."""
    results = []
    for run in (layer, lambda given: LstmInBfloat16.apply(given, layer.w_in, layer.w_hidden, layer.bias)):
        layer.zero_grad()
        given = x.clone().requires_grad_()
        out = run(given)
        (out.float() * weight).sum().backward()
        results.append([out.float().detach(), given.grad, *(p.grad.clone() for p in layer.parameters())])
    return results


@pytest.mark.parametrize(("t", "b", "i", "u"), [(1, 3, 5, 4), (17, 6, 30, 16), (64, 5, 40, 33)])
def test_equals_torch_within_bfloat16(t: int, b: int, i: int, u: int) -> None:
    torch.manual_seed(t)
    expected, found = both(Lstm(i, u), torch.randn(t, b, i), torch.randn(t, b, u))
    for exact, near in zip(expected, found, strict=True):
        assert near.shape == exact.shape
        assert (near - exact).norm() <= 0.03 * exact.norm()


def test_training_takes_it_and_evaluation_does_not() -> None:
    layer, x = Lstm(6, 8), torch.randn(4, 3, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.train()(x).dtype == torch.bfloat16
        assert type(layer(x).grad_fn).__name__ == "LstmInBfloat16Backward"
    assert "LstmInBfloat16" not in type(layer(x).grad_fn).__name__


def test_no_gradient_for_inputs_that_need_none() -> None:
    layer, x = Lstm(6, 8), torch.randn(4, 3, 6)
    LstmInBfloat16.apply(x, layer.w_in, layer.w_hidden, layer.bias).float().sum().backward()
    assert x.grad is None and layer.w_in.grad is not None and layer.w_in.grad.isfinite().all()
