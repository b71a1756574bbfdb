"""A picture of `notes_test`: level error over pitch and velocity, missing notes crossed, and what the network adds in each octave."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.figure import Figure

from orchestrion.evaluation.figures.style import NOTE_COLOUR, TEXT, save_figure
from orchestrion.evaluation.judge.notes_test import MISSING_DB, NotesReport
from orchestrion.score import pitch_name

WORST_DB = 6.0
SOURCE_COLOUR = "#4a6fa5"


def draw_notes(path: str | os.PathLike[str], report: NotesReport, name: str) -> None:
    """Write the picture as a PNG."""
    figure = Figure(figsize=(11, 6.4), layout="constrained", facecolor="white")
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.1))
    image = above.imshow(report.level_db.T, aspect="auto", origin="lower", cmap="RdBu_r", vmin=-WORST_DB, vmax=WORST_DB, interpolation="nearest")
    column, row = np.nonzero(report.level_db < MISSING_DB)
    above.plot(column, row, "kx")
    above.set_yticks(range(len(report.velocities)), [str(v) for v in report.velocities], fontsize=TEXT["tick"])
    above.set_ylabel("velocity", fontsize=TEXT["label"])
    figure.colorbar(image, ax=above, label="dB too loud")
    s = report.summary()
    above.set_title(
        f"{name}: level of {s['notes']:.0f} notes against the instrument's own (mean error {s['level_error_db_mean']} dB; "
        f"missing: {s['missing']:.0f}, crossed)", fontsize=TEXT["label"], loc="left",
    )  # fmt: skip
    places = np.arange(len(report.pitches))
    below.plot(places, report.source_distance_db, color=SOURCE_COLOUR, label="source alone")
    below.plot(places, report.distance_db, color=NOTE_COLOUR, label="with the network")
    below.set_ylim(bottom=0)
    below.set_ylabel("log-spectral distance (dB)", fontsize=TEXT["label"])
    below.legend(fontsize=TEXT["tick"], frameon=False)
    ticks = places[:: max(1, len(places) // 12)]
    for axis in (above, below):
        axis.set_xticks(ticks, [pitch_name(int(report.pitches[i])) for i in ticks], fontsize=TEXT["tick"])
    below.set_xlim(-0.5, len(places) - 0.5)
    save_figure(figure, path)
