"""Training's LSTM layer on a processor, in bfloat16: matrix products by torch, cells compiled.

torch's own layer works step by step through both products and their gradients; here all that does not depend on the
step before is one product over the whole sequence:

    forward   gates = x Wᵢᵀ (all steps) │ a step: gates += h Wₕᵀ, cell
    backward  a step: cell's gradient, δh = δgates Wₕ │ δx = δgates Wᵢ, δWᵢ = δgatesᵀ x, δWₕ = δgatesᵀ h (all steps)

Products read and write bfloat16 and add in float32; cells are float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable

from orchestrion.compiled import compiled
from orchestrion.composer.kernel import FAST, sigmoid, tanh

_HALF = np.uint32(0x7FFF)
_ONE, _SIXTEEN = np.uint32(1), np.uint32(16)


class LstmInBfloat16(torch.autograd.Function):
    """``apply(x [t, b, i], w_in [4u, i], w_hidden [4u, u], bias [4u])`` → h [t, b, u] bfloat16, from a zero state."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: torch.Tensor, w_in: torch.Tensor, w_hidden: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        t, b, _ = x.shape
        u = w_hidden.shape[1]
        with torch.autocast("cpu", enabled=False):
            x, w_in, w_hidden = x.bfloat16().contiguous(), w_in.bfloat16(), w_hidden.bfloat16()
            gates = (x.flatten(0, 1) @ w_in.t()).view(t, b, 4 * u)
            h, c = x.new_empty(t + 1, b, u), torch.empty(t + 1, b, u)
            h[0], c[0] = 0, 0
            shift = bias.detach().float().numpy()
            for step in range(t):
                if step:
                    gates[step].addmm_(h[step], w_hidden.t())
                _cells(_bits(gates[step]), shift, c[step].numpy(), c[step + 1].numpy(), _bits(h[step + 1]))
        ctx.save_for_backward(x, w_in, w_hidden, gates, h, c)
        return h[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        saved: Sequence[torch.Tensor] = ctx.saved_tensors
        x, w_in, w_hidden, gates, h, c = saved
        grad = grad.bfloat16().contiguous()
        from_later, dc, dbias = torch.zeros_like(h[0]), torch.zeros_like(c[0]), torch.zeros(gates.shape[2])
        with torch.autocast("cpu", enabled=False):
            for step in range(len(x) - 1, -1, -1):
                _cells_back(
                    _bits(gates[step]), c[step].numpy(), c[step + 1].numpy(), _bits(grad[step]), _bits(from_later), dc.numpy(),
                    dbias.numpy(),
                )  # fmt: skip
                if step:
                    torch.mm(gates[step], w_hidden, out=from_later)
            flat = gates.flatten(0, 1)
            dx = (flat @ w_in).view_as(x) if ctx.needs_input_grad[0] else None
            # The narrow matrix first: a fifth faster than the other way about.
            dw_in, dw_hidden = x.flatten(0, 1).t() @ flat, h[:-1].flatten(0, 1).t() @ flat
            return dx, dw_in.t().float(), dw_hidden.t().float(), dbias


def _bits(values: torch.Tensor) -> np.ndarray:
    """bfloat16 as uint16 in the same memory: numpy and the compiled loops have no such type."""
    bits: np.ndarray = values.view(torch.int16).numpy().view(np.uint16)
    return bits


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def _widen(bits: np.ndarray, wide: np.ndarray) -> None:  # pragma: no cover - compiled
    """bfloat16 [n] → float32, as its bits."""
    for j in range(bits.shape[0]):
        wide[j] = np.uint32(bits[j]) << _SIXTEEN


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def _narrow(wide: np.ndarray, bits: np.ndarray) -> None:  # pragma: no cover - compiled
    """float32, as its bits, → the nearest bfloat16, ties to even."""
    for j in range(bits.shape[0]):
        w = wide[j]
        bits[j] = np.uint16((w + _HALF + ((w >> _SIXTEEN) & _ONE)) >> _SIXTEEN)


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def _cells(gates: np.ndarray, shift: np.ndarray, before: np.ndarray, c: np.ndarray, h: np.ndarray) -> None:  # pragma: no cover - compiled
    """Gates [b, 4u] → what they let through, in place; c [b, u] from ``before``, h [b, u]."""
    n, u = c.shape
    bits = np.empty(4 * u, dtype=np.uint32)
    out_bits = np.empty(u, dtype=np.uint32)
    values, out = bits.view(np.float32), out_bits.view(np.float32)
    gate_i, gate_f, gate_g, gate_o = values[:u], values[u : 2 * u], values[2 * u : 3 * u], values[3 * u :]
    shift_i, shift_f, shift_g, shift_o = shift[:u], shift[u : 2 * u], shift[2 * u : 3 * u], shift[3 * u :]
    for row in range(n):
        _widen(gates[row], bits)
        old, new = before[row], c[row]
        for j in range(u):
            gate_i[j] = sigmoid(gate_i[j] + shift_i[j])
            gate_f[j] = sigmoid(gate_f[j] + shift_f[j])
            gate_g[j] = tanh(gate_g[j] + shift_g[j])
            gate_o[j] = sigmoid(gate_o[j] + shift_o[j])
            new[j] = gate_f[j] * old[j] + gate_i[j] * gate_g[j]
            out[j] = gate_o[j] * tanh(new[j])
        _narrow(bits, gates[row])
        _narrow(out_bits, h[row])


@compiled(nogil=True, error_model="numpy", fastmath=FAST)
def _cells_back(
    gates: np.ndarray, before: np.ndarray, c: np.ndarray, grad: np.ndarray, from_later: np.ndarray, dc: np.ndarray, dbias: np.ndarray
) -> None:  # pragma: no cover - compiled
    """What the gates let through [b, 4u] → gradients of their inputs, in place, and added to ``dbias`` [4u]; dc [b, u] moves on to the step before."""
    n, u = c.shape
    one = np.float32(1)
    bits = np.empty(4 * u, dtype=np.uint32)
    above, later = np.empty(u, dtype=np.uint32), np.empty(u, dtype=np.uint32)
    values, from_above, from_next = bits.view(np.float32), above.view(np.float32), later.view(np.float32)
    gate_i, gate_f, gate_g, gate_o = values[:u], values[u : 2 * u], values[2 * u : 3 * u], values[3 * u :]
    for row in range(n):
        _widen(gates[row], bits)
        _widen(grad[row], above)
        _widen(from_later[row], later)
        old, new, carried = before[row], c[row], dc[row]
        for j in range(u):
            i, f, g, o = gate_i[j], gate_f[j], gate_g[j], gate_o[j]
            squashed, dh = tanh(new[j]), from_above[j] + from_next[j]
            d = carried[j] + dh * o * (one - squashed * squashed)
            gate_i[j] = d * g * i * (one - i)
            gate_f[j] = d * old[j] * f * (one - f)
            gate_g[j] = d * i * (one - g * g)
            gate_o[j] = dh * squashed * o * (one - o)
            carried[j] = d * f
        for j in range(4 * u):
            dbias[j] += values[j]
        _narrow(bits, gates[row])
