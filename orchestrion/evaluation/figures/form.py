"""Pictures of form: the piano roll of a piece beside its self-similarity, bar by bar."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from orchestrion.evaluation.figures.style import NOTE_COLOUR, TEXT, save_figure

MOST_PIECES = 8


def self_similarity(grid: np.ndarray, bar_steps: int) -> np.ndarray:
    """Share of equal steps of every two bars of [s, p, 2] (the last bar filled up with silence): [bars, bars], 0 for silent bars."""
    n_bars = max(1, -(-len(grid) // bar_steps))
    bars = np.pad(grid > 0, ((0, n_bars * bar_steps - len(grid)), (0, 0), (0, 0))).reshape(n_bars, bar_steps, -1)
    sounding = bars.any(axis=(1, 2))
    alike = np.array([(bars == bar).all(axis=2).mean(axis=1) for bar in bars])
    return alike * np.outer(sounding, sounding)


def draw_form(path: str | os.PathLike[str], pieces: Sequence[tuple[str, np.ndarray, int]]) -> None:
    """Write a PNG with a row for each of the first pieces (title, grid [s, p, 2], steps a bar)."""
    shown = pieces[:MOST_PIECES]
    figure = Figure(figsize=(11, 1.9 * len(shown)), layout="constrained", facecolor="white")
    axes = figure.subplots(len(shown), 2, squeeze=False, width_ratios=(5, 1))
    for (title, grid, bar_steps), (left, right) in zip(shown, axes, strict=True):
        sounding = np.flatnonzero(grid[..., 0].any(axis=0))
        low, high = (sounding[0], sounding[-1]) if len(sounding) else (0, 12)
        shade = grid[:, low : high + 1, 0] * 0.6 + grid[:, low : high + 1, 1] * 0.4
        left.imshow(shade.T, aspect="auto", origin="lower", cmap="Oranges", vmin=0, vmax=1, interpolation="nearest")
        left.set_title(title, fontsize=TEXT["tick"], loc="left")
        left.set_xticks(np.arange(0, len(grid), 4 * bar_steps) - 0.5, [str(1 + 4 * i) for i in range(-(-len(grid) // (4 * bar_steps)))])
        left.set_yticks([])
        for line in np.arange(4 * bar_steps, len(grid), 4 * bar_steps):
            left.axvline(line - 0.5, color=NOTE_COLOUR, linewidth=0.5)
        right.imshow(self_similarity(grid, bar_steps), cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        right.set_xticks([])
        right.set_yticks([])
    axes[-1, 0].set_xlabel("bar", fontsize=TEXT["label"])
    axes[0, 1].set_title("bars alike", fontsize=TEXT["tick"])
    save_figure(figure, path)
