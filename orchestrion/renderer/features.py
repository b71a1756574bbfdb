"""Conditioning inputs of the network, computed from a score: features per frame, excitation per sample.

Both are made block by block where wanted: the numbers of a frame do not depend on the block it was asked for in, so that
streaming, batching and resuming agree bit for bit. `bridge.groups` defines the features, `renderer.excitation` the excitation.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.groups import group_values
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.excitation import Excitation


class Features:
    """The conditioning inputs of one series, by the block."""

    def __init__(self, series: ConditioningSeries, config: WaveNetConfig):
        self.series, self.config = series, config
        self._excitation = Excitation(series, config)

    @cached_property
    def key(self) -> bytes:
        """The same for series of the same notes, whose features are the same."""
        notes = self.series.notes
        table = np.stack([notes.onset_frame, notes.offset_frame, notes.pitch, notes.velocity]).astype(np.int64)
        return hashlib.sha256(table.tobytes()).digest()

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Frames [start, stop) of the network's conditioning input: ``[f, input_channels]`` float32.

        Frames outside the series (before 0 or past the end) are silent.
        """
        c = self.config
        return group_values(
            self.series.notes, c.groups, start, stop, frame_s=c.hop / c.sample_rate, pitch_low=c.pitch_low, pitch_high=c.pitch_high
        )

    def excitation(self, start: int, stop: int) -> np.ndarray:
        """See `Excitation.block`."""
        return self._excitation.block(start, stop)


def frame_features(series: ConditioningSeries, config: WaveNetConfig, start: int = 0, stop: int | None = None) -> np.ndarray:
    """`Features.frames` of a single block. For many, keep a `Features`."""
    return Features(series, config).frames(start, series.n_frames if stop is None else stop)


def excitation(series: ConditioningSeries, config: WaveNetConfig, start: int = 0, stop: int | None = None) -> np.ndarray:
    """`Excitation.block` of a single block. For many, keep a `Features`."""
    return Features(series, config).excitation(start, series.n_frames if stop is None else stop)
