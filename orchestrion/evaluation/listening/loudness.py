"""Integrated loudness (ITU-R BS.1770-4), and one loudness for all clips of a test.

All clips get the same integrated loudness: -23 LUFS, or as much less (down to -30) as it takes for the clip with the
highest peaks to stay below -1 dB of full scale. Nothing is limited or compressed; each clip is multiplied by one number.
A clip whose peaks do not even allow -30 LUFS, such as a burst before near silence, is made as loud as they do allow, and
named as softer than the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError

TARGET_LUFS = -23.0
PEAK_DB = -1.0
LEAST_LUFS = -30.0
SILENT_LUFS = -70.0
BLOCK_S, STEP_S = 0.4, 0.1


@dataclass(frozen=True, slots=True)
class Level:
    """Integrated loudness in LUFS (-inf for silence) and peak in dB of full scale of one clip."""

    lufs: float
    peak_db: float

    @classmethod
    def of(cls, clip: Waveform) -> Level:
        return cls(integrated_loudness(clip), _peak_db(clip))


@dataclass(frozen=True, slots=True)
class Match:
    """The one loudness ``lufs``, the gain in dB that each clip gets, which clips are silent, and by how many dB which
    are softer than the others because of their peaks."""

    gains_db: Mapping[str, float]
    lufs: float
    silent: tuple[str, ...]
    softer_db: Mapping[str, float]


def integrated_loudness(audio: Waveform) -> float:
    """LUFS of mono ``audio``, gated at -70 LUFS and then at 10 LU below the mean; -inf where nothing is above -70.

    Audio shorter than a block of 0.4 s is one block.
    """
    squares = np.square(_weighted(audio))
    size, step = round(BLOCK_S * audio.sample_rate), round(STEP_S * audio.sample_rate)
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    starts = np.arange(0, max(1, len(squares) - size + 1), step)
    ends = np.minimum(starts + size, len(squares))
    power = (sums[ends] - sums[starts]) / (ends - starts)
    power = power[_lufs(power) > SILENT_LUFS]
    if not len(power):
        return -np.inf
    kept = power[_lufs(power) > _lufs(power.mean()) - 10]
    return float(_lufs(kept.mean()))


def match_loudness(levels: Mapping[str, Level], target_lufs: float = TARGET_LUFS) -> Match:
    """What brings clips of ``levels`` to one loudness, see above. Silent ones stay as they are.

    Raises:
        OrchestrionError: all are silent.
    """
    heard = {name: level for name, level in levels.items() if np.isfinite(level.lufs)}
    if not heard:
        raise OrchestrionError("All clips are silent; there is nothing to listen to.")
    # How loud each could be made before its peaks reach the limit.
    room = {name: level.lufs + PEAK_DB - level.peak_db for name, level in heard.items()}
    lufs = max(min(target_lufs, *room.values()), LEAST_LUFS)
    softer = {name: lufs - possible for name, possible in room.items() if possible < lufs}
    gains_db = {name: lufs - level.lufs - softer.get(name, 0.0) for name, level in heard.items()}
    silent = tuple(sorted(set(levels) - set(heard)))
    return Match(gains_db | dict.fromkeys(silent, 0.0), lufs, silent, softer)


def amplified(clip: Waveform, gain_db: float) -> Waveform:
    """``clip`` times a gain that keeps it below full scale."""
    return replace(clip, samples=clip.samples * np.float32(10 ** (gain_db / 20)))


def _lufs(power: np.ndarray | float) -> np.ndarray:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


def _peak_db(clip: Waveform) -> float:
    return float(20 * np.log10(max(float(np.abs(clip.samples).max()), 1e-9)))


def _weighted(audio: Waveform) -> np.ndarray:
    """K-weighting: the standard's two filters, designed for the sample rate at hand by the bilinear transform.

    Frequencies and qualities are those that reproduce the standard's coefficients at 48 kHz (De Man 2014).
    """
    rate, signal = audio.sample_rate, audio.samples.astype(np.float64)
    for numerator, denominator in (_shelf(rate), _highpass(rate)):
        signal = lfilter(numerator, denominator, signal)
    return signal


def _shelf(rate: int) -> tuple[list[float], list[float]]:
    f0, gain_db, quality = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = np.tan(np.pi * min(f0, 0.45 * rate) / rate)
    high, band = 10 ** (gain_db / 20), 10 ** (gain_db / 20 * 0.4996667741545416)
    a0 = 1 + k / quality + k * k
    numerator = [
        (high + band * k / quality + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / quality + k * k) / a0,
    ]
    return numerator, [1.0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0]


def _highpass(rate: int) -> tuple[list[float], list[float]]:
    f0, quality = 38.13547087602444, 0.5003270373238773
    k = np.tan(np.pi * f0 / rate)
    a0 = 1 + k / quality + k * k
    return [1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0]
