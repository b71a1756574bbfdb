"""Plays the harmonic source alone: an instrument's tables without its network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.source import HarmonicSource
from orchestrion.bridge.sourcesignal import SourceSignal

BLOCK_FRAMES = 256


def source_blocks(series: ConditioningSeries, source: HarmonicSource) -> Iterator[np.ndarray]:
    """The audio of ``series`` by the tables alone, in float32 blocks; what passes full scale is clipped."""
    signal = SourceSignal(series, source)
    for start in range(0, series.n_frames, BLOCK_FRAMES):
        yield np.clip(signal.samples(start, min(start + BLOCK_FRAMES, series.n_frames)), -1.0, 1.0)
