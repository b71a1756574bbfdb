"""Integrated loudness by ITU-R BS.1770-4."""

from __future__ import annotations

import warnings

import numpy as np
from pyloudnorm import Meter

from orchestrion.audio.waveform import Waveform

BLOCK_S = 0.4


def integrated_loudness(audio: Waveform) -> float:
    """LUFS of mono ``audio``; -inf where nothing is above -70 LUFS.

    A clip shorter than the standard's block of 0.4 s is one block, so that its loudness is defined, too.
    """
    n, rate = len(audio.samples), audio.sample_rate
    samples = np.append(audio.samples.astype(np.float64), 0.0)
    # The filters by De Man (2014) have the standard's coefficients at 48 kHz, which the meter's default has not.
    meter = Meter(rate, filter_class="DeMan", block_size=min(BLOCK_S, (n + 0.5) / rate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # silence: the mean of no blocks
        return float(meter.integrated_loudness(samples))
