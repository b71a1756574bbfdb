"""What followed when the music last stood as it stands now: the match model of text compressors, for rolls.

Of all earlier places those count that follow the same steps as the one to be drawn; where the match is longest (of equals, the
latest), the step that stands there is a guess at the next one. Repeats of any length at any distance are heard by it, without
a meter, which plain rolls do not tell. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression" (2005);
for music Conklin and Witten, "Multiple Viewpoint Systems for Music Prediction" (1995), whose short-term model it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LONGEST = 64  # steps; longer matches are equal


def continued(grid: np.ndarray, lengths: Sequence[int], first: int, n_steps: int) -> np.ndarray:
    """Guesses [n_steps, l, p, 2] at steps ``first`` … of ``grid`` [s, p, 2] by the steps before each; later ones are not looked at.

    The guess stands in row i where at least ``lengths[i]`` steps match, else silence.
    """
    names = step_names(grid[: first + n_steps - 1])
    guesses = np.zeros((n_steps, len(lengths), *grid.shape[1:]), dtype=grid.dtype)
    for i in range(n_steps):
        place, length = longest_match(names[: first + i])
        for row, least in enumerate(lengths):
            if length >= least:
                guesses[i, row] = grid[place]
    return guesses


def longest_match(names: np.ndarray) -> tuple[int, int]:
    """The place in ``names`` [t] whose own past is most like the end, and how many names (up to `LONGEST`) are the same; (0, 0) for none."""
    t = len(names)
    if t < 2:
        return 0, 0
    places, length = 1 + np.flatnonzero(names[:-1] == names[-1]), 1
    if not len(places):
        return 0, 0
    while length < LONGEST:
        longer = places[places > length]
        longer = longer[names[longer - 1 - length] == names[t - 1 - length]]
        if not len(longer):
            break
        places, length = longer, length + 1
    return int(places[-1]), length


def step_names(grid: np.ndarray) -> np.ndarray:
    """A number for each step [s]; equal steps have equal ones."""
    if not len(grid):
        return np.zeros(0, dtype=int)
    packed = np.packbits(grid.reshape(len(grid), -1) > 0, axis=1)
    whole = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))
    return np.unique(whole.ravel(), return_inverse=True)[1].ravel()
