"""A picture of a harmonic source: its tuning curve, how loud its notes are over their age, and what is not harmonic in them."""

from __future__ import annotations

import itertools
import os

import numpy as np
from matplotlib.axes import Axes

from orchestrion.bridge.source import AGES_S, HarmonicSource
from orchestrion.evaluation.figures.style import NOTE_COLOUR, SOUND_MAP, TEXT, save_figure, stacked_axes
from orchestrion.score import pitch_name

VELOCITY = 80
RANGE_DB = 70.0
RESIDUAL_DB = -60.0, 30.0
STIFF_COLOUR, FILLED_COLOUR = "#4a6fa5", "#bbbbbb"
LINES = 6  # pitches whose residual is drawn
MOST_TICKS = 12


def draw_source(path: str | os.PathLike[str], source: HarmonicSource, name: str) -> None:
    """Write the picture as a PNG; pitches that were filled from their neighbours are grey."""
    figure, (tuning, levels, residual) = stacked_axes(3, (1, 1.3, 1.1), 9.5)
    _tuning(tuning, source, name)
    layer = int(np.argmin(np.abs(source.velocity - VELOCITY)))
    harmonic, noise = harmonic_db(source, layer), noise_db(source, layer)
    _levels(levels, source, harmonic, int(source.velocity[layer]))
    _residual(residual, source, noise - harmonic)
    save_figure(figure, path)


def harmonic_db(source: HarmonicSource, layer: int) -> np.ndarray:
    """Mean square of all partials of each pitch over its age, dB ``[pitches, ages]``."""
    edges = [*source.first_partial, int(source.n_partials.sum())]
    power = 10 ** (source.level_db[layer].astype(np.float64) / 10) / 2
    return np.stack([10 * np.log10(power[a:b].sum(0) + 1e-14) for a, b in itertools.pairwise(edges)])


def noise_db(source: HarmonicSource, layer: int) -> np.ndarray:
    """Mean square of what is not harmonic, over all bands, dB ``[pitches, ages]``."""
    return np.asarray(10 * np.log10((10 ** (source.noise_db[layer].astype(np.float64) / 10)).sum(1) + 1e-14))


def _tuning(axis: Axes, source: HarmonicSource, name: str) -> None:
    cents = 1200 * np.log2(source.f1_hz / (440.0 * 2.0 ** ((source.pitch - 69) / 12)))
    for chosen, colour in ((source.heard, NOTE_COLOUR), (~source.heard, FILLED_COLOUR)):
        axis.plot(source.pitch[chosen], cents[chosen], "o", color=colour, markersize=4)
    axis.axhline(0, color=FILLED_COLOUR, linewidth=0.8)
    axis.set_ylabel("cents off equal\ntemperament", fontsize=TEXT["label"], color=NOTE_COLOUR)
    if source.inharmonicity.any():
        stiff = axis.twinx()
        stiff.semilogy(source.pitch, np.maximum(source.inharmonicity, 1e-6), color=STIFF_COLOUR)
        stiff.set_ylabel("inharmonicity B", fontsize=TEXT["label"], color=STIFF_COLOUR)
    heard, filled = int(source.heard.sum()), int((~source.heard).sum())
    axis.set_title(f"{name}: {heard} pitches heard, {filled} filled from their neighbours (grey)", fontsize=TEXT["title"], loc="left")
    _pitch_ticks(axis, source)


def _levels(axis: Axes, source: HarmonicSource, harmonic: np.ndarray, velocity: int) -> None:
    loudest = float(harmonic.max())
    image = axis.pcolormesh(
        np.append(source.pitch, source.pitch[-1] + 1) - 0.5, np.append(AGES_S, 10.0), harmonic.T, cmap=SOUND_MAP, vmin=loudest - RANGE_DB, vmax=loudest
    )
    axis.set_yscale("symlog", linthresh=0.05)
    axis.set_ylim(0, AGES_S[-1])
    axis.set_yticks([0, 0.02, 0.05, 0.1, 0.3, 1, 3, 8], ["0", ".02", ".05", ".1", ".3", "1", "3", "8"], fontsize=TEXT["tick"])
    axis.set_ylabel("age (s)", fontsize=TEXT["label"])
    axis.figure.colorbar(image, ax=axis, label="partials together (dB)")
    axis.set_title(f"level of held notes of velocity {velocity}", fontsize=TEXT["label"], loc="left")
    _pitch_ticks(axis, source)


def _residual(axis: Axes, source: HarmonicSource, below: np.ndarray) -> None:
    heard = np.flatnonzero(source.heard) if source.heard.any() else np.arange(len(source.pitch))
    chosen = heard[np.unique(np.linspace(0, len(heard) - 1, LINES).round().astype(int))]
    for place, row in enumerate(chosen):
        colour = (0.85 - 0.6 * place / LINES, 0.45, 0.1 + 0.7 * place / LINES)
        axis.plot(AGES_S, below[row], color=colour, label=pitch_name(int(source.pitch[row])))
    axis.set_xscale("symlog", linthresh=0.05)
    axis.set_xlim(0, AGES_S[-1])
    axis.set_ylim(*RESIDUAL_DB)
    axis.set_xticks([0, 0.02, 0.05, 0.1, 0.3, 1, 3, 8], ["0", ".02", ".05", ".1", ".3", "1", "3", "8"], fontsize=TEXT["tick"])
    axis.set_xlabel("age (s)", fontsize=TEXT["label"])
    axis.set_ylabel("what is not harmonic\n(dB over the partials)", fontsize=TEXT["label"])
    axis.legend(fontsize=TEXT["tick"], frameon=False, ncols=LINES)


def _pitch_ticks(axis: Axes, source: HarmonicSource) -> None:
    low, high = int(source.pitch[0]), int(source.pitch[-1])
    ticks = range(low, high + 1, -(-(high - low + 1) // MOST_TICKS))
    axis.set_xticks(ticks, [pitch_name(int(p)) for p in ticks], fontsize=TEXT["tick"])
    axis.set_xlim(low - 0.5, high + 0.5)
