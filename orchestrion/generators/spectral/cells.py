"""Recurrent cells as the papers print them, and torch's own behind the same interface.

N&V equations (6) to (11), the LSTM with diagonal peepholes V: the output gate sees the new cell, the others the old one:

    i = σ(W_i x + U_i h + V_i c),  f = σ(W_f x + U_f h + V_f c),  c' = f c + i tanh(W_c x + U_c h)
    o = σ(W_o x + U_o h + V_o c'),  h' = o tanh(c')

N&V equations (2) to (5), the GRU:

    z = σ(W_z x + U_z h),  r = σ(W_r x + U_r h),  h̃ = tanh(W x + r (U h)),  h' = (1 - z) h + z h̃

torch's LSTM has no peepholes. Its GRU lets z stand for what is kept, h' = (1 - z) h̃ + z h, and adds a bias to U h. Both have
two biases for one. A bias each is ours (and of N&V's program); the equations have none.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

CellState = Tensor | tuple[Tensor, Tensor]


class LstmCell(nn.Module):
    """The LSTM above; ``peepholes=False`` leaves out V, which is the "vanilla" LSTM of K&G.

    Args:
        dropout: share of the inputs, and of the hidden state, silenced in training; one mask a sequence and layer.
    """

    def __init__(self, inputs: int, hidden: int, *, dropout: float = 0.0, peepholes: bool = False):
        super().__init__()
        self.hidden, self.dropout = hidden, dropout
        self.w = nn.Parameter(torch.empty(inputs, 4 * hidden))  # columns: i, f, c, o
        self.u = nn.Parameter(torch.empty(hidden, 4 * hidden))
        self.b = nn.Parameter(torch.zeros(4 * hidden))
        self.v = nn.Parameter(torch.zeros(3, hidden)) if peepholes else None  # rows: i, f, o
        _initialise(self.w, self.u, 4)
        with torch.no_grad():
            self.b[hidden : 2 * hidden] = 1.0  # open forget gates, or nothing is learnt over 40 steps

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """``[b, s, inputs]`` to ``[b, s, hidden]`` and the state (h, c) after it, each ``[b, hidden]``."""
        h = x.new_zeros(len(x), self.hidden) if state is None else state[0]
        c = torch.zeros_like(h) if state is None else state[1]
        projected = (x * self._mask(x[:, :1])) @ self.w + self.b
        mask, out = self._mask(h), []
        for gates in projected.unbind(1):
            h, c = self.step(gates, h, c, mask)
            out.append(h)
        return torch.stack(out, 1), (h, c)

    def step(self, gates: Tensor, h: Tensor, c: Tensor, mask: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """One step; ``gates`` is W x + b, ``[b, 4 * hidden]``."""
        i, f, candidate, o = (gates + (h * mask) @ self.u).chunk(4, -1)
        if self.v is not None:
            i, f = i + self.v[0] * c, f + self.v[1] * c
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
        if self.v is not None:
            o = o + self.v[2] * c
        return torch.sigmoid(o) * torch.tanh(c), c

    def _mask(self, like: Tensor) -> Tensor | float:
        return _mask(like, self.dropout) if self.training and self.dropout else 1.0


class GruCell(nn.Module):
    """The GRU above."""

    def __init__(self, inputs: int, hidden: int, *, dropout: float = 0.0):
        super().__init__()
        self.hidden, self.dropout = hidden, dropout
        self.w = nn.Parameter(torch.empty(inputs, 3 * hidden))  # columns: z, r, candidate
        self.u = nn.Parameter(torch.empty(hidden, 3 * hidden))
        self.b = nn.Parameter(torch.zeros(3 * hidden))
        _initialise(self.w, self.u, 3)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``[b, s, inputs]`` to ``[b, s, hidden]`` and the state after it, ``[b, hidden]``."""
        h = x.new_zeros(len(x), self.hidden) if state is None else state
        projected = (x * self._mask(x[:, :1])) @ self.w + self.b
        mask, out = self._mask(h), []
        for gates in projected.unbind(1):
            h = self.step(gates, h, mask)
            out.append(h)
        return torch.stack(out, 1), h

    def step(self, gates: Tensor, h: Tensor, mask: Tensor | float = 1.0) -> Tensor:
        """One step; ``gates`` is W x + b, ``[b, 3 * hidden]``."""
        z, r, candidate = gates.chunk(3, -1)
        from_z, from_r, from_h = ((h * mask) @ self.u).chunk(3, -1)
        z, r = torch.sigmoid(z + from_z), torch.sigmoid(r + from_r)
        return (1 - z) * h + z * torch.tanh(candidate + r * from_h)

    def _mask(self, like: Tensor) -> Tensor | float:
        return _mask(like, self.dropout) if self.training and self.dropout else 1.0


class Torch(nn.Module):
    """torch's own LSTM or GRU; ``dropout`` silences inputs alone, since its kernels do not let one into the recurrence."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU], inputs: int, hidden: int, *, dropout: float = 0.0):
        super().__init__()
        self.hidden, self.dropout = hidden, dropout
        self.layer = kind(inputs, hidden, batch_first=True)

    def forward(self, x: Tensor, state: CellState | None = None) -> tuple[Tensor, CellState]:
        if self.training and self.dropout:
            x = x * _mask(x[:, :1], self.dropout)
        result: tuple[Tensor, CellState] = self.layer(x, state)
        return result


def _mask(like: Tensor, dropout: float) -> Tensor:
    return torch.empty_like(like).bernoulli_(1 - dropout) / (1 - dropout)


def _initialise(w: Tensor, u: Tensor, gates: int) -> None:
    """Glorot-uniform inputs and orthogonal recurrences, a gate at a time, as the toolkit that both papers used."""
    for part in w.chunk(gates, 1):
        nn.init.xavier_uniform_(part)
    for part in u.chunk(gates, 1):
        nn.init.orthogonal_(part)


CELLS: dict[str, Callable[..., nn.Module]] = {
    "lstm": LstmCell,
    "lstm-peephole": lambda inputs, hidden, dropout: LstmCell(inputs, hidden, dropout=dropout, peepholes=True),
    "gru": GruCell,
    "torch-lstm": lambda inputs, hidden, dropout: Torch(nn.LSTM, inputs, hidden, dropout=dropout),
    "torch-gru": lambda inputs, hidden, dropout: Torch(nn.GRU, inputs, hidden, dropout=dropout),
}
