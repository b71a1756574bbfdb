"""A picture of which pitches a set of recordings covers: minutes of each, gaps shaded and named."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestrion.datasets.checking.inventory import THIN_S, Inventory
from orchestrion.evaluation.figures.style import NOTE_COLOUR, TEXT, save_figure
from orchestrion.score import pitch_name
from orchestrion.score.keys import MAJOR

MARKS = {1: "1 s", THIN_S: f"{THIN_S:g} s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36000: "10 h"}
LEAST_S = 0.2
VALIDATION_COLOUR, GAP_COLOUR = "#4a6fa5", "#c0392b"


def draw_coverage(path: str | os.PathLike[str], of: Inventory, title: str = "") -> None:
    """Write `coverage_figure` as a PNG."""
    save_figure(coverage_figure(of, title), path)


def coverage_figure(of: Inventory, title: str = "") -> Figure:
    """Seconds of every pitch, on a logarithmic axis (a set has a hundred times more of some than of others)."""
    figure = Figure(figsize=(11, 4.2), layout="constrained", facecolor="white")
    axis = figure.subplots()
    low, high = of.pitch_range or (60, 72)
    heard = np.flatnonzero(of.seconds["train"] + of.seconds["validation"])
    low, high = min([low, *heard]) - 2, max([high, *heard]) + 2
    pitches = np.arange(low, high + 1)
    axis.bar(pitches - 0.2, of.seconds["train"][low : high + 1], 0.55, color=NOTE_COLOUR, label="training")
    axis.bar(pitches + 0.25, of.seconds["validation"][low : high + 1], 0.35, color=VALIDATION_COLOUR, label="held out")
    top = max(10 * THIN_S, float(max(of.seconds[split].max() for split in of.seconds)))
    axis.set_ylim(LEAST_S, 3 * top)  # before the scale, which without any note would find nothing to scale by
    axis.set_yscale("log")
    axis.axhline(THIN_S, color="grey", linewidth=0.8, linestyle=":")
    _shade_gaps(axis, of)
    _label(axis, low, high, top)
    axis.set_title("\n".join([title or "Material", " ".join(of.found())]), fontsize=TEXT["label"], loc="left", wrap=True)
    axis.legend(fontsize=TEXT["tick"], frameon=False, loc="upper right", ncols=2)
    return figure


def _shade_gaps(axis: Axes, of: Inventory) -> None:
    for first, last in of.gaps:
        axis.axvspan(first - 0.5, last + 0.5, color=GAP_COLOUR, alpha=0.15, linewidth=0)
        name = pitch_name(first) if first == last else f"{pitch_name(first)} – {pitch_name(last)}"
        axis.text((first + last) / 2, 1.2 * LEAST_S, f"no {name}", rotation=90, ha="center", va="bottom", color=GAP_COLOUR,
                  fontsize=TEXT["tick"] - 1)  # fmt: skip


def _label(axis: Axes, low: int, high: int, top: float) -> None:
    named = MAJOR if high - low <= 30 else (0, 4, 7) if high - low <= 50 else (0,)
    ticks = [pitch for pitch in range(low, high + 1) if pitch % 12 in named]
    axis.set_xticks(ticks, [pitch_name(pitch) for pitch in ticks])
    shown = {seconds: name for seconds, name in MARKS.items() if seconds < 3 * top}
    axis.set_yticks(list(shown), list(shown.values()))
    axis.minorticks_off()
    axis.set_ylim(LEAST_S, 3 * top)
    axis.set_xlim(low - 0.8, high + 0.8)
    axis.set_ylabel("sounding time", fontsize=TEXT["label"])
    axis.tick_params(labelsize=TEXT["tick"])
    axis.spines[["top", "right"]].set_visible(False)
