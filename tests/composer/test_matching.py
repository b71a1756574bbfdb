"""The match model against the plainest loop that says what it is; it hears the past alone, in training as in writing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.config import PRESETS
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.form import untold
from orchestrion.composer.matching import LONGEST, continued, longest_match
from orchestrion.composer.sampler import Around, Sampler
from orchestrion.composer.scoring import batch_logits
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.options import Composing
from tests.composer.models import random_grid, random_model

TINY = replace(PRESETS["matching"], pitch_low=55, pitch_high=79, time_sizes=(12,), note_sizes=(9, 5))


def literal_match(names: list[int]) -> tuple[int, int]:
    best = (0, 0)
    for place in range(1, len(names)):
        length = 0
        while length < min(place, LONGEST) and names[place - 1 - length] == names[len(names) - 1 - length]:
            length += 1
        if length and length >= best[1]:
            best = (place, length)
    return best


@pytest.mark.parametrize("n_names", [1, 2, 3, 9])
def test_the_longest_match_is_that_of_the_literal_loop(n_names: int) -> None:
    rng = np.random.default_rng(n_names)
    for n in [0, 1, 2, *rng.integers(3, 90, 60), 200]:
        names = rng.integers(n_names, size=n)
        assert longest_match(names) == literal_match(names.tolist()), names


def test_a_match_is_long_at_most() -> None:
    assert longest_match(np.zeros(1000, dtype=int)) == (999, LONGEST)


def test_a_repeat_is_known_from_its_second_step_on() -> None:
    phrase = random_grid(30, 25, seed=3)[0].numpy()
    grid = np.concatenate([phrase, phrase])
    guesses = continued(grid, (1, 4, 12), 0, 60)
    assert not guesses[:1].any() and not guesses[30].any()
    np.testing.assert_array_equal(guesses[31:, 0], phrase[1:])
    np.testing.assert_array_equal(guesses[34:, 1], phrase[4:])
    np.testing.assert_array_equal(guesses[42:, 2], phrase[12:])
    assert not guesses[30:34, 1].any() and not guesses[30:42, 2].any()


def test_only_the_past_is_heard_and_pieces_can_be_cut_anywhere() -> None:
    grid = np.concatenate([random_grid(12, 25, seed=1)[0].numpy()] * 4)
    whole = continued(grid, (1, 4), 0, 48)
    for first, n in ((0, 1), (0, 20), (20, 28), (47, 1)):
        np.testing.assert_array_equal(continued(grid, (1, 4), first, n), whole[first : first + n])
    for step in (1, 13, 30):
        other = grid.copy()
        other[step:] = 1 - other[step:]
        np.testing.assert_array_equal(continued(other, (1, 4), 0, step + 1), whole[: step + 1])
    assert whole.any()


def test_scoring_hears_what_writing_hears() -> None:
    """Step by step, each with the steps before it alone, as `compose` writes; and at once, as training and scoring do."""
    phrase = [(step, step + 1 + step % 2, 60 + step * 5 % 13) for step in range(16)]
    piece = CorpusPiece("twice", tuple(phrase + [(on + 16, off + 16, pitch) for on, off, pitch in phrase]))
    model = random_model(TINY)
    whole, grid = (each[0].numpy() for each in batch_logits(model, [piece]))
    sampler, written = Sampler(model, "float32"), np.zeros(grid.shape, dtype=np.uint8)
    state, heard = sampler.initial_state(), 0
    for step, tick in enumerate(clock_rows(TINY, (4, 4), 0, len(grid), None)):
        memory = memories(written, TINY, 16, untold(3), step, 1)
        heard += memory.any()
        logits, state = sampler.logits(state, tick, grid[step].astype(np.uint8), Around(memory))
        np.testing.assert_allclose(logits[0], whole[step], atol=1e-4)
        written[step] = grid[step]
    assert heard >= 16
    with torch.no_grad():
        deaf = model(torch.from_numpy(grid)[None], torch.from_numpy(clock_rows(TINY, (4, 4), 0, len(grid), None))[None])[0].numpy()
    assert np.abs(deaf - whole).max() > 0.01


def test_a_composer_that_matches_composes() -> None:
    composer = Composer(random_model(TINY), {})
    one = compose(composer, Composing(bars=4, seed=1))
    assert one == compose(composer, Composing(bars=4, seed=1)) and one[0].notes
