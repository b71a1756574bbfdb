"""Is there energy outside the band of the music?

Nayebi and Vitelli (2015, Figure 3) blame the noise of their GRU on activations outside the band that real music uses. A recording's
band runs from the 0.5th to the 99.5th percentile of its energy over frequency. The music's band is the smallest that contains the
bands of all held-out recordings, so each of these has at most 1 % outside. Audio with more than 6 % is at fault. The margin is for
other music of the kind, which sometimes strays that far; with more recordings it strays less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError

TAIL = 0.005
FRAME = 4096
BLOCK_FRAMES = 512
OUTSIDE = 0.06


@dataclass(frozen=True, slots=True)
class BandMeter:
    """``low_hz`` and ``high_hz`` of the music's band; ``outside``: share of the audio's energy outside it, 0 to 1;
    ``reference``: the greatest share outside that a held-out recording has."""

    low_hz: float
    high_hz: float
    outside: float
    reference: float

    @property
    def found(self) -> bool:
        return self.outside > OUTSIDE


@dataclass(frozen=True, slots=True)
class MusicBand:
    """The band of held-out recordings, Hz, and the greatest share outside it that one of them has."""

    low_hz: float
    high_hz: float
    outside: float

    @classmethod
    def of(cls, held_out: Sequence[Waveform]) -> MusicBand:
        """
        Raises:
            OrchestrionError: no held-out recording, or all of them silent.
        """
        spectra = [spectrum for sound in held_out if (spectrum := energy_spectrum(sound))[1].sum() > 0]
        if not spectra:
            raise OrchestrionError("The band of the music needs at least one held-out recording with sound in it.")
        lows, highs = zip(*(_band(hz, energy) for hz, energy in spectra), strict=True)
        low_hz, high_hz = min(lows), max(highs)
        return cls(low_hz, high_hz, max(_outside(hz, energy, low_hz, high_hz) for hz, energy in spectra))


def measure_band(audio: Waveform, music: MusicBand) -> BandMeter:
    """Energy of ``audio`` outside the band of held-out ``music``."""
    outside = _outside(*energy_spectrum(audio), music.low_hz, music.high_hz)
    return BandMeter(music.low_hz, music.high_hz, outside, music.outside)


def energy_spectrum(audio: Waveform) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies [k] in Hz and the energy [k] of the whole audio at each (Hann frames of 4096, half overlapping)."""
    samples = np.pad(audio.samples, (0, max(0, FRAME - len(audio.samples))))
    views = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[:: FRAME // 2]
    energy = np.zeros(FRAME // 2 + 1)
    for i in range(0, len(views), BLOCK_FRAMES):
        frames = views[i : i + BLOCK_FRAMES] * np.hanning(FRAME)
        energy += np.square(np.abs(np.fft.rfft(frames, axis=1))).sum(axis=0)
    return np.fft.rfftfreq(FRAME, 1 / audio.sample_rate), energy


def _band(hz: np.ndarray, energy: np.ndarray) -> tuple[float, float]:
    below = np.cumsum(energy) / energy.sum()
    return float(np.interp(TAIL, below, hz)), float(np.interp(1 - TAIL, below, hz))


def _outside(hz: np.ndarray, energy: np.ndarray, low_hz: float, high_hz: float) -> float:
    total = float(energy.sum())
    return float(energy[(hz < low_hz) | (hz > high_hz)].sum() / total) if total else 0.0
