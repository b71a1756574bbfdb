"""Sinusoids."""

from __future__ import annotations

import numpy as np

from orchestrion.audio import Waveform


def sinusoid(hz: float = 440.0, amplitude: float = 0.5, seconds: float = 1.0, rate: int = 16_000) -> np.ndarray:
    """``[seconds * rate]`` float64, phase 0 at the beginning."""
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def tone(hz: float, amplitude: float, seconds: float = 3.0, rate: int = 48_000) -> Waveform:
    """A sinusoid as a waveform."""
    return Waveform(sinusoid(hz, amplitude, seconds, rate), rate)
