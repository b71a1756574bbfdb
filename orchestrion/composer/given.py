"""Notes that are known beforehand: what the backward axis reads, and the random kinds of it that the network is trained on.

``given`` [s, p, 3] in 0/1 is (known, sounding, articulated): a known cell is as it says, all others are to be written.
Training is order-agnostic (Uria et al. 2014; Huang et al. 2017): every update hides other cells, and the network learns the
hidden ones from all the known ones and from the steps before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

WITHOUT = 0.4  # share of the crops in which nothing is given


def hidden_at_random(grid: np.ndarray, bar_steps: int, rng: np.random.Generator) -> np.ndarray:
    """``given`` for training on a crop [s, p, 2]: nothing (`WITHOUT` of the time), or one of `KINDS`."""
    if rng.random() < WITHOUT:
        return np.zeros((*grid.shape[:2], 3), dtype=np.float32)
    known = KINDS[int(rng.integers(len(KINDS)))](grid, bar_steps, rng)
    return given_of(grid, known)


def given_of(grid: np.ndarray, known: np.ndarray) -> np.ndarray:
    """``given`` [s, p, 3] of the cells ``known`` [s, p] of a grid [s, p, 2]."""
    return np.concatenate([known[..., None], grid * known[..., None]], axis=-1).astype(np.float32)


def around_gap(grid: np.ndarray, bar_steps: int, rng: np.random.Generator) -> np.ndarray:
    """All but some bars in a row."""
    n_bars = -(-len(grid) // bar_steps)
    length = int(rng.integers(1, n_bars + 1))
    first = int(rng.integers(0, n_bars - length + 1))
    known = np.ones(grid.shape[:2], dtype=bool)
    known[first * bar_steps : (first + length) * bar_steps] = False
    return known


def top_line(grid: np.ndarray, bar_steps: int, rng: np.random.Generator) -> np.ndarray:
    """The highest note and the silence above it."""
    result: np.ndarray = np.cumsum(grid[..., 0][:, ::-1], axis=1)[:, ::-1] - grid[..., 0] <= 0
    return result


def bottom_line(grid: np.ndarray, bar_steps: int, rng: np.random.Generator) -> np.ndarray:
    """The lowest note and the silence below it."""
    result: np.ndarray = np.cumsum(grid[..., 0], axis=1) - grid[..., 0] <= 0
    return result


def outer_lines(grid: np.ndarray, bar_steps: int, rng: np.random.Generator) -> np.ndarray:
    """The highest and the lowest note, and the silence beyond."""
    result: np.ndarray = top_line(grid, bar_steps, rng) | bottom_line(grid, bar_steps, rng)
    return result


def some_notes(grid: np.ndarray, bar_steps: int, rng: np.random.Generator) -> np.ndarray:
    """Some of the notes, without saying that nothing else sounds."""
    return notes_chosen(grid, rng.random(grid.shape[:2]) < rng.random())


def some_cells(grid: np.ndarray, bar_steps: int, rng: np.random.Generator) -> np.ndarray:
    """Whole beats, each with a chance of its own, or none."""
    beats = rng.random(-(-len(grid) // 4)) < rng.random()
    return np.broadcast_to(np.repeat(beats, 4)[: len(grid), None], grid.shape[:2])


def notes_chosen(grid: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The cells [s, p] of the notes whose attack is ``chosen`` [s, p], from it to their end."""
    steps = np.arange(len(grid))[:, None]
    attack = np.maximum.accumulate(np.where(grid[..., 1] > 0, steps, 0), axis=0)  # of the note that sounds, if one does
    return np.take_along_axis(chosen, attack, axis=0) & (grid[..., 0] > 0)


KINDS: tuple[Callable[[np.ndarray, int, np.random.Generator], np.ndarray], ...] = (
    around_gap, around_gap, top_line, bottom_line, outer_lines, some_notes, some_cells,
)  # fmt: skip
