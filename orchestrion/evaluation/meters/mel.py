"""Log-mel spectrograms: what the meters of loops and the distances between sets of recordings look at.

Axes: n frames, m mel bands, k frequencies.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from orchestrion.audio import Waveform

LOWEST_HZ = 50.0
BLOCK_FRAMES = 1024


def log_mel(
    audio: Waveform,
    n_bands: int = 64,
    *,
    frame_s: float = 0.064,
    hop_s: float = 0.016,
    highest_hz: float | None = None,
    floor_db: float = -100.0,
) -> np.ndarray:
    """Power in ``n_bands`` mel bands [n, m] in dB of full scale, not below ``floor_db``.

    Frames begin at multiples of the hop and lie inside the audio (which is lengthened with silence to one frame).

    Args:
        highest_hz: upper edge of the last band; half the sample rate without it. Bands above half the sample rate
            hold the floor, so that recordings of different rates can be compared.
    """
    window, hop = max(16, round(frame_s * audio.sample_rate)), max(1, round(hop_s * audio.sample_rate))
    n_fft = 1 << (window - 1).bit_length()
    bank = mel_bank(n_bands, n_fft, audio.sample_rate, highest_hz or audio.sample_rate / 2)
    hann = np.hanning(window + 1)[:-1].astype(np.float32)
    samples = np.pad(audio.samples, (0, max(0, window - len(audio.samples))))
    views = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
    # In blocks: the spectrum of an hour would not fit into memory.
    blocks = [_powers(views[i : i + BLOCK_FRAMES] * hann, n_fft, bank) for i in range(0, len(views), BLOCK_FRAMES)]
    powers = np.concatenate(blocks) * (2 / hann.sum()) ** 2
    return np.asarray(np.maximum(10 * np.log10(powers + 1e-30), floor_db).astype(np.float32))


def _powers(frames: np.ndarray, n_fft: int, bank: np.ndarray) -> np.ndarray:
    return np.asarray(np.square(np.abs(np.fft.rfft(frames, n_fft, axis=1))) @ bank.T)


@lru_cache(maxsize=16)
def mel_bank(n_bands: int, n_fft: int, sample_rate: int, highest_hz: float) -> np.ndarray:
    """Triangles [m, k] over the mel scale 2595 log10(1 + f/700), from 50 Hz to ``highest_hz``.

    Each is at least one bin wide, so that no band is empty where bins are coarse.
    """
    edges_hz = _hertz(np.linspace(_mel(LOWEST_HZ), _mel(highest_hz), n_bands + 2))
    hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    bin_hz = sample_rate / n_fft
    rise = (hz - low) / np.maximum(centre - low, bin_hz)
    fall = (high - hz) / np.maximum(high - centre, bin_hz)
    bank = np.clip(np.minimum(rise, fall), 0, 1)
    nearest = np.abs(hz - centre) <= bin_hz / 2
    return np.where((bank.sum(axis=1, keepdims=True) == 0) & nearest, 1.0, bank)


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _hertz(mel: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mel / 2595) - 1)
