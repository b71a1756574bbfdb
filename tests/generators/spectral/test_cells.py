"""The cells are the papers' equations, by hand; and they differ from torch's in just what their docstring says."""

import math

import pytest
import torch
from torch import nn

from orchestrion.generators.spectral.cells import CELLS, GruCell, LstmCell


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def set_to(parameter: torch.Tensor, values: list) -> None:
    with torch.no_grad():
        parameter.copy_(torch.tensor(values))


def test_two_steps_of_the_printed_lstm_by_hand():
    cell = LstmCell(1, 1, peepholes=True)
    set_to(cell.w, [[0.5, -0.3, 0.8, 0.2]])  # i, f, c, o
    set_to(cell.u, [[0.1, 0.4, -0.6, 0.7]])
    set_to(cell.b, [0.05, 0.1, -0.2, 0.3])
    set_to(cell.v, [[0.9], [-0.5], [1.1]])  # i, f, o
    h = c = 0.0
    for x in (1.5, -0.7):
        i = sigma(0.5 * x + 0.1 * h + 0.9 * c + 0.05)  # the old cell
        f = sigma(-0.3 * x + 0.4 * h - 0.5 * c + 0.1)  # the old cell
        c = f * c + i * math.tanh(0.8 * x - 0.6 * h - 0.2)
        o = sigma(0.2 * x + 0.7 * h + 1.1 * c + 0.3)  # the new cell
        h = o * math.tanh(c)
    out, state = cell(torch.tensor([[[1.5], [-0.7]]]))
    assert out[0, -1].item() == pytest.approx(h, abs=1e-6)
    assert (state[0].item(), state[1].item()) == pytest.approx((h, c), abs=1e-6)


def test_two_steps_of_the_printed_gru_by_hand():
    cell = GruCell(1, 1)
    set_to(cell.w, [[0.5, -0.3, 0.8]])  # z, r, candidate
    set_to(cell.u, [[0.1, 0.4, -0.6]])
    set_to(cell.b, [0.05, 0.1, -0.2])
    h = 0.0
    for x in (1.5, -0.7):
        z, r = sigma(0.5 * x + 0.1 * h + 0.05), sigma(-0.3 * x + 0.4 * h + 0.1)
        h = (1 - z) * h + z * math.tanh(0.8 * x + r * (-0.6 * h) - 0.2)
    assert cell(torch.tensor([[[1.5], [-0.7]]]))[0][0, -1].item() == pytest.approx(h, abs=1e-6)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(5))


def test_without_peepholes_it_is_torchs_lstm_and_with_them_it_is_not(x):
    torch.manual_seed(0)
    theirs, ours, peeping = nn.LSTM(3, 4, batch_first=True), LstmCell(3, 4), LstmCell(3, 4, peepholes=True)
    with torch.no_grad():
        for cell in (ours, peeping):
            cell.w.copy_(theirs.weight_ih_l0.T)
            cell.u.copy_(theirs.weight_hh_l0.T)
            cell.b.copy_(theirs.bias_ih_l0 + theirs.bias_hh_l0)
        peeping.v.fill_(0.5)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0])
    assert not torch.allclose(peeping(x)[0], theirs(x)[0], atol=1e-3)
    with torch.no_grad():
        peeping.v.zero_()
    torch.testing.assert_close(peeping(x)[0], theirs(x)[0])


def test_the_gru_is_torchs_with_the_update_gate_turned_round(x):
    torch.manual_seed(0)
    theirs, ours = nn.GRU(3, 4, batch_first=True), GruCell(3, 4)
    with torch.no_grad():
        theirs.bias_hh_l0.zero_()  # torch adds this one to U h, inside the reset gate
        r, z, candidate = theirs.weight_ih_l0.T.chunk(3, 1)
        ours.w.copy_(torch.cat([-z, r, candidate], 1))
        r, z, candidate = theirs.weight_hh_l0.T.chunk(3, 1)
        ours.u.copy_(torch.cat([-z, r, candidate], 1))
        r, z, candidate = theirs.bias_ih_l0.chunk(3)
        ours.b.copy_(torch.cat([-z, r, candidate]))
    torch.testing.assert_close(ours(x)[0], theirs(x)[0])


@pytest.mark.parametrize("name", CELLS)
def test_in_two_parts_with_the_state_carried_it_is_the_same(name, x):
    torch.manual_seed(0)
    cell = CELLS[name](3, 4, dropout=0.0)
    whole, _ = cell(x)
    first, state = cell(x[:, :3])
    second, _ = cell(x[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)


@pytest.mark.parametrize("name", CELLS)
def test_dropout_silences_one_set_of_inputs_a_sequence_and_only_in_training(name):
    torch.manual_seed(0)
    cell = CELLS[name](200, 3, dropout=0.5)
    still = torch.ones(1, 6, 200)
    x = still.clone().requires_grad_()
    cell(x)[0].sum().backward()
    silenced = x.grad[0] == 0
    assert 60 < silenced[0].sum() < 140 and (silenced == silenced[0]).all()
    cell.eval()
    torch.testing.assert_close(cell(still)[0], cell(still)[0])
