"""The vectorised inputs against the plainest loop that says what they are."""

import numpy as np
import pytest
import torch

from orchestrion.composer.config import PRESETS, ComposerConfig
from orchestrion.composer.features import chord_below, clock_rows, given_inputs, memories, note_inputs, previous_steps
from orchestrion.composer.form import NEW, VARIED, Plan
from tests.composer.models import TINY_BAR, TINY_FORM, TINY_PUBLISHED, random_grid


def literal_vicinity(state: np.ndarray, note: int, wraps: bool) -> list[float]:
    values = []
    for offset in range(-12, 13):
        neighbour = note + offset
        if neighbour < 0 and wraps:
            neighbour += len(state)
        inside = 0 <= neighbour < len(state)
        values += [float(value) for value in state[neighbour]] if inside else [0.0] * state.shape[1]
    return values


def literal_inputs(
    state: np.ndarray, note: int, clock: list[float], config: ComposerConfig, memory: np.ndarray
) -> list[float]:
    """Inputs of one note from the last step's ``state`` [p, 2] and earlier bars' ``memory`` [m, p, 2]."""
    own = (note + config.pitch_low) % 12
    values = [float(note) if config.raw_position else note / 128]
    values += [1.0 if pitch_class == own else 0.0 for pitch_class in range(12)]
    values += literal_vicinity(state, note, config.vicinity_wraps)
    for interval in range(12):
        values.append(
            sum(float(s[0]) for i, s in enumerate(state) if (i + config.pitch_low) % 12 == (own + interval) % 12)
        )
    values += clock + ([0.0] if config.spare_input else [])
    return values + [value for earlier in memory for value in literal_vicinity(earlier, note, wraps=False)]


@pytest.mark.parametrize("config", [TINY_PUBLISHED, TINY_BAR, TINY_FORM, PRESETS["repo"], PRESETS["compact-chorales"]])
def test_inputs_equal_the_literal_loop(config: ComposerConfig) -> None:
    grid = random_grid(5, config.n_pitches, seed=1)
    clock = clock_rows(config, (6, 8), 7, 5, 12, tonic=9)
    memory = torch.stack([random_grid(5, config.n_pitches, seed=2 + m)[0] for m in range(config.n_memories)] or [grid[0]], 1)
    inputs = note_inputs(previous_steps(grid), torch.from_numpy(clock)[None], config, memory[None])[0].numpy()
    states = [np.zeros((config.n_pitches, 2)), *grid[0, :-1].numpy()]
    expected = [
        [literal_inputs(s, n, list(c), config, m[: config.n_memories].numpy()) for n in range(config.n_pitches)]
        for s, c, m in zip(states, clock, memory, strict=True)
    ]
    assert inputs.shape[-1] == config.n_inputs - config.foresight
    np.testing.assert_array_equal(inputs, np.array(expected, dtype=np.float32))


@pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["compact-chorales"]])
def test_inputs_of_the_keys_around_the_notes_are_those_of_the_whole_keyboard(config: ComposerConfig) -> None:
    clock, lowest, width = torch.from_numpy(clock_rows(config, (4, 4), 0, 6, 64))[None].expand(2, -1, -1), torch.tensor([13, 20]), 24
    part = torch.cat([random_grid(6, width, seed=seed) for seed in (1, 2)])
    whole = torch.zeros(2, 6, config.n_pitches, 2)
    for piece, first in zip(range(2), lowest, strict=True):
        whole[piece, :, first : first + width] = part[piece]
    memory = [each[:, :, None].expand(-1, -1, config.n_memories, -1, -1) for each in (part, whole)]
    found = note_inputs(part, clock, config, memory[0], lowest)
    expected = note_inputs(whole, clock, config, memory[1])
    given = [torch.cat([each[..., :1], each], dim=-1) for each in (part, whole)]
    ahead = given_inputs(given[0], lowest + config.pitch_low), given_inputs(given[1], torch.full((2,), config.pitch_low))
    for piece, first in zip(range(2), lowest, strict=True):
        assert found[piece].equal(expected[piece, :, first : first + width])
        assert ahead[0][piece].equal(ahead[1][piece, :, first : first + width])


def test_published_clock_is_the_bits_of_the_step_before() -> None:
    rows = clock_rows(PRESETS["repo"], (4, 4), 1, 20, None)
    for step, row in enumerate(rows):
        assert list(row) == [2 * b - 1 for b in (step % 2, step // 2 % 2, step // 4 % 2, step // 8 % 2)]


def test_bar_clock_tells_place_bar_meter_end_and_tonic() -> None:
    rows = clock_rows(TINY_BAR, (3, 4), 0, 60, 60, tonic=7)
    place, bits, compound, left, tonic = np.split(rows, [24, 27, 28, 32], axis=1)
    assert (place.argmax(1) == np.arange(60) % 12).all() and (place.sum(1) == 1).all()
    assert list(bits[12 * 3]) == [1, 1, -1]
    assert not compound.any() and clock_rows(TINY_BAR, (6, 8), 0, 1, 1)[0, 27] == 1
    assert not left[0].any() and list(left[-1]) == [1, 0, 0, 0] and list(left[12]) == [0, 0, 0, 1]
    assert (tonic.argmax(1) == 7).all() and not clock_rows(TINY_BAR, (3, 4), 0, 5, None)[:, 28:].any()


def test_clock_can_be_cut_anywhere() -> None:
    for config in (TINY_BAR, TINY_PUBLISHED, TINY_FORM):
        whole = clock_rows(config, (9, 8), 0, 50, 54)
        parts = [clock_rows(config, (9, 8), 0, 17, 54), clock_rows(config, (9, 8), 17, 33, 54)]
        np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_form_clock_tells_the_plan_the_distance_to_the_end_and_counts_bars_after_a_pickup() -> None:
    kinds = np.array([1, 2, 3, 0])
    rows = clock_rows(TINY_FORM, (4, 4), 0, 64, 64, kinds=kinds)
    np.testing.assert_array_equal(rows[:, 44:48].argmax(1), np.repeat(kinds, 16))
    assert rows[0, -1] > rows[16, -1] > rows[32, -1] > rows[48, -1] == 0
    assert (clock_rows(TINY_FORM, (4, 4), 0, 4, None)[:, 44:] == [1, 0, 0, 0, 1]).all()
    later = clock_rows(TINY_FORM, (4, 4), 0, 64, 64, kinds=kinds, pickup=True)
    np.testing.assert_array_equal(later[16:32, 24:27], rows[:16, 24:27])


def test_memories_are_the_bars_that_the_lags_and_the_plan_name() -> None:
    grid = random_grid(40, TINY_FORM.n_pitches)[0].numpy()
    plan = Plan(np.array([NEW, NEW, NEW, VARIED, NEW]), np.array([-1, -1, -1, 1, -1]))
    found = memories(grid, TINY_FORM, 8, plan, 20, 12)
    assert found.shape == (12, 5, TINY_FORM.n_pitches, 2)
    for i, step in enumerate(range(20, 32)):
        for j, lag in enumerate(TINY_FORM.lags_bars):
            np.testing.assert_array_equal(found[i, j], grid[step - 8 * lag] if step >= 8 * lag else 0)
        np.testing.assert_array_equal(found[i, 4], grid[step - 16] if 24 <= step < 32 else 0)


def test_the_chord_below_is_counted_from_the_note_s_own_class() -> None:
    """C3, G3, C4 in a range from B2 (47): what E4 hears of them, and what C3 and C4 hear."""
    grid = torch.zeros(1, 2, 20, 2)
    for pitch in (48, 55, 60):
        grid[0, 0, pitch - 47, 0] = 1
    heard = chord_below(grid, torch.tensor([47]))[0, 0]
    e4, c3, c4 = (heard[pitch - 47] for pitch in (64, 48, 60))
    assert e4[8] == 2 and e4[3] == 1 and e4[:12].sum() == 3  # two Cs eight semitones above its class, a G three above
    assert e4[12:].argmax() == 8 and e4[12:].sum() == 1
    assert not c3.any() and c4[0] == 1 and c4[7] == 1 and c4[12:].argmax() == 0
    assert not chord_below(grid, torch.tensor([47]))[0, 1].any()
