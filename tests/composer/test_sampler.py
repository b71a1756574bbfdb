from collections.abc import Sequence

import numpy as np
import pytest
import torch

from orchestrion.composer.config import PRESETS, ComposerConfig
from orchestrion.composer.features import clock_rows
from orchestrion.composer.kernel import sigmoid, tanh
from orchestrion.composer.network import Biaxial
from orchestrion.composer.sampler import Around, Choices, Sampler, default_storage
from orchestrion.errors import OrchestrionError
from orchestrion.matrices.arithmetic import STORAGES
from orchestrion.randomness import uniform
from tests.composer.models import TINY_BAR, TINY_CHORD, TINY_FORM, TINY_PUBLISHED, random_grid, random_model


def step_logits(sampler: Sampler, grid: np.ndarray, clock: np.ndarray) -> np.ndarray:
    state, rows = sampler.initial_state(), []
    for row, tick in zip(grid, clock, strict=True):
        logits, state = sampler.logits(state, tick, row)
        rows.append(logits[0])
    return np.array(rows)


@pytest.mark.parametrize("config", [TINY_PUBLISHED, TINY_BAR, TINY_CHORD, PRESETS["repo"]], ids=["published", "bar", "chord", "repo"])
def test_forward_equals_steps(config: ComposerConfig) -> None:
    model = random_model(config)
    grid, clock = random_grid(9, config.n_pitches), clock_rows(config, (3, 4), 0, 9, 24, 2)
    with torch.no_grad():
        whole = model(grid, torch.from_numpy(clock)[None])[0].numpy()
    np.testing.assert_allclose(step_logits(Sampler(model, "float32"), grid[0].numpy(), clock), whole, atol=1e-4)


def surroundings(model: Biaxial, n_steps: int, share: float) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Random memories [1, s, m, p, 2] and given cells [1, s, p, 3], and what the backward axis says of these [s, p, f]."""
    config = model.config
    memory = torch.stack([random_grid(n_steps, config.n_pitches, 10 + m) for m in range(config.n_memories)], dim=2)
    known = torch.rand(1, n_steps, config.n_pitches, generator=torch.Generator().manual_seed(5)) < share
    given = torch.cat([known[..., None].float(), random_grid(n_steps, config.n_pitches, 4) * known[..., None]], dim=-1)
    with torch.no_grad():
        return memory, given, model.look_ahead(given)[0].numpy()


def test_forward_equals_steps_with_memories_and_foresight() -> None:
    model = random_model(TINY_FORM)
    grid, clock = random_grid(9, TINY_FORM.n_pitches), clock_rows(TINY_FORM, (3, 4), 0, 9, 24, 2)
    memory, given, ahead = surroundings(model, 9, 0.3)
    with torch.no_grad():
        whole = model(grid, torch.from_numpy(clock)[None], memory=memory, given=given)[0].numpy()
    sampler = Sampler(model, "float32")
    state = sampler.initial_state()
    for step, tick in enumerate(clock):
        around = Around(memory[:, step].numpy().astype(np.uint8), ahead[None, step], None)
        logits, state = sampler.logits(state, tick, grid[0, step].numpy(), around)
        np.testing.assert_allclose(logits[0], whole[step], atol=1e-4)


def test_given_notes_are_taken_and_their_surprise_is_their_likelihood() -> None:
    model, n_steps = random_model(TINY_FORM), 12
    _, given, ahead = surroundings(model, n_steps, 0.3)
    clock, cells = clock_rows(TINY_FORM, (4, 4), 0, n_steps, n_steps), given[0].numpy().astype(np.uint8)
    sampler, rows, surprises = Sampler(model, "float32"), [], []
    state = sampler.initial_state()
    for step, tick in enumerate(clock):
        around = Around(None, ahead[None, step], cells[None, step])
        drawn, state, surprise = sampler.draw_around(state, tick, [everything(TINY_FORM)], 3, [0], around)
        rows.append(drawn[0])
        surprises.append(surprise[0])
    known, grid = cells[..., 0] == 1, np.array(rows)
    np.testing.assert_array_equal(grid[known], cells[..., 1:][known])
    assert grid[~known].any()
    with torch.no_grad():
        found = torch.from_numpy(grid).float()[None]
        logits = model(found, torch.from_numpy(clock)[None], given=given)
        before = torch.cat([torch.zeros(1, 1, TINY_FORM.n_pitches), found[:, :-1, :, 0]], dim=1)
        counted = torch.nn.functional.binary_cross_entropy_with_logits(logits, found, reduction="none")
        counted[..., 1] *= found[..., 0] * before  # the attack after silence goes without saying
    np.testing.assert_allclose(surprises, (counted.sum(-1)[0].numpy() * known).sum(1), rtol=1e-3, atol=1e-3)


def test_given_notes_leave_room_for_themselves() -> None:
    cells = np.zeros((1, TINY_BAR.n_pitches, 3), dtype=np.uint8)
    cells[0, -2:] = 1
    sampler = Sampler(random_model(TINY_BAR, bias=20.0))
    clock = clock_rows(TINY_BAR, (4, 4), 0, 1, 1)[0]
    held, _ = sampler.draw(sampler.initial_state(), clock, [everything(TINY_BAR, polyphony=3)], 0, [0], Around(given=cells))
    assert held[0, ..., 0].sum() == 3 and held[0, -2:, 0].all() and held[0, 0, 0]


def test_another_draw_of_a_step_is_what_another_voice_would_have_drawn() -> None:
    model, choices = random_model(TINY_BAR), [everything(TINY_BAR)]
    clock = clock_rows(TINY_BAR, (4, 4), 0, 6, 6)
    sampler, other = Sampler(model), Sampler(model)
    state, twin = sampler.initial_state(), other.initial_state()
    for tick in clock[:5]:
        _, state = sampler.draw(state, tick, choices, 0, [0])
        _, twin = other.draw(twin, tick, choices, 0, [0])
    first, _, _ = sampler.draw_around(state, clock[5], choices, 0, [0], Around())
    again, after, _ = sampler.draw_again(state, choices, 0, [7], Around())
    expected, _, _ = other.draw_around(twin, clock[5], choices, 0, [7], Around())
    np.testing.assert_array_equal(again, expected)
    assert not np.array_equal(first, again) and after.step == 6


def test_the_urge_makes_attacks_and_ends_notes() -> None:
    counts = [draw(Sampler(random_model(TINY_BAR)), 60, everything(TINY_BAR, urge=urge))[..., 1].sum() for urge in (-3.0, 0.0, 3.0)]
    assert counts[0] < counts[1] < counts[2]


def test_a_picked_state_goes_on_as_the_piece_it_was_picked_from() -> None:
    one, choices = Sampler(random_model(TINY_BAR)), everything(TINY_BAR)
    clock = clock_rows(TINY_BAR, (4, 4), 0, 10, 10)
    three, state = one.twin(3), one.twin(3).initial_state()
    for tick in clock[:6]:
        _, state = three.draw(state, tick, [choices] * 3, 0, range(3))
    picked = three.picked(state, np.array([2, 2, 0]))
    kept = three.picked(state, np.arange(3))
    for tick in clock[6:]:
        rows, picked = three.draw(picked, tick, [choices] * 3, 0, [2, 2, 0])
        expected, kept = three.draw(kept, tick, [choices] * 3, 0, range(3))
        np.testing.assert_array_equal(rows, expected[[2, 2, 0]])


@pytest.mark.parametrize("storage", ["bfloat16", "int8"])
@pytest.mark.parametrize("config", [TINY_PUBLISHED, PRESETS["repo"]], ids=["published", "repo"])
def test_narrow_weights_are_near(config: ComposerConfig, storage: str) -> None:
    model = random_model(config)
    grid, clock = random_grid(8, config.n_pitches)[0].numpy(), clock_rows(config, (4, 4), 0, 8, 8)
    exact, fast = (step_logits(Sampler(model, name), grid, clock) for name in ("float32", storage))
    assert 0 < np.abs(exact - fast).max() < 0.1


def test_an_unknown_storage_is_refused() -> None:
    with pytest.raises(OrchestrionError, match="int4"):
        Sampler(random_model(TINY_BAR), "int4")


def test_large_networks_are_int8() -> None:
    assert default_storage(PRESETS["repo"]) == "int8" and default_storage(TINY_BAR) == "float32"


def draw(sampler: Sampler, n_steps: int, choices: Choices, seed: int = 0, voice: int = 0) -> np.ndarray:
    """[s, p, 2]"""
    return draw_pieces(sampler, n_steps, [choices], seed, [voice])[0]


def draw_pieces(
    sampler: Sampler, n_steps: int, choices: Sequence[Choices], seed: int, voices: Sequence[int]
) -> np.ndarray:
    """[b, s, p, 2]"""
    state, steps = sampler.initial_state(), []
    for tick in clock_rows(sampler.config, (4, 4), 0, n_steps, n_steps):
        rows, state = sampler.draw(state, tick, choices, seed, voices)
        steps.append(rows)
    return np.stack(steps, axis=1)


def everything(config: ComposerConfig, **settings: float) -> Choices:
    return Choices(np.ones(config.n_pitches, dtype=np.uint8), **settings)


@pytest.mark.parametrize(("conservativity", "temperature"), [(1.0, 1.0), (2.0, 0.7)])
def test_draws_follow_the_probabilities_of_forward(conservativity: float, temperature: float) -> None:
    """Every decision is that of torch's logits and the uniform number of its place."""
    model = random_model(TINY_BAR)
    rows = draw(Sampler(model), 30, everything(TINY_BAR, conservativity=conservativity, temperature=temperature), 5, 3)
    clock = clock_rows(TINY_BAR, (4, 4), 0, 30, 30)
    with torch.no_grad():
        logits = model(torch.from_numpy(rows).float()[None], torch.from_numpy(clock)[None])[0]
    chance = torch.sigmoid(logits / temperature).numpy()
    place = np.arange(30)[:, None] * 128 + np.arange(TINY_BAR.pitch_low, TINY_BAR.pitch_high + 1)
    play, attack = uniform(5, 3, 2 * place), uniform(5, 3, 2 * place + 1)
    near = np.abs(play - chance[..., 0] ** conservativity) < 1e-5
    sounding = play < chance[..., 0] ** conservativity
    np.testing.assert_array_equal(rows[..., 0][~near], sounding[~near])
    before = np.concatenate([np.zeros_like(rows[:1, :, 0]), rows[:-1, :, 0]])
    np.testing.assert_array_equal(rows[..., 1], rows[..., 0] & ((before == 0) | (attack < chance[..., 1])))
    assert rows[..., 0].any() and not rows[..., 0].all()


def test_same_seed_same_notes_and_voices_differ() -> None:
    model = random_model(TINY_PUBLISHED)
    choices = everything(TINY_PUBLISHED)
    first = draw(Sampler(model), 12, choices, seed=4, voice=1)
    np.testing.assert_array_equal(first, draw(Sampler(model), 12, choices, seed=4, voice=1))
    assert (first != draw(Sampler(model), 12, choices, seed=4, voice=2)).any()
    assert (first != draw(Sampler(model), 12, choices, seed=5, voice=1)).any()


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("config", [TINY_BAR, TINY_CHORD, TINY_PUBLISHED], ids=["bar", "chord", "published"])
def test_pieces_together_equal_pieces_alone(config: ComposerConfig, storage: str) -> None:
    """Each with choices of its own."""
    one, allowed = Sampler(random_model(config), storage), np.arange(config.n_pitches) % 5 != 0
    choices = [everything(config), Choices(allowed.astype(np.uint8), 2, 1.5, 0.8), everything(config, temperature=1.3)]
    together = draw_pieces(one.twin(3), 12, choices, 7, [4, 0, 9])
    for rows, choice, voice in zip(together, choices, (4, 0, 9), strict=True):
        np.testing.assert_array_equal(rows, draw(one, 12, choice, 7, voice))
    assert (together[0] != together[2]).any()


def test_interleaved_pieces_equal_pieces_alone() -> None:
    sampler, choices = Sampler(random_model(TINY_BAR)), everything(TINY_BAR)
    clock = clock_rows(TINY_BAR, (4, 4), 0, 10, 10)
    states = [sampler.initial_state() for _ in range(2)]
    rows: list[list[np.ndarray]] = [[], []]
    for tick in clock:
        for voice in range(2):
            drawn, states[voice] = sampler.draw(states[voice], tick, [choices], 0, [voice])
            rows[voice].append(drawn[0])
    for voice in range(2):
        np.testing.assert_array_equal(rows[voice], draw(sampler, 10, choices, 0, voice))


def test_forcing_equals_having_drawn() -> None:
    sampler, choices = Sampler(random_model(TINY_BAR)), everything(TINY_BAR)
    rows, clock = draw(sampler, 14, choices, 2, 0), clock_rows(TINY_BAR, (4, 4), 0, 14, 14)
    state = sampler.initial_state()
    for row, tick in zip(rows[:9], clock, strict=False):
        state = sampler.force(state, tick, row)
    for expected, tick in zip(rows[9:], clock[9:], strict=True):
        rows, state = sampler.draw(state, tick, [choices], 2, [0])
        np.testing.assert_array_equal(rows[0], expected)


@pytest.mark.parametrize("polyphony", [1, 2, 3])
def test_masks_hold_at_every_step(polyphony: int) -> None:
    allowed = (np.arange(TINY_BAR.n_pitches) % 3 == 0).astype(np.uint8)
    rows = draw(Sampler(random_model(TINY_BAR, bias=1.0)), 40, Choices(allowed, polyphony))
    assert not rows[:, allowed == 0].any()
    assert rows[..., 0].sum(axis=1).max() == polyphony


def test_a_note_after_silence_is_an_attack() -> None:
    rows = draw(Sampler(random_model(TINY_PUBLISHED)), 40, everything(TINY_PUBLISHED)).astype(bool)
    before = np.concatenate([np.zeros_like(rows[:1, :, 0]), rows[:-1, :, 0]])
    assert not (rows[..., 0] & ~before & ~rows[..., 1]).any()
    assert not (rows[..., 1] & ~rows[..., 0]).any()


def test_rational_functions_are_as_near_as_stated() -> None:
    x = np.linspace(-30, 30, 4001).astype(np.float32)
    exact = np.tanh(x.astype(np.float64))
    assert max(abs(tanh(value) - true) for value, true in zip(x, exact, strict=True)) < 3e-7
    logistic = 1 / (1 + np.exp(-x.astype(np.float64)))
    assert max(abs(sigmoid(value) - true) for value, true in zip(x, logistic, strict=True)) < 3e-7
