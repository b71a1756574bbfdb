"""One channel out of many: the mean, but for channels that cancel each other and samples that cannot be sound."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestrion.audio.decoding import Decoder, opened
from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_AUDIO_S
from orchestrion.terminal import plural

BLOCK_FRAMES = 1 << 16
# The mean of uncorrelated channels is 3 dB weaker than they are; 20 dB weaker is a channel with its sign turned.
CANCELLED = 0.01
AUDIBLE = 1e-8  # mean square: -80 dB
# A float so far beyond full scale (18 dB), where nearly all others are not, is a defect and not loudness.
IMPOSSIBLE, MOST_IMPOSSIBLE = 8.0, 1e-4
LARGEST = 1e30  # of a sample; larger ones are cut to it


@dataclass(frozen=True)
class Mixdown:
    """How a file's channels become one.

    Args:
        channel: the one that is heard alone, None for the mean of all.
        gain: brings the peak to full scale where it would pass it.
        possible: samples beyond this are silenced.
    """

    channel: int | None = None
    gain: float = 1.0
    possible: float = np.inf

    @classmethod
    def of(cls, source: Path, longest_s: float = MAX_AUDIO_S) -> Mixdown:
        """Listens to ``source`` first, unless it has one channel that cannot pass full scale; what is odd is warned of.

        Raises:
            OrchestrionError: as `mono_blocks`.
        """
        with opened(source) as handle:
            is_bounded = handle.subtype.startswith(("PCM", "ULAW", "ALAW"))
            if is_bounded and handle.channels == 1:
                return cls()
            survey = _Survey(handle.channels)
            for block in _blocks(source, handle, longest_s):
                survey.add(block)
        channel = survey.channel()
        if channel is not None:
            warnings.warn(f"{source}: its channels cancel each other; only number {channel + 1} is heard.", stacklevel=2)
        peak, n_impossible = survey.peak(channel)
        if n_impossible:
            samples = plural(n_impossible, "sample")
            warnings.warn(f"{source}: left out {samples} too far beyond full scale to be sound.", stacklevel=2)
        return cls(channel, 1.0 / max(peak, 1.0), IMPOSSIBLE if n_impossible else np.inf)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """float32 [t, c] → float32 [t] in [-1, 1]."""
        mono = block.mean(axis=1) if self.channel is None else block[:, self.channel]
        mono = np.where(np.abs(mono) > self.possible, np.float32(0), mono)
        return np.asarray(np.clip(mono * np.float32(self.gain), -1.0, 1.0))


def mono_blocks(source: Path, handle: Decoder, mixdown: Mixdown, longest_s: float = MAX_AUDIO_S) -> Iterator[np.ndarray]:
    """The audio of an `opened` file: float32 [t] in [-1, 1], block by block.

    Raises:
        OrchestrionError: no samples, a value that is not a number, or longer than ``longest_s``.
    """
    return (mixdown(block) for block in _blocks(source, handle, longest_s))


def _blocks(source: Path, handle: Decoder, longest_s: float) -> Iterator[np.ndarray]:
    limit, total = int(longest_s * handle.samplerate), 0
    while len(block := handle.read_frames(BLOCK_FRAMES)):
        total += len(block)
        # The header is not to be trusted: what is really there is counted.
        if total > limit:
            longest = f"{longest_s / 3600:g} hours" if longest_s >= 3600 else f"{longest_s / 60:g} minutes"
            raise OrchestrionError(f"{source} is longer than {longest}; cut it first.")
        if not np.isfinite(block).all():
            raise OrchestrionError(f"{source} holds samples that are not numbers; export it again as WAV.")
        # One flipped bit makes a sample of 1e38, which two channels' sum could not hold.
        yield np.clip(block, -LARGEST, LARGEST) if max(block.max(), -block.min()) > LARGEST else block
    if not total:
        raise OrchestrionError(f"{source} holds no samples.")


class _Survey:
    """Energy and peak of the mean (column 0) and of each channel (the others)."""

    def __init__(self, n_channels: int):
        self._n = 0
        self._energy, self._peak, self._possible_peak = np.zeros((3, n_channels + 1))
        self._n_impossible = np.zeros(n_channels + 1, dtype=np.int64)

    def add(self, block: np.ndarray) -> None:
        columns = np.abs(np.column_stack([block.mean(axis=1), block]))
        impossible = columns > IMPOSSIBLE
        self._n += len(columns)
        self._energy += np.square(np.minimum(columns, IMPOSSIBLE), dtype=np.float64).sum(axis=0)
        self._peak = np.maximum(self._peak, columns.max(axis=0))
        self._possible_peak = np.maximum(self._possible_peak, np.where(impossible, 0.0, columns).max(axis=0))
        self._n_impossible += impossible.sum(axis=0)

    def channel(self) -> int | None:
        """The strongest channel where the mean of all cancels them."""
        mean, *channels = self._energy / self._n
        cancels = len(channels) > 1 and np.mean(channels) > AUDIBLE and mean < CANCELLED * np.mean(channels)
        return int(np.argmax(channels)) if cancels else None

    def peak(self, channel: int | None) -> tuple[float, int]:
        """What full scale is to be, and the number of samples beyond it that cannot be sound."""
        column = 0 if channel is None else channel + 1
        n_impossible = int(self._n_impossible[column])
        if 0 < n_impossible <= max(1.0, MOST_IMPOSSIBLE * self._n):
            return float(self._possible_peak[column]), n_impossible
        return float(self._peak[column]), 0
