"""A score and the audio made from it, on one time axis: piano roll, spectrogram, peak frequencies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from orchestrion.audio import Waveform
from orchestrion.evaluation.figures.spectra import peak_frequencies, spectrogram
from orchestrion.evaluation.figures.style import PART_COLOURS, RANGE_DB, SOUND_MAP, TEXT, save_figure, stacked_axes
from orchestrion.score import Note, Score, pitch_name
from orchestrion.score.keys import MAJOR

PEAK_RANGE_DB = 50.0
MOST_FRAMES = 2000
LONGEST_NAME = 20
LOWEST_HZ, HIGHEST_HZ = 50.0, 8000.0
TICKS_HZ = (62.5, 125, 250, 500, 1000, 2000, 4000)


def draw_performance(path: str | os.PathLike[str], score: Score, audio: Waveform, title: str = "") -> None:
    """Write `performance_figure` as a PNG."""
    save_figure(performance_figure(score, audio, title), path)


def performance_figure(score: Score, audio: Waveform, title: str = "") -> Figure:
    """The piano roll above the spectrogram of the audio made from it, on one time axis."""
    figure, (upper, lower) = stacked_axes(2, (1.0, 1.2), 7.0)
    draw_roll(upper, score)
    upper.set_title(title or score.title or "Score and sound", fontsize=TEXT["title"], loc="left")
    _label_frequencies(lower)
    image = draw_spectrogram(lower, audio)
    _share_time(figure, (upper, lower), max(audio.duration_s, score.duration_s))
    _add_scale(figure, (upper, lower), image)
    return figure


def comparison_figure(panels: Mapping[str, Waveform], score: Score, title: str = "") -> Figure:
    """Peak-frequency spectrograms one under the other on the same axes, below the score they should follow.

    After Manzelli et al. 2018, Figure 3. ``panels`` maps a heading to audio, in the order from above.
    """
    figure, axes = stacked_axes(len(panels) + 1, (0.8,) + (1.0,) * len(panels), 2.3 * len(panels) + 2.2)
    draw_roll(axes[0], score)
    axes[0].set_title(title or "Score", fontsize=TEXT["title"], loc="left")
    image = None
    for axis, (heading, audio) in zip(axes[1:], panels.items(), strict=True):
        image = draw_peaks(axis, audio)
        axis.set_title(heading, fontsize=TEXT["title"], loc="left")
        _label_frequencies(axis)
    _share_time(figure, axes, max([score.duration_s, *(audio.duration_s for audio in panels.values())]))
    if image is not None:
        _add_scale(figure, axes, image)
    return figure


def draw_roll(axis: Axes, notes: Score | Sequence[Note]) -> None:
    """Notes as bars, the louder the stronger, with note names at the left; of several parts each in its colour, with their names."""
    parts = [part for part in notes.parts if part.notes and not part.is_drum] if isinstance(notes, Score) else []
    groups = [part.notes for part in parts] if 1 < len(parts) <= len(PART_COLOURS) else [notes.notes if isinstance(notes, Score) else notes]
    listed = [note for group in groups for note in group]
    for group, colour in zip(groups, PART_COLOURS, strict=False):
        for note in group:
            shape = (note.onset_s, note.pitch - 0.42), max(note.offset_s - note.onset_s, 0.01), 0.84
            strength = 0.45 + 0.55 * note.velocity / 127
            axis.add_patch(Rectangle(*shape, facecolor=colour, alpha=strength, edgecolor="white", linewidth=0.5))
    if len(groups) > 1:
        _name_parts(axis, [part.name.strip()[:LONGEST_NAME] or f"part {number}" for number, part in enumerate(parts, 1)])
    pitches = [note.pitch for note in listed] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    named = MAJOR if high - low <= 10 else (0, 4, 7) if high - low <= 26 else (0,)
    ticks = [pitch for pitch in range(low, high + 1) if pitch % 12 in named]
    axis.set_yticks(ticks, [pitch_name(pitch) for pitch in ticks])
    axis.set_ylim(low, high)
    axis.set_ylabel("pitch", fontsize=TEXT["label"])
    axis.grid(axis="y", alpha=0.25)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=TEXT["tick"])


def _name_parts(axis: Axes, names: Sequence[str]) -> None:
    """A legend above the axis, at the right."""
    handles = [Patch(color=colour, label=name.lstrip("_") or "part") for name, colour in zip(names, PART_COLOURS, strict=False)]
    axis.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=TEXT["tick"], borderpad=0,
        handlelength=1, columnspacing=1,
    )  # fmt: skip


def draw_spectrogram(axis: Axes, audio: Waveform) -> ScalarMappable:
    """The spectrogram on a logarithmic frequency axis, `RANGE_DB` deep; returns the image for a colour scale."""
    found = spectrogram(audio, hop=_hop(audio, 256))
    audible = (found.hz >= LOWEST_HZ) & (found.hz <= HIGHEST_HZ)
    db = found.db[:, audible] - found.db.max()
    axis.set_facecolor("black")
    image = axis.pcolormesh(
        found.time_s,
        found.hz[audible],
        db.T,
        cmap=SOUND_MAP,
        vmin=-RANGE_DB,
        vmax=0,
        shading="nearest",
        rasterized=True,
    )
    _log_hertz(axis)
    return image


def draw_peaks(axis: Axes, audio: Waveform) -> ScalarMappable:
    """The peak-frequency spectrogram: one mark per spectral maximum, at its exact frequency, coloured by its level."""
    found = peak_frequencies(audio, hop=_hop(audio, 512), range_db=PEAK_RANGE_DB)
    audible = np.flatnonzero((found.hz >= LOWEST_HZ) & (found.hz <= HIGHEST_HZ))
    order = audible[np.argsort(found.db[audible], kind="stable")]  # the loudest on top
    db = found.db[order] - (found.db.max() if len(found.db) else 0.0)
    axis.set_facecolor("black")
    image = axis.scatter(
        found.time_s[order], found.hz[order], c=db, cmap=SOUND_MAP, vmin=-PEAK_RANGE_DB, vmax=0,
        s=4, marker="s", linewidths=0, rasterized=True,
    )  # fmt: skip
    _log_hertz(axis)
    return image


def _hop(audio: Waveform, shortest: int) -> int:
    # More frames than the picture has columns would only take time.
    return max(shortest, len(audio.samples) // MOST_FRAMES)


def _log_hertz(axis: Axes) -> None:
    axis.set_yscale("log", base=2)
    axis.set_ylim(LOWEST_HZ, HIGHEST_HZ)
    axis.set_yticks(TICKS_HZ, [f"{hz / 1000:g} k" if hz >= 1000 else f"{hz:g}" for hz in TICKS_HZ])
    axis.minorticks_off()
    axis.tick_params(labelsize=TEXT["tick"])


def _label_frequencies(axis: Axes) -> None:
    axis.set_ylabel("frequency (Hz)", fontsize=TEXT["label"])


def _share_time(figure: Figure, axes: Sequence[Axes], duration_s: float) -> None:
    for axis in axes:
        axis.set_xlim(0, duration_s)
        axis.tick_params(labelbottom=axis is axes[-1])
    axes[-1].set_xlabel("time (s)", fontsize=TEXT["label"])
    figure.align_ylabels()


def _add_scale(figure: Figure, axes: Sequence[Axes], image: ScalarMappable) -> None:
    # Beside all axes, or the time axes would no longer stand under each other.
    bar = figure.colorbar(image, ax=list(axes), pad=0.01, fraction=0.03, aspect=30)
    bar.set_label("level (dB)", fontsize=TEXT["label"])
    bar.ax.tick_params(labelsize=TEXT["tick"])
