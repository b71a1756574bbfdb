"""Loss curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.style import TEXT, stacked_axes


def loss_figure(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str = "", unit: str = "bits per sample",
    over: str = "training step",
) -> Figure:
    """Curves of (step, loss), for example training and held-out loss against training steps, or ``over`` something else.

    Raises:
        OrchestrionError: no curve has a point.
    """
    if not any(len(points) for points in curves.values()):
        raise OrchestrionError("There are no losses to draw; train for at least one step.")
    figure, (axis,) = stacked_axes(1, (1.0,), 4.5)
    for name, points in curves.items():
        steps, losses = np.array(points, dtype=float).reshape(-1, 2).T
        axis.plot(steps, losses, label=name, linewidth=1.6, marker="o" if len(steps) < 30 else None, markersize=4)
    axis.set_title(title or "Loss", fontsize=TEXT["title"], loc="left")
    axis.set_xlabel(over, fontsize=TEXT["label"])
    axis.set_ylabel(unit, fontsize=TEXT["label"])
    axis.grid(alpha=0.3)
    axis.legend(fontsize=TEXT["tick"], frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure
