"""Draws notes over the spectrogram of their recording, for checking labels by eye."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from orchestrion.audio import Waveform
from orchestrion.evaluation.figures.spectra import spectrogram
from orchestrion.evaluation.figures.style import RANGE_DB, SOUND_MAP, TEXT, save_figure
from orchestrion.score import Note, pitch_name
from orchestrion.score.notearray import note_array

ROW_SECONDS = (10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
MOST_ROWS = 12
FRAMES_A_ROW = 1200
LINES_A_SEMITONE = 4
FRAME, ONSET = "#5ee0ff", "#ffffff"
ABOVE, BELOW = 15, 4  # semitones shown beyond the notes: partials above, and a little below


def draw_labels(path: str | os.PathLike[str], audio: Waveform, notes: Sequence[Note], title: str = "") -> None:
    """Write `labels_figure` as a PNG."""
    save_figure(labels_figure(audio, notes, title), path, dpi=100)


def labels_figure(audio: Waveform, notes: Sequence[Note], title: str = "") -> Figure:
    """Rows of 10 s or more, at most twelve: the spectrogram by pitch, a frame around each note, its onset in white.

    A frame should lie on a bright line (the fundamental) and begin where the line begins. Bright lines without frames
    are partials where a frame lies an octave or more below, and else missed notes.
    """
    row_s = next((s for s in ROW_SECONDS if audio.duration_s <= s * MOST_ROWS), audio.duration_s / MOST_ROWS)
    # A row for the last hundredth of one would be empty.
    n_rows = max(1, int(np.ceil(audio.duration_s / row_s - 0.01)))
    figure = Figure(figsize=(16, 0.8 + 2.4 * n_rows), layout="constrained", facecolor="white")
    axes = figure.subplots(n_rows, 1, squeeze=False)[:, 0]
    pitches = [note.pitch for note in notes] or [60]
    low, high = max(min(pitches) - BELOW, 12), min(max(pitches) + ABOVE, 123)
    rows = [_sound(audio, number * row_s, (number + 1) * row_s, low, high) for number in range(n_rows)]
    loudest = max(float(row.max()) for row in rows)
    for number, axis in enumerate(axes):
        start_s = number * row_s
        _draw_sound(axis, rows[number] - loudest, start_s, min(start_s + row_s, audio.duration_s), low, high)
        _draw_notes(axis, [n for n in notes if n.offset_s > start_s and n.onset_s < start_s + row_s])
        _label(axis, low, high, start_s, start_s + row_s)
    axes[0].set_title(title, fontsize=TEXT["title"], loc="left")
    axes[-1].set_xlabel("time (s)", fontsize=TEXT["label"])
    return figure


def _sound(audio: Waveform, start_s: float, stop_s: float, low: int, high: int) -> np.ndarray:
    """Levels in dB, by frame and pitch from ``low`` to ``high``."""
    rate = audio.sample_rate
    piece = audio.samples[round(start_s * rate) : round(stop_s * rate)]
    hop = max(128, int((stop_s - start_s) * rate / FRAMES_A_ROW))
    found = spectrogram(Waveform(piece, rate), window=4096, hop=hop)
    pitches = np.arange(low, high, 1 / LINES_A_SEMITONE)
    # By frame from frequency to pitch: an image of equal cells is drawn fifty times as fast as a mesh.
    return found.db[:, np.rint(440 * 2 ** ((pitches - 69) / 12) / found.hz[1]).astype(int)]


def _draw_sound(axis: Axes, db: np.ndarray, start_s: float, stop_s: float, low: int, high: int) -> None:
    axis.imshow(
        db.T, cmap=SOUND_MAP, vmin=-RANGE_DB, vmax=0, origin="lower", aspect="auto",
        interpolation="nearest", extent=(start_s, stop_s, low, high),
    )  # fmt: skip


def _draw_notes(axis: Axes, notes: Sequence[Note]) -> None:
    for note in notes:
        shape = (note.onset_s, note.pitch - 0.5), note.duration_s, 1.0
        axis.add_patch(Rectangle(*shape, fill=False, edgecolor=FRAME, linewidth=1.0))
    table = note_array(notes)
    pitches = table["pitch"]
    axis.vlines(table["onset_s"], pitches - 0.9, pitches + 0.9, color=ONSET, linewidth=1.6)


def _label(axis: Axes, low: int, high: int, start_s: float, stop_s: float) -> None:
    ticks = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0] or [low]
    axis.set_yticks(ticks, [pitch_name(pitch) for pitch in ticks])
    axis.set_ylim(low, high)
    axis.set_xlim(start_s, stop_s)
    axis.tick_params(labelsize=TEXT["tick"])
