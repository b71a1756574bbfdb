"""Dynamic time warping in bounded memory: coarse first, then finer within a band around what was found.

After the multi-scale scheme of Müller, Mattes and Kurth 2006: the path at one resolution, widened by a margin, bounds
the search at the next. Time and memory grow with the length, not with its square: a byte for every cell of the band.

Axes: i frames of the one sequence, j frames of the other, k features.
"""

from __future__ import annotations

import numpy as np

from orchestrion.compiled import compiled

MOST_COARSE_FRAMES = 1200  # of the longer sequence at the coarsest scale, which is searched whole
FACTOR = 4
MARGIN_FRAMES = 40  # on either side of the path, at every scale
DIAGONAL_WEIGHT = 1.5  # of a step (1, 1), which does the work of two steps of weight 1: keeps the path from stairs


def warp(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The cheapest monotone path between two feature sequences [i, k] and [j, k], as int64 [steps, 2] from (0, 0) on.

    The cost of a pair of frames is half the squared distance of their features (for features of length 1: one less
    their cosine). Steps are (1, 1), (1, 0) and (0, 1).
    """
    scales = [1]
    while max(len(one), len(other)) / scales[-1] > MOST_COARSE_FRAMES:
        scales.append(scales[-1] * FACTOR)
    path = None
    for scale in reversed(scales):
        a, b = _coarse(one, scale), _coarse(other, scale)
        low, high = _whole(len(a), len(b)) if path is None else _band(path, len(a), len(b))
        path = _path(a, b, low, high)
    assert path is not None  # there is always the scale 1
    return path


def _coarse(features: np.ndarray, scale: int) -> np.ndarray:
    """Means over ``scale`` frames, of the last group over what is left; float32."""
    starts = np.arange(0, len(features), scale)
    sums = np.add.reduceat(features.astype(np.float32), starts, axis=0)
    return sums / np.diff(np.append(starts, len(features)))[:, None].astype(np.float32)


def _whole(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(n, dtype=np.int64), np.full(n, m, dtype=np.int64)


def _band(path: np.ndarray, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """For each i the half-open range of j: what the coarse path covers, `MARGIN_FRAMES` wider; both ends only grow."""
    rows = np.arange(n) // FACTOR
    first = path[np.searchsorted(path[:, 0], rows, side="left"), 1]
    last = path[np.searchsorted(path[:, 0], rows, side="right") - 1, 1]
    # The margin is counted in frames of the other sequence; a flat stretch of the path needs it along this one too.
    margin = MARGIN_FRAMES
    spread = margin // FACTOR
    before = first[np.maximum(np.arange(n) - spread * FACTOR, 0)]
    after = last[np.minimum(np.arange(n) + spread * FACTOR, n - 1)]
    low = np.clip(before * FACTOR - margin, 0, m - 1)
    high = np.clip((after + 1) * FACTOR + margin, 1, m)
    low[0], high[-1] = 0, m
    return low, high


def _path(a: np.ndarray, b: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    starts = np.concatenate([[0], np.cumsum(high - low)])
    came_from = np.zeros(starts[-1], dtype=np.int8)
    _fill(np.ascontiguousarray(a), np.ascontiguousarray(b), low, high, starts, came_from)
    i, j = len(a) - 1, len(b) - 1
    steps = [(i, j)]
    while i or j:
        move = came_from[starts[i] + j - low[i]]
        i, j = i - (move != 2), j - (move != 1)
        steps.append((i, j))
    return np.array(steps[::-1], dtype=np.int64)


@compiled(nogil=True)
def _fill(
    a: np.ndarray, b: np.ndarray, low: np.ndarray, high: np.ndarray, starts: np.ndarray, came_from: np.ndarray
) -> None:
    """Write the best move into every cell of the band: 0 from (i-1, j-1), 1 from (i-1, j), 2 from (i, j-1)."""
    before = np.full(len(b) + 1, np.inf)  # total cost in the row above, at j + 1
    row = np.full(len(b) + 1, np.inf)
    for i in range(len(a)):
        row[low[i]] = np.inf
        for j in range(low[i], high[i]):
            cost = 0.0
            for k in range(a.shape[1]):
                cost += (a[i, k] - b[j, k]) ** 2
            cost *= 0.5
            best, move = before[j] + DIAGONAL_WEIGHT * cost, 0
            if before[j + 1] + cost < best:
                best, move = before[j + 1] + cost, 1
            if row[j] + cost < best:
                best, move = row[j] + cost, 2
            if i == 0 and j == 0:
                best, move = cost, 0
            row[j + 1] = best
            came_from[starts[i] + j - low[i]] = move
        # What the next row may look at beyond this one's end is out of reach.
        if i + 1 < len(a):
            for j in range(high[i], high[i + 1]):
                row[j + 1] = np.inf
        before, row = row, before
