import numpy as np
import pytest
import torch

from orchestrion.bridge.randomness import uniform
from orchestrion.composer import sampler as sampler_module
from orchestrion.composer.config import PRESETS, ComposerConfig
from orchestrion.composer.features import clock_rows
from orchestrion.composer.kernel import sigmoid, tanh
from orchestrion.composer.sampler import Choices, Sampler, default_precision, multiplies_bfloat16
from orchestrion.errors import OrchestrionError
from tests.composer.models import TINY_BAR, TINY_PUBLISHED, random_grid, random_model


def step_logits(sampler: Sampler, grid: np.ndarray, clock: np.ndarray) -> np.ndarray:
    state, rows = sampler.initial_state(), []
    for row, tick in zip(grid, clock, strict=True):
        logits, state = sampler.logits(state, tick, row)
        rows.append(logits)
    return np.array(rows)


@pytest.mark.parametrize("config", [TINY_PUBLISHED, TINY_BAR, PRESETS["repo"]], ids=["published", "bar", "repo"])
def test_forward_equals_steps(config: ComposerConfig) -> None:
    model = random_model(config)
    grid, clock = random_grid(9, config.n_pitches), clock_rows(config, (3, 4), 0, 9, 24, 2)
    with torch.no_grad():
        whole = model(grid, torch.from_numpy(clock)[None])[0].numpy()
    np.testing.assert_allclose(step_logits(Sampler(model, "float32"), grid[0].numpy(), clock), whole, atol=1e-4)


def test_bfloat16_is_near() -> None:
    model = random_model(TINY_PUBLISHED)
    grid, clock = random_grid(8, TINY_PUBLISHED.n_pitches)[0].numpy(), clock_rows(TINY_PUBLISHED, (4, 4), 0, 8, 8)
    exact, fast = (step_logits(Sampler(model, name), grid, clock) for name in ("float32", "bfloat16"))
    assert 0 < np.abs(exact - fast).max() < 0.1
    with pytest.raises(OrchestrionError, match="precision"):
        Sampler(model, "int4")


def test_large_networks_are_bfloat16_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_it, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(sampler_module, "multiplies_bfloat16", lambda has_it=has_it: has_it)
        assert default_precision(PRESETS["repo"]) == expected
        assert default_precision(TINY_BAR) == "float32"


@pytest.mark.parametrize(("amx_tile", "avx512_bf16"), [(False, False), (True, False), (False, True), (None, None)])
def test_tiles_and_dot_products_multiply_bfloat16(
    monkeypatch: pytest.MonkeyPatch, amx_tile: bool | None, avx512_bf16: bool | None
) -> None:
    """None: a torch that does not tell."""
    for name, has_it in (("amx_tile", amx_tile), ("avx512_bf16", avx512_bf16)):
        if has_it is None:
            monkeypatch.delattr(torch.cpu, f"_is_{name}_supported", raising=False)
        else:
            monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda has_it=has_it: has_it, raising=False)
    assert multiplies_bfloat16() == bool(amx_tile or avx512_bf16)


def draw(sampler: Sampler, n_steps: int, choices: Choices, seed: int = 0, voice: int = 0) -> np.ndarray:
    state, rows = sampler.initial_state(), []
    for tick in clock_rows(sampler.config, (4, 4), 0, n_steps, n_steps):
        row, state = sampler.draw(state, tick, choices, seed, voice)
        rows.append(row)
    return np.array(rows)


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


def test_interleaved_pieces_equal_pieces_alone() -> None:
    sampler, choices = Sampler(random_model(TINY_BAR)), everything(TINY_BAR)
    clock = clock_rows(TINY_BAR, (4, 4), 0, 10, 10)
    states = [sampler.initial_state() for _ in range(2)]
    rows: list[list[np.ndarray]] = [[], []]
    for tick in clock:
        for voice in range(2):
            row, states[voice] = sampler.draw(states[voice], tick, choices, 0, voice)
            rows[voice].append(row)
    for voice in range(2):
        np.testing.assert_array_equal(rows[voice], draw(sampler, 10, choices, 0, voice))


def test_forcing_equals_having_drawn() -> None:
    sampler, choices = Sampler(random_model(TINY_BAR)), everything(TINY_BAR)
    rows, clock = draw(sampler, 14, choices, 2, 0), clock_rows(TINY_BAR, (4, 4), 0, 14, 14)
    state = sampler.initial_state()
    for row, tick in zip(rows[:9], clock, strict=False):
        state = sampler.force(state, tick, row)
    for expected, tick in zip(rows[9:], clock[9:], strict=True):
        row, state = sampler.draw(state, tick, choices, 2, 0)
        np.testing.assert_array_equal(row, expected)


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
