"""Salience of each piano pitch, and of its onset, in every frame of a recording.

The magnitude spectrum of a frame, on an axis of a third of a semitone, is decomposed into harmonic templates. A template is the
fixed spectrum of one note, with partials that fall as 1/h^slope; each pitch has one with a bright and one with a dark slope.
Multiplicative updates (Lee and Seung 2001, equation for W fixed) find the weights that minimise the Kullback-Leibler divergence.
The weights of a pitch's templates are added.

The same decomposition of the spectrum's *rise* shows which notes begin: a held note has no rise, a repeated one has.

Axes: n frames, f spectral bins, p pitches 21 to 108 (index 0 is A0), t samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import maximum_filter1d

LOWEST, HIGHEST = 21, 108
N_PITCHES = HIGHEST - LOWEST + 1
BLOCK_FRAMES = 1024


@dataclass(frozen=True, slots=True)
class SalienceConfig:
    """Settings of the spectral front end and the decomposition.

    Args:
        sample_rate: samples a second of the audio it takes.
        hop: samples between frames (10 ms).
        window: samples of the Hann window (128 ms: partials of neighbouring notes above 130 Hz are resolved).
        bins_per_octave: spectral bins an octave.
        slopes: exponents of the templates' partials, bright to dark.
        n_partials: partials a template has.
        inharmonicity: of a stiff string, f_h = h f_0 sqrt(1 + B h^2), below pitch 90 (Fletcher and Rossing, 12.1).
        updates: multiplicative updates.
        rise_frames: the rise is between frames this far before and after.
    """

    sample_rate: int = 16000
    hop: int = 160
    window: int = 2048
    bins_per_octave: int = 36
    slopes: tuple[float, ...] = (0.7, 1.5)
    n_partials: int = 20
    inharmonicity: float = 3e-4
    updates: int = 15
    rise_frames: int = 3

    @property
    def frame_s(self) -> float:
        """Seconds between frames."""
        return self.hop / self.sample_rate


DEFAULT = SalienceConfig()


@dataclass(frozen=True, slots=True, eq=False)
class Salience:
    """What `salience` finds.

    Args:
        sounding: float32 [n, p], weight of each pitch in the spectrum.
        beginning: float32 [n, p], weight of each pitch in the spectrum's rise.
        flatness: float32 [n], geometric over arithmetic mean of the spectrum; 1 is noise, near 0 a few partials.
        brief: float32 [n, p], magnitude of each pitch's first partials in a window of 32 ms: blurred in pitch, sharp in
            time.
    """

    sounding: np.ndarray
    beginning: np.ndarray
    flatness: np.ndarray
    brief: np.ndarray


def salience(samples: np.ndarray, config: SalienceConfig = DEFAULT) -> Salience:
    """Decompose ``samples`` (float [t] at ``config.sample_rate``); frame i is centred on sample i * hop."""
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    # Quieter than -60 dB of full scale is not brought up: dither and rounding are no music.
    scaled = (samples * (0.1 / max(level, 1e-3))).astype(np.float32)
    n_frames = len(scaled) // config.hop + 1
    margin = config.rise_frames
    padded = np.pad(scaled, (config.window // 2 + margin * config.hop, config.window + (margin + 1) * config.hop))
    blocks = [
        _block(padded, first, min(BLOCK_FRAMES, n_frames - first), config) for first in range(0, n_frames, BLOCK_FRAMES)
    ]
    return Salience(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _block(padded: np.ndarray, first: int, n: int, config: SalienceConfig) -> tuple[np.ndarray, ...]:
    margin = config.rise_frames
    wide = _spectrum(padded, first, n + 2 * margin, config)
    # Against the loudest of three neighbouring bins, so that vibrato and glides are not taken for new notes.
    before = maximum_filter1d(wide[:n], 3, axis=1)
    rise = np.maximum(wide[2 * margin :] - before, 0.0)
    spectrum = wide[margin : margin + n]
    flatness = np.exp(np.mean(np.log(spectrum + 1e-5), axis=1)) / (np.mean(spectrum, axis=1) + 1e-5)
    brief = _brief(padded, first + margin, n, config)
    return _decompose(spectrum, config), _decompose(rise, config), flatness.astype(np.float32), brief


def _spectrum(padded: np.ndarray, first: int, n: int, config: SalienceConfig) -> np.ndarray:
    window = _hann(config.window)
    starts = (first + np.arange(n)) * config.hop
    frames = np.lib.stride_tricks.sliding_window_view(padded, config.window)[starts] * window
    return _log_frequency(frames, config)


def _brief(padded: np.ndarray, first: int, n: int, config: SalienceConfig) -> np.ndarray:
    """Magnitudes [n, p] of the first partials in windows a quarter as long, on the same frame centres."""
    length = config.window // 4
    centres = (first + np.arange(n)) * config.hop + config.window // 2
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[centres - length // 2] * _hann(length)
    magnitudes = np.abs(np.fft.rfft(frames, axis=1)).astype(np.float32) * (2 / _hann(length).sum())
    return np.asarray(magnitudes @ _combs(config))


def _log_frequency(frames: np.ndarray, config: SalienceConfig) -> np.ndarray:
    """Magnitudes [n, f] of windowed frames [n, t]; a full-scale sinusoid of one bin has about 1."""
    power = np.square(np.abs(np.fft.rfft(frames, 2 * config.window, axis=1)) * (2 / _hann(config.window).sum()))
    return np.asarray(np.sqrt(power.astype(np.float32) @ _filters(config)))


def _decompose(spectrum: np.ndarray, config: SalienceConfig) -> np.ndarray:
    templates = _templates(config)
    observed = spectrum + np.float32(1e-7)
    weights = observed @ templates.T + np.float32(1e-7)
    for _ in range(config.updates):
        weights *= (observed / (weights @ templates + np.float32(1e-7))) @ templates.T
    return np.asarray(weights.reshape(len(spectrum), len(config.slopes), N_PITCHES).sum(axis=1))


@lru_cache(maxsize=4)
def _hann(length: int) -> np.ndarray:
    return np.hanning(length + 1)[:-1].astype(np.float32)


@lru_cache(maxsize=4)
def _filters(config: SalienceConfig) -> np.ndarray:
    """Triangles on the log-frequency axis [fft bins, f], at least two FFT bins wide, of unit energy, on powers."""
    lowest_hz = 27.5 * 2 ** (-0.5 / 12)
    n = int(config.bins_per_octave * np.log2(0.475 * config.sample_rate / lowest_hz))
    edges = lowest_hz * 2 ** ((np.arange(n + 2) - 1) / config.bins_per_octave)
    resolution = config.sample_rate / (2 * config.window)
    hz = np.arange(config.window + 1)[:, None] * resolution
    below, centre, above = edges[:-2], edges[1:-1], edges[2:]
    rising = (hz - centre) / np.maximum(centre - below, resolution) + 1
    falling = (centre - hz) / np.maximum(above - centre, resolution) + 1
    triangles = np.clip(np.minimum(rising, falling), 0.0, None)
    return np.asarray((triangles**2 / (np.square(triangles).sum(axis=0) + 1e-9)).astype(np.float32))


@lru_cache(maxsize=4)
def _combs(config: SalienceConfig) -> np.ndarray:
    """Weights [window / 8 + 1, p] that add the bins of each pitch's first six partials."""
    length = config.window // 4
    f0 = 440 * 2 ** ((np.arange(LOWEST, HIGHEST + 1) - 69) / 12) * length / config.sample_rate
    combs = np.zeros((length // 2 + 1, N_PITCHES), dtype=np.float32)
    for h in range(1, 7):
        bins = np.rint(h * f0).astype(int)
        inside = bins < len(combs)
        combs[bins[inside], np.flatnonzero(inside)] = 1.0
    return combs


@lru_cache(maxsize=4)
def _templates(config: SalienceConfig) -> np.ndarray:
    """Spectra [slopes * p, f] of single notes, each of sum 1, seen through the very same front end."""
    rows = [_template(pitch, slope, config) for slope in config.slopes for pitch in range(LOWEST, HIGHEST + 1)]
    return np.stack(rows).astype(np.float32)


def _template(pitch: int, slope: float, config: SalienceConfig) -> np.ndarray:
    h = np.arange(1, config.n_partials + 1)
    stiffness = config.inharmonicity if pitch < 90 else 0.0
    hz = 440 * 2 ** ((pitch - 69) / 12) * h * np.sqrt((1 + stiffness * h**2) / (1 + stiffness))
    audible = hz < 0.456 * config.sample_rate
    time_s = np.arange(config.window) / config.sample_rate
    partials = np.cos(2 * np.pi * hz[audible, None] * time_s).astype(np.float32) * _hann(config.window)
    row = (h[audible, None] ** -slope * _log_frequency(partials, config)).sum(axis=0)
    return np.asarray(row / row.sum())
