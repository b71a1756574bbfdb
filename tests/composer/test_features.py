"""The vectorised inputs against the plainest loop that says what they are."""

import numpy as np
import pytest
import torch

from orchestrion.composer.config import PRESETS, ComposerConfig
from orchestrion.composer.features import clock_rows, note_inputs, previous_steps
from tests.composer.models import TINY_BAR, TINY_PUBLISHED, random_grid


def literal_inputs(state: np.ndarray, note: int, clock: list[float], config: ComposerConfig) -> list[float]:
    """Inputs of one note from the last step's ``state`` [p, 2]."""
    own = (note + config.pitch_low) % 12
    values = [float(note) if config.raw_position else note / 128]
    values += [1.0 if pitch_class == own else 0.0 for pitch_class in range(12)]
    for offset in range(-12, 13):
        neighbour = note + offset
        if neighbour < 0 and config.vicinity_wraps:
            neighbour += len(state)
        inside = 0 <= neighbour < len(state)
        values += [float(state[neighbour][0]), float(state[neighbour][1])] if inside else [0.0, 0.0]
    for interval in range(12):
        values.append(
            sum(float(s[0]) for i, s in enumerate(state) if (i + config.pitch_low) % 12 == (own + interval) % 12)
        )
    return values + clock + ([0.0] if config.spare_input else [])


@pytest.mark.parametrize("config", [TINY_PUBLISHED, TINY_BAR, PRESETS["repo"], PRESETS["compact-chorales"]])
def test_inputs_equal_the_literal_loop(config: ComposerConfig) -> None:
    grid = random_grid(5, config.n_pitches, seed=1)
    clock = clock_rows(config, (6, 8), 7, 5, 12, tonic=9)
    inputs = note_inputs(previous_steps(grid), torch.from_numpy(clock)[None], config)[0].numpy()
    states = [np.zeros((config.n_pitches, 2)), *grid[0, :-1].numpy()]
    expected = [
        [literal_inputs(s, n, list(c), config) for n in range(config.n_pitches)]
        for s, c in zip(states, clock, strict=True)
    ]
    assert inputs.shape[-1] == config.n_inputs
    np.testing.assert_array_equal(inputs, np.array(expected, dtype=np.float32))


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
    for config in (TINY_BAR, TINY_PUBLISHED):
        whole = clock_rows(config, (9, 8), 0, 50, 54)
        parts = [clock_rows(config, (9, 8), 0, 17, 54), clock_rows(config, (9, 8), 17, 33, 54)]
        np.testing.assert_array_equal(whole, np.concatenate(parts))
