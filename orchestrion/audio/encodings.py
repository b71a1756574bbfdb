"""How audio is written: what a file's ending and an `AudioFormat` come to, and the conversion to it, block after block."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from orchestrion.audio.rates import check_rate
from orchestrion.errors import OrchestrionError
from orchestrion.options import AudioFormat

# libsndfile's names for each ending: container, and encoding by bits (None: the encoding has none to choose).
KINDS: dict[str, tuple[str, dict[int | None, str]]] = {
    ".wav": ("WAV", {16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}),
    ".flac": ("FLAC", {16: "PCM_16", 24: "PCM_24"}),
    ".ogg": ("OGG", {None: "VORBIS"}),
    ".opus": ("OGG", {None: "OPUS"}),
    ".mp3": ("MP3", {None: "MPEG_LAYER_III"}),
}
# All rates that an encoding has; others have any. What is not among them is converted to the lowest above it.
RATES = {
    "OPUS": (8_000, 12_000, 16_000, 24_000, 48_000),
    "MPEG_LAYER_III": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}
DEFAULT_BITS = 16
FULL_SCALE = {"PCM_16": 2**15 - 1, "PCM_24": 2**23 - 1, "PCM_32": 2**31 - 1}
FADE_S = 0.02  # of audio that is cut off where something may still sound


@dataclass(frozen=True, slots=True)
class Encoding:
    """What is written.

    Args:
        container, subtype: libsndfile's names.
        sample_rate: samples a second.
        channels: 1 or 2.
        bits: of a sample; 0 where it is compressed with loss.
    """

    container: str
    subtype: str
    sample_rate: int
    channels: int
    bits: int

    @classmethod
    def of(cls, path: str | os.PathLike[str], wanted: AudioFormat | None, sample_rate: int, channels: int = 1) -> Encoding:
        """The encoding of ``path`` for audio of ``sample_rate`` and ``channels``, by the file's ending and what is ``wanted``.

        Raises:
            OrchestrionError: unknown ending, or bits or a rate that the encoding does not have.
        """
        wanted, suffix = wanted or AudioFormat(), Path(path).suffix.lower()
        if suffix not in KINDS:
            raise OrchestrionError(f"Cannot write audio as {Path(path).name!r}: the name must end in {', '.join(KINDS)}.")
        container, subtypes = KINDS[suffix]
        if container not in soundfile.available_formats() or subtypes.get(None, "PCM_16") not in soundfile.available_subtypes(container):
            raise OrchestrionError(f"libsndfile {soundfile.__libsndfile_version__} here does not write {suffix}; choose .wav or .flac.")
        bits = None if None in subtypes else wanted.bits or DEFAULT_BITS
        if bits is None and wanted.bits is not None:
            raise OrchestrionError(f"{suffix} has no bits a sample to choose; leave bits out, or write .wav or .flac.")
        if bits not in subtypes:
            raise OrchestrionError(f"{suffix} holds {' or '.join(map(str, subtypes))} bits a sample, not {bits}.")
        rate = wanted.rate or sample_rate
        check_rate(rate)
        rates = RATES.get(subtypes[bits], (rate,))
        if rate not in rates:
            if wanted.rate is not None:
                raise OrchestrionError(f"{suffix} is written at {', '.join(f'{r:,}' for r in rates)} samples a second, not at {rate:,}.")
            rate = min((r for r in rates if r >= rate), default=rates[-1])
        return cls(container, subtypes[bits], rate, wanted.channels or channels, bits or 0)

    def facts(self) -> dict[str, object]:
        """What a settings file says of the audio file."""
        bits = {"bits": self.bits} if self.bits else {}
        return {"sample_rate": self.sample_rate, "channels": self.channels, **bits}

    def length(self, n_samples: int, sample_rate: int) -> int:
        """Of ``n_samples`` at ``sample_rate``, once they are converted."""
        return n_samples if sample_rate == self.sample_rate else max(round(n_samples * self.sample_rate / sample_rate), 1)

    def encoded(self, block: np.ndarray) -> np.ndarray:
        """float32 in [-1, 1] → what libsndfile is given."""
        if self.subtype not in FULL_SCALE:
            return block
        # Rounded here and symmetrically: silence stays silence, and no version of libsndfile scales differently.
        whole = np.rint(block * np.float64(FULL_SCALE[self.subtype]))
        return whole.astype(np.int16) if self.bits == 16 else whole.astype(np.int32) << (32 - self.bits)


def converted(
    blocks: Iterable[np.ndarray], sample_rate: int, encoding: Encoding, n_samples: int | None = None
) -> Iterator[np.ndarray]:
    """``blocks`` (float32 [t] or [t, c]) as float32 [t, channels] of ``encoding``: rate by soxr, mono to both sides, sides to their mean.

    Args:
        n_samples: of all blocks, where that is known: the result then has exactly `Encoding.length` of it.
    """
    sided = (_sides(block, encoding.channels) for block in blocks)
    if sample_rate == encoding.sample_rate:
        yield from sided
        return
    resampled = _resampled(sided, sample_rate, encoding)
    if n_samples is None:
        yield from resampled
        return
    left = encoding.length(n_samples, sample_rate)
    for block in resampled:
        yield block[:left]
        left -= min(len(block), left)
    if left:
        yield np.zeros((left, encoding.channels), np.float32)


def ended(blocks: Iterable[np.ndarray], n_samples: int, sample_rate: int) -> Iterator[np.ndarray]:
    """The first ``n_samples`` of ``blocks`` (float32 [t] or [t, c]), faded out over the last `FADE_S` where more would follow."""
    first, fade = 0, min(round(FADE_S * sample_rate), n_samples)
    for block in blocks:
        if first >= n_samples:
            break
        kept = block[: n_samples - first]
        left = n_samples - first - np.arange(len(kept))
        if len(left) and left[-1] < fade:
            gain = np.clip((left - 0.5) / fade, 0.0, 1.0).astype(np.float32)
            kept = kept * (gain if kept.ndim == 1 else gain[:, None])
        yield kept
        first += len(block)


def _sides(block: np.ndarray, channels: int) -> np.ndarray:
    block = block if block.ndim == 2 else block[:, None]
    if block.shape[1] == channels:
        return block
    return block.mean(axis=1, keepdims=True) if channels == 1 else np.repeat(block, channels, axis=1)


def _resampled(blocks: Iterable[np.ndarray], sample_rate: int, encoding: Encoding) -> Iterator[np.ndarray]:
    import soxr

    stream = soxr.ResampleStream(sample_rate, encoding.sample_rate, encoding.channels, dtype="float32", quality="HQ")
    for block in blocks:
        yield _clipped(stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32)))
    yield _clipped(stream.resample_chunk(np.zeros((0, encoding.channels), np.float32), last=True))


def _clipped(block: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.clip(block, -1.0, 1.0)
    return result
