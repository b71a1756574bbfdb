"""Spectrograms for looking at: plain, and reduced to peak frequencies.

Axes: n frames, k frequencies. Frames are centred on multiples of the hop; levels are in dB of full scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.audio import Waveform

FLOOR_DB = -100.0


@dataclass(frozen=True, slots=True, eq=False)
class Spectrogram:
    """``db`` [n, k], the times of its frames ``time_s`` [n] and its frequencies ``hz`` [k]."""

    db: np.ndarray
    time_s: np.ndarray
    hz: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Spectral peaks, each at ``time_s`` [q], of frequency ``hz`` [q] and level ``db`` [q]."""

    time_s: np.ndarray
    hz: np.ndarray
    db: np.ndarray


def spectrogram(audio: Waveform, window: int = 2048, hop: int = 256) -> Spectrogram:
    """Hann-windowed magnitudes; a full-scale sinusoid has 0 dB."""
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    padded = np.pad(audio.samples, (window // 2, window))
    starts = np.arange(0, len(audio.samples), hop)
    views = np.lib.stride_tricks.sliding_window_view(padded, window)
    blocks = [np.abs(np.fft.rfft(views[starts[i : i + 512]] * hann, axis=1)) for i in range(0, len(starts), 512)]
    magnitudes = np.concatenate(blocks) * (2 / hann.sum())
    db = np.maximum(20 * np.log10(magnitudes + 1e-12), FLOOR_DB).astype(np.float32)
    return Spectrogram(db, starts / audio.sample_rate, np.fft.rfftfreq(window, 1 / audio.sample_rate))


def peak_frequencies(audio: Waveform, window: int = 4096, hop: int = 512, range_db: float = 60.0) -> Peaks:
    """The spectral maxima of each frame within ``range_db`` of the loudest, as in the peak-frequency spectrograms of
    Manzelli et al. 2018, Figure 3.

    A maximum's frequency and level come from the parabola through its bin and both neighbours in dB, which for a Hann
    window is good to 0.05 of a bin and 0.3 dB (Smith and Serra 1987).
    """
    found = spectrogram(audio, window, hop)
    left, centre, right = found.db[:, :-2], found.db[:, 1:-1], found.db[:, 2:]
    is_peak = (centre > left) & (centre >= right) & (centre > max(centre.max() - range_db, FLOOR_DB))
    frame, k = np.nonzero(is_peak)
    a, b, c = left[frame, k], centre[frame, k], right[frame, k]
    shift = 0.5 * (a - c) / (a - 2 * b + c)
    step_hz = found.hz[1]
    return Peaks(found.time_s[frame], (k + 1 + shift) * step_hz, b - 0.25 * (a - c) * shift)
