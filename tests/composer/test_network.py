import pytest
import torch

from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.features import clock_rows
from orchestrion.composer.likelihood import masked_mean, step_nll
from orchestrion.composer.network import Lstm
from tests.composer.models import TINY_BAR, TINY_CHORD, TINY_FORM, TINY_PUBLISHED, random_grid, random_model


@pytest.mark.parametrize("config", [TINY_PUBLISHED, TINY_BAR, TINY_CHORD])
def test_nothing_flows_from_later_steps_or_higher_notes(config: ComposerConfig) -> None:
    """The gradient of a logit reaches the earlier steps and the lower notes of its own step, and nothing else."""
    model = random_model(config)
    grid = random_grid(6, config.n_pitches).requires_grad_()
    clock = torch.from_numpy(clock_rows(config, (4, 4), 0, 6, 6))[None]
    step, pitch = 3, 8
    model(grid, clock)[0, step, pitch].sum().backward()
    reached = grid.grad[0].abs().sum(-1) > 0  # [s, p]
    assert not reached[step + 1 :].any() and not reached[step, pitch:].any()
    assert reached[step, :pitch].all() and reached[0, : pitch + 12].all()


def test_lstm_equals_its_equations() -> None:
    torch.manual_seed(1)
    layer = Lstm(5, 4)
    x = torch.randn(7, 3, 5)
    h, c = torch.zeros(3, 4), torch.zeros(3, 4)
    for t in range(7):
        i, f, g, o = (x[t] @ layer.w_in.t() + h @ layer.w_hidden.t() + layer.bias).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    torch.testing.assert_close(layer(x)[-1], h)


def test_before_continues_a_piece() -> None:
    """A crop with the step before it has the inputs that the whole piece has there."""
    model = random_model(TINY_BAR)
    grid = random_grid(5, TINY_BAR.n_pitches)
    clock = torch.from_numpy(clock_rows(TINY_BAR, (4, 4), 0, 5, 5))[None]
    with torch.no_grad():
        from_silence = model(grid, clock)
        explicit = model(grid, clock, before=torch.zeros_like(grid[:, 0]))
        other = model(grid, clock, before=torch.ones_like(grid[:, 0]))
    torch.testing.assert_close(from_silence, explicit)
    assert (from_silence - other).abs().max() > 1e-3


def test_articulation_counts_only_where_a_note_sounds() -> None:
    logits, grid = torch.randn(2, 3, 4, 2), torch.zeros(2, 3, 4, 2)
    grid[0, 1, 2] = torch.tensor([1.0, 1.0])
    nll = step_nll(logits, grid)
    expected = torch.nn.functional.softplus(-logits[0, 1, 2, 1])
    torch.testing.assert_close(nll.articulation[0, 1], expected)
    assert nll.articulation.count_nonzero() == 1
    chance = torch.sigmoid(logits[..., 0])
    bernoulli = torch.where(grid[..., 0] == 1, chance, 1 - chance).log().sum(-1)
    torch.testing.assert_close(nll.play, -bernoulli)


def test_masked_mean_leaves_out_padding() -> None:
    values, mask = torch.tensor([[1.0, 3.0, 100.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    assert masked_mean(values, mask) == 2.0


def test_dropout_keeps_one_mask_along_time_and_only_in_training() -> None:
    model = random_model(TINY_PUBLISHED)
    x = torch.ones(6, 4, 9)
    assert model._dropped(x) is x
    model.train()
    dropped = model._dropped(x)
    assert (dropped == dropped[:1]).all() and set(dropped.unique().tolist()) == {0.0, 2.0}


def test_foresight_sees_what_is_given_for_later_and_nothing_else() -> None:
    """The gradient of a logit reaches given cells of its own and later steps; without any, the axis is silent."""
    model, grid = random_model(TINY_FORM), random_grid(6, TINY_FORM.n_pitches)
    clock = torch.from_numpy(clock_rows(TINY_FORM, (4, 4), 0, 6, 6))[None]
    given = torch.zeros(1, 6, TINY_FORM.n_pitches, 3)
    assert not model.look_ahead(given).any()
    given[0, :, 4] = 1
    given.requires_grad_()
    ahead = model.look_ahead(given)
    ahead[0, 3, 6].sum().backward()
    reached = given.grad[0].abs().sum(-1) > 0
    assert reached[3:, 4].all() and not reached[:3].any()
    with torch.no_grad():
        told, untold = model(grid, clock, given=given), model(grid, clock)
    assert (told - untold).abs().max() > 1e-3
    torch.testing.assert_close(untold, model(grid, clock, given=torch.zeros_like(given)))


def test_known_cells_do_not_count() -> None:
    logits, grid = torch.randn(1, 3, 4, 2), torch.ones(1, 3, 4, 2)
    unknown = torch.zeros(1, 3, 4)
    unknown[0, 1, 2] = 1
    nll = step_nll(logits, grid, unknown).total
    assert nll[0, 0] == nll[0, 2] == 0
    torch.testing.assert_close(nll[0, 1], torch.nn.functional.softplus(-logits[0, 1, 2]).sum())
