"""Is it noise instead of music?

Nayebi and Vitelli (2015) heard white noise from their GRU, Xu and Swar (2021) hiss from their TCN. Spectral flatness, the geometric
over the arithmetic mean of the power spectrum, is 0 for tones and exp(-γ) = 0.56 for the periodogram of Gaussian noise. It is
computed in each octave and averaged by the octaves' energy, so that coloured noise (pink noise, band noise) counts, too. It is
judged against held-out music in the band that both have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from orchestrion.audio import Waveform

FRAME_S, HOP_S = 0.128, 0.064
LOWEST_HZ = 125.0
NOISE = 0.56
LOUD_DB = 40.0
SILENT = 10 ** (-70 / 20)
BLOCK_FRAMES = 1024
# Of the sample rate: resampling leaves little above.
SHARED = 0.45


@dataclass(frozen=True, slots=True)
class NoiseMeter:
    """Mean flatness of the audio and of the held-out music (None without any), each 0 for tones to 0.56 for noise."""

    flatness: float
    reference: float | None
    threshold: float

    @property
    def found(self) -> bool:
        return self.flatness > self.threshold


@dataclass(frozen=True, slots=True)
class MusicFlatness:
    """`octave_flatness` of each of several held-out recordings, up to ``highest_hz``."""

    values: tuple[float, ...]
    highest_hz: float

    @classmethod
    def of(cls, held_out: Sequence[Waveform], sample_rate: int) -> MusicFlatness:
        """For judging audio of ``sample_rate``, in the band that it shares with the recordings."""
        highest_hz = SHARED * min(sample_rate, *(sound.sample_rate for sound in held_out))
        return cls(tuple(octave_flatness(sound, highest_hz) for sound in held_out), highest_hz)


def measure_noise(audio: Waveform, music: MusicFlatness | None = None) -> NoiseMeter:
    """Flatness of ``audio`` against that of held-out ``music``.

    The threshold lies a third of the way from the flattest recording to noise; without recordings, at 0.3.
    """
    if music is None or not music.values:
        return NoiseMeter(octave_flatness(audio, SHARED * audio.sample_rate), None, 0.3)
    highest = max(music.values)
    flatness = octave_flatness(audio, min(music.highest_hz, SHARED * audio.sample_rate))
    return NoiseMeter(flatness, float(np.mean(music.values)), highest + (NOISE - highest) / 3)


def octave_flatness(audio: Waveform, highest_hz: float) -> float:
    """Flatness by octaves from 125 Hz to ``highest_hz``, weighted by energy; mean over frames not 40 dB below the loudest."""
    # What is silent but for an offset is not noise; silence has its own meter.
    if float(np.std(audio.samples)) < SILENT:
        return 0.0
    size, hop = max(64, round(FRAME_S * audio.sample_rate)), max(32, round(HOP_S * audio.sample_rate))
    samples = np.pad(audio.samples, (0, max(0, size - len(audio.samples))))
    views = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    bounds = _octave_bins(size, audio.sample_rate, highest_hz)
    parts = [_of_frames(views[i : i + BLOCK_FRAMES], bounds) for i in range(0, len(views), BLOCK_FRAMES)]
    flatness, power = (np.concatenate(column) for column in zip(*parts, strict=True))
    if power.max() <= 0:
        return 0.0
    loud = power > power.max() * 10 ** (-LOUD_DB / 10)
    return float(flatness[loud].mean())


def _octave_bins(size: int, sample_rate: int, highest_hz: float) -> np.ndarray:
    """Bin numbers of the octaves' edges."""
    n = max(1, int(np.ceil(np.log2(highest_hz / LOWEST_HZ))))
    edges_hz = np.minimum(LOWEST_HZ * 2.0 ** np.arange(n + 1), highest_hz)
    return np.unique(np.round(edges_hz * size / sample_rate).astype(int))


def _of_frames(frames: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted flatness and power, both [n]."""
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), axis=1)))
    weighted, total = np.zeros(len(frames)), np.zeros(len(frames))
    for first, last in pairwise(bounds):
        band = power[:, first:last] + 1e-20
        energy = band.sum(axis=1)
        weighted += energy * np.exp(np.log(band).mean(axis=1)) / band.mean(axis=1)
        total += energy
    return weighted / total, np.where(total > 1e-12, total, 0.0)
