"""One look for all figures: a dark map for sound, notes in orange; drawn without a display and without global state."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from orchestrion.files import atomic_write

SOUND_MAP, NOTE_COLOUR, RANGE_DB = "magma", "#d9730d", 70.0
# Parts that are drawn together, told apart by the colour-blind, too (after Okabe and Ito 2008).
PART_COLOURS = (NOTE_COLOUR, "#0072b2", "#009e73", "#a3427f", "#56a0d3", "#8c6d00", "#5b5b5b")
TEXT = {"title": 13, "label": 11, "tick": 10}


def save_figure(figure: Figure, path: str | os.PathLike[str], dpi: int = 120) -> None:
    """Write a PNG atomically, without a date in it (same figure, same bytes). Titles and names are no formulas, whatever is in them."""
    FigureCanvasAgg(figure)
    ticks = {id(label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in ticks:  # powers of ten are matplotlib's own
            text.set_parse_math(False)
    with atomic_write(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a title's characters, one line each; boxes stand for them
        figure.savefig(temporary, format="png", dpi=dpi, metadata={"Software": f"matplotlib {matplotlib.__version__}"})


def stacked_axes(n: int, ratios: Sequence[float], height: float) -> tuple[Figure, list[Axes]]:
    """A figure of ``n`` axes, one under the other."""
    figure = Figure(figsize=(11, height), layout="constrained", facecolor="white")
    axes = figure.subplots(n, 1, squeeze=False, height_ratios=list(ratios))
    return figure, list(axes[:, 0])
