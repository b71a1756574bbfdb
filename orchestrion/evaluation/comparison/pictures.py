"""Three pictures of all back-ends on one scale: spectrograms, mean spectrograms, and peak frequencies.

All audio is brought to 16 kHz and to one loudness first: frequencies above 8 kHz are not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from orchestrion.audio import Waveform
from orchestrion.audio.loudness import integrated_loudness
from orchestrion.evaluation.figures.spectra import spectrogram
from orchestrion.evaluation.figures.style import SOUND_MAP, TEXT

RATE = 16000
LUFS = -23.0
DEPTH_DB = 70.0
TOP_DB = -15.0
COLUMNS = 2


def at_one_loudness(audio: Waveform) -> Waveform:
    """At 16 kHz and -23 LUFS, or as it is where it is silent; peaks that this brings beyond full scale are clipped."""
    sound = audio.resample(RATE)
    loudness = integrated_loudness(sound)
    gain = 10 ** ((LUFS - loudness) / 20) if np.isfinite(loudness) else 1.0
    return Waveform(np.clip(sound.samples * np.float32(gain), -1, 1), RATE)


def spectrograms_figure(panels: Mapping[str, Waveform], title: str) -> Figure:
    """The first clip of each, frequencies on a linear scale as in Nayebi and Vitelli (2015, Figure 3)."""
    return _grid({name: spectrogram(at_one_loudness(audio)).db for name, audio in panels.items()}, panels, title)


def mean_spectrograms_figure(panels: Mapping[str, Sequence[Waveform]], title: str) -> Figure:
    """The mean magnitude over the clips of each, at each time and frequency (Nayebi and Vitelli 2015, Figure 3)."""
    means = {name: _mean([at_one_loudness(clip) for clip in clips]) for name, clips in panels.items()}
    return _grid(means, {name: clips[0] for name, clips in panels.items()}, title)


def mean_spectra_figure(panels: Mapping[str, Sequence[Waveform]], reference: str, title: str) -> Figure:
    """Long-term spectra: the mean power of each over time against frequency, with that of ``reference`` behind it."""
    spectra = {name: _long_term([at_one_loudness(clip) for clip in clips]) for name, clips in panels.items()}
    others = [name for name in panels if name != reference]
    hz = np.linspace(0, RATE / 2, len(spectra[reference]))
    figure, axes = _axes(len(others), 1.9)
    for axis, name in zip(axes, others, strict=True):
        axis.fill_between(hz, spectra[reference], -120, color="#bbb", linewidth=0, label=reference)
        axis.plot(hz, spectra[name], color="#c0392b", linewidth=1.0)
        axis.set_ylim(-110, -20)
        axis.set_xlim(0, RATE / 2)
        axis.set_title(name, fontsize=TEXT["label"], loc="left")
    _label(figure, axes, title, "frequency (Hz)", "level (dB)")
    figure.text(0.99, 0.995, f"grey: {reference}", ha="right", va="top", fontsize=TEXT["tick"])
    return figure


def _grid(images: Mapping[str, np.ndarray], panels: Mapping[str, Waveform], title: str) -> Figure:
    figure, axes = _axes(len(images), 2.0)
    image: ScalarMappable | None = None
    for axis, (name, db) in zip(axes, images.items(), strict=True):
        extent = (0.0, panels[name].duration_s, 0.0, RATE / 2)
        image = axis.imshow(
            db.T, origin="lower", aspect="auto", extent=extent, cmap=SOUND_MAP, vmin=TOP_DB - DEPTH_DB, vmax=TOP_DB,
            interpolation="antialiased",
        )  # fmt: skip
        axis.set_title(name, fontsize=TEXT["label"], loc="left")
    _label(figure, axes, title, "time (s)", "frequency (Hz)")
    if image is not None:
        bar = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03, aspect=40)
        bar.set_label("level (dB of full scale, all at -23 LUFS)", fontsize=TEXT["label"])
    return figure


def _axes(n: int, height: float) -> tuple[Figure, list[Axes]]:
    rows = -(-n // COLUMNS)
    figure = Figure(figsize=(12, height * rows + 0.8), layout="constrained", facecolor="white")
    grid = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True)
    axes = list(grid.ravel())
    for spare in axes[n:]:
        spare.set_visible(False)
    return figure, axes[:n]


def _label(figure: Figure, axes: Sequence[Axes], title: str, x: str, y: str) -> None:
    figure.suptitle(title, fontsize=TEXT["title"], x=0.01, ha="left")
    figure.supxlabel(x, fontsize=TEXT["label"])
    figure.supylabel(y, fontsize=TEXT["label"])
    for axis in axes:
        axis.tick_params(labelsize=TEXT["tick"] - 1)


def _mean(clips: Sequence[Waveform]) -> np.ndarray:
    """Of magnitudes [n, k] at the same time and frequency, in dB; as long as the shortest clip."""
    levels = [10 ** (spectrogram(clip).db / 20) for clip in clips]
    n = min(map(len, levels))
    return np.asarray(20 * np.log10(np.mean([level[:n] for level in levels], axis=0)))


def _long_term(clips: Sequence[Waveform]) -> np.ndarray:
    """Mean power [k] over all frames of all clips, in dB."""
    power = np.concatenate([10 ** (spectrogram(clip).db / 10) for clip in clips])
    return np.asarray(10 * np.log10(power.mean(axis=0)))
