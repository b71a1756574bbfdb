"""Has a generator come to rest: a constant, a tone or a repeated block, or the same end whatever it began with?

*Settled*: the last two seconds equal themselves at some lag of 25 ms to a second, with a correlation above .999. In played music two
periods of one held note differ by more. *Alike*: the largest correlation of two clips' last seconds at any lag. Above .9 the
generator did not use what it was to continue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.audio import Waveform

LAST_S = 2.0
SHORTEST_S, LONGEST_S = 0.025, 1.0
SETTLED, ALIKE = 0.999, 0.9
SILENT = 1e-6  # RMS


@dataclass(frozen=True, slots=True)
class SettlingMeter:
    """``repetition``: greatest correlation with itself, found ``period_s`` earlier; 1 for a constant."""

    repetition: float
    period_s: float

    @property
    def found(self) -> bool:
        return self.repetition > SETTLED


def measure_settling(audio: Waveform) -> SettlingMeter:
    """How far the end of ``audio`` repeats itself."""
    x = _end(audio)
    if x.std() < SILENT:
        return SettlingMeter(1.0, 0.0)
    first, last = max(1, round(SHORTEST_S * audio.sample_rate)), min(round(LONGEST_S * audio.sample_rate), len(x) // 2)
    lags = np.arange(first, last + 1)
    if not len(lags):
        return SettlingMeter(0.0, 0.0)
    products = _correlate(x, x)[lags]
    energy = np.concatenate([[0.0], np.cumsum(np.square(x))])
    later, earlier = energy[-1] - energy[lags], energy[len(x) - lags]
    likeness = products / np.sqrt(np.maximum(later * earlier, SILENT**4))
    best = int(likeness.argmax())
    return SettlingMeter(float(likeness[best]), float(lags[best]) / audio.sample_rate)


def likeness(one: Waveform, other: Waveform) -> float:
    """Greatest correlation of the ends of two clips at one rate, at any lag; 1 where both are silent or constant."""
    x, y = _end(one), _end(other)
    if x.std() < SILENT or y.std() < SILENT:
        return float(x.std() < SILENT and y.std() < SILENT)
    return float(np.abs(_correlate(x, y)).max() / np.sqrt(np.square(x).sum() * np.square(y).sum()))


def _end(audio: Waveform) -> np.ndarray:
    x = audio.samples[-round(LAST_S * audio.sample_rate) :].astype(np.float64)
    return np.asarray(x - x.mean())


def _correlate(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Σ x[n + lag] y[n] at every lag, negative ones at the end."""
    size = 2 * max(len(x), len(y))
    return np.asarray(np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(y, size).conj(), size))
