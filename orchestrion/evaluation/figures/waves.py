"""Waveforms against time or samples, one under the other on one scale, and mean spectra against time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from orchestrion.audio import Waveform
from orchestrion.evaluation.figures.style import RANGE_DB, SOUND_MAP, TEXT, stacked_axes

DOTS_BELOW = 200  # samples that are few enough to be told apart


def waveforms_figure(panels: Mapping[str, Waveform], title: str, *, in_samples: bool = False, mark: float | None = None) -> Figure:
    """Amplitude of each panel; where few samples are shown, each is a dot.

    Args:
        in_samples: the axis counts samples instead of seconds.
        mark: where a vertical line stands, in the axis' unit.
    """
    figure, axes = stacked_axes(len(panels), [1.0] * len(panels), 1.5 * len(panels) + 0.9)
    most = max((float(np.abs(sound.samples).max(initial=0)) for sound in panels.values()), default=0.0) or 1.0
    for axis, (name, sound) in zip(axes, panels.items(), strict=True):
        x = np.arange(len(sound.samples)) / (1 if in_samples else sound.sample_rate)
        dotted = len(sound.samples) <= DOTS_BELOW
        axis.plot(x, sound.samples, color="#c0392b", linewidth=0.9 if dotted else 0.4, marker="." if dotted else None)
        if mark is not None:
            axis.axvline(mark, color="#444", linewidth=1.0, linestyle="--")
        axis.set_ylim(-1.05 * most, 1.05 * most)
        axis.set_xlim(0, x[-1] if len(x) else 1)
        axis.set_title(name, fontsize=TEXT["label"], loc="left")
        axis.tick_params(labelsize=TEXT["tick"] - 1)
    axes[-1].set_xlabel("sample" if in_samples else "time (s)", fontsize=TEXT["label"])
    figure.suptitle(title, fontsize=TEXT["title"], x=0.01, ha="left")
    return figure


def mean_spectra_figure(panels: Mapping[str, np.ndarray], hz: np.ndarray, step_s: float, title: str) -> Figure:
    """Magnitudes [s, k] of each panel against time, in dB on one scale."""
    figure, axes = stacked_axes(len(panels), [1.0] * len(panels), 2.2 * len(panels) + 0.9)
    levels = {name: 20 * np.log10(np.maximum(values, 1e-9)) for name, values in panels.items()}
    top = max(float(level.max()) for level in levels.values())
    image = None
    for axis, (name, level) in zip(axes, levels.items(), strict=True):
        extent = (0.0, len(level) * step_s, float(hz[0]), float(hz[-1]))
        image = axis.imshow(level.T, origin="lower", aspect="auto", extent=extent, cmap=SOUND_MAP, vmin=top - RANGE_DB, vmax=top)
        axis.set_title(name, fontsize=TEXT["label"], loc="left")
        axis.set_ylabel("frequency (Hz)", fontsize=TEXT["tick"])
    axes[-1].set_xlabel("time (s)", fontsize=TEXT["label"])
    if image is not None:
        figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03, aspect=40).set_label("mean magnitude (dB)", fontsize=TEXT["label"])
    figure.suptitle(title, fontsize=TEXT["title"], x=0.01, ha="left")
    return figure
