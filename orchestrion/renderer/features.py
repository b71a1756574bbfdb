"""Conditioning inputs of the network, computed from a score: features per frame, and a signal per sample.

Both are made block by block where wanted: the numbers of a frame do not depend on the block it was asked for in, so that
streaming, batching and resuming agree bit for bit. `bridge.groups` defines the features, `bridge.source` the harmonic source
that drives an instrument, `renderer.excitation` the unit harmonics of older ones.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.groups import group_values
from orchestrion.bridge.source import HarmonicSource
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.excitation import Excitation


class Features:
    """The conditioning inputs of one series, by the block.

    Args:
        source: the instrument's tables, for a network that is driven by them.

    Raises:
        OrchestrionError: the network is driven by a source, and there is none.
    """

    def __init__(self, series: ConditioningSeries, config: WaveNetConfig, source: HarmonicSource | None = None):
        if config.source_window and source is None:
            raise OrchestrionError("This network is driven by a harmonic source, and there is none.")
        self.series, self.config = series, config
        self._source = SourceSignal(series, source) if config.source_window and source is not None else None
        self._excitation = Excitation(series, config)

    @cached_property
    def key(self) -> bytes:
        """The same for series of the same notes, whose features are the same."""
        notes = self.series.notes
        table = np.stack([notes.onset_frame, notes.offset_frame, notes.pitch, notes.velocity]).astype(np.int64)
        return hashlib.sha256(table.tobytes()).digest()

    @property
    def source(self) -> SourceSignal | None:
        """What drives the network; None where nothing does."""
        return self._source

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Frames [start, stop) of the network's conditioning input: ``[f, input_channels]`` float32.

        Frames outside the series (before 0 or past the end) are silent.
        """
        groups = score_groups(self.series, self.config, start, stop)
        return groups if self._source is None else np.concatenate([groups, self._source.noise(start, stop)], 1)

    def signal(self, start: int, stop: int) -> np.ndarray | None:
        """What `WaveNet.drive` takes for frames [start, stop), float32; None where the score enters by frames alone.

        Of a driven network the emphasised source with its margins, ``[(stop - start) * hop + 2 * source_window]``; else harmonics,
        ``[(stop - start) * hop, 2 * harmonics]``.
        """
        c = self.config
        if self._source is None:
            return self._excitation.block(start, stop) if c.harmonics else None
        # A frame more on either side, of which a sample more than the window is needed for the emphasis.
        samples = self._source.samples(start - 1, stop + 1)
        first, last = c.hop - c.source_window, (stop - start + 1) * c.hop + c.source_window
        return c.coding.emphasise(samples)[first:last].astype(np.float32)

    def excitation(self, start: int, stop: int) -> np.ndarray:
        """See `Excitation.block`."""
        return self._excitation.block(start, stop)


def score_groups(series: ConditioningSeries, config: WaveNetConfig, start: int, stop: int) -> np.ndarray:
    """The groups of frames [start, stop), ``[f, groups * pitches]`` float32: all features but the noise of a source."""
    c = config
    return group_values(
        series.notes, c.groups, start, stop, frame_s=c.hop / c.sample_rate, pitch_low=c.pitch_low, pitch_high=c.pitch_high
    )


def frame_features(series: ConditioningSeries, config: WaveNetConfig, start: int = 0, stop: int | None = None) -> np.ndarray:
    """`Features.frames` of a single block. For many, keep a `Features`."""
    return Features(series, config).frames(start, series.n_frames if stop is None else stop)


def excitation(series: ConditioningSeries, config: WaveNetConfig, start: int = 0, stop: int | None = None) -> np.ndarray:
    """`Excitation.block` of a single block. For many, keep a `Features`."""
    return Features(series, config).excitation(start, series.n_frames if stop is None else stop)
