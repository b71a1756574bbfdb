"""Embeddings of audio that need no download: `NAME`.

Audio is brought to 16 kHz and to one loudness (RMS -20 dB); its log-mel spectrogram (64 bands from 50 Hz to 8 kHz,
frames of 25 ms every 10 ms, floor 80 dB below the loudest band) is cut into patches of 0.96 s that overlap by half,
as VGGish does. Each patch [96, 64] in units of 20 dB goes through a two-dimensional DCT (orthonormal, over the root
of the patch's size, so that the first coefficient is the mean), of which the 8 × 4 lowest coefficients remain (4
along time: level, swell, rhythm of up to 1.5 Hz; 8 along frequency: the spectral envelope), with the mean magnitude
of the rest along time for each of the 8: 40 numbers. Nothing is random and nothing is learnt.

Distances between such embeddings compare systems within one report. They are NOT comparable with published Fréchet
audio distances, which use VGGish, PANN or CLAP.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.fft import dctn

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.meters.mel import log_mel

NAME = "log-mel-dct-40"
SAMPLE_RATE = 16000
PATCH, HOP = 96, 48
N_BANDS, N_CEPSTRAL, N_TEMPORAL = 64, 8, 4
SIZE = N_CEPSTRAL * (N_TEMPORAL + 1)
RMS_DB = -20.0
RANGE_DB = 80.0


def embed(audio: Waveform) -> np.ndarray:
    """Patches of ``audio`` as float64 [n, 40]; at least one (short audio is repeated to the length of a patch)."""
    sound = audio.resample(SAMPLE_RATE)
    samples = sound.samples / max(float(np.sqrt(np.mean(np.square(sound.samples)))), 1e-6) * 10 ** (RMS_DB / 20)
    whole = np.resize(samples, max(len(samples), (PATCH + 2) * SAMPLE_RATE // 100))
    # Only levels matter here: what would clip is turned down, and the turning down is undone in dB.
    peak = max(1.0, float(np.abs(whole).max()))
    levels = log_mel(Waveform(whole / peak, SAMPLE_RATE), N_BANDS, frame_s=0.025, hop_s=0.01, highest_hz=8000.0)
    levels = np.maximum(levels, levels.max() - RANGE_DB) + 20 * np.log10(peak)
    patches = np.lib.stride_tricks.sliding_window_view(levels, PATCH, axis=0)[::HOP]  # [n, m, t]
    scaled = patches / (20.0 * np.sqrt(PATCH * N_BANDS))
    coefficients = dctn(scaled, axes=(1, 2), norm="ortho")[:, :N_CEPSTRAL]  # [n, 8, t]
    rest = np.abs(coefficients[:, :, N_TEMPORAL:]).mean(axis=2)
    low = coefficients[:, :, :N_TEMPORAL].reshape(len(patches), -1)
    return np.concatenate([low, rest], axis=1).astype(np.float64)


def embed_all(recordings: Iterable[Waveform]) -> np.ndarray:
    """The patches of all ``recordings`` [n, 40].

    Raises:
        OrchestrionError: there is none.
    """
    parts = [embed(recording) for recording in recordings]
    if not parts:
        raise OrchestrionError("There are no recordings to embed; give at least one.")
    return np.concatenate(parts)
