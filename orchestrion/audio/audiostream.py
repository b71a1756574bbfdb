"""Audio files read as a stream: mono, at the rate asked for, block by block, so that memory stays flat."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from orchestrion.audio.decoding import MAX_CHUNKS, Decoder, opened
from orchestrion.audio.mixdown import Mixdown, mono_blocks
from orchestrion.audio.rates import check_rate
from orchestrion.errors import OrchestrionError

# Formats whose header says exactly how many samples follow; that of an MP3 file is often an estimate.
EXACT_LENGTH = ("WAV", "WAVEX", "FLAC", "AIFF", "W64", "RF64")
# What libsndfile says of the length of a stream that it cannot know.
UNKNOWN_FRAMES = 1 << 62
STREAMED = 0xFFFFFFFF


def read_blocks(
    path: str | os.PathLike[str], sample_rate: int, start_s: float = 0.0, stop_s: float | None = None
) -> Iterator[np.ndarray]:
    """Yield the audio of ``path`` as float32 [t] in [-1, 1], one channel (see `Mixdown`), converted to ``sample_rate`` with soxr.

    Only the part from ``start_s`` to ``stop_s`` (or the end, whichever comes first), where that is asked for.

    A file of several channels, or one that can hold more than full scale (floats, MP3, Vorbis), is decoded twice for
    that. Blocks are of any length; together they are what `Waveform.read` gives, but never in memory at once.

    Raises:
        OrchestrionError: not audio, cut off, no samples, a value that is not a number, longer than six hours.
    """
    import soxr

    check_rate(sample_rate)
    source = Path(path)
    mixdown = Mixdown.of(source)
    with opened(source) as handle:
        rate = handle.samplerate
        blocks = _part(_mono(source, handle, mixdown), round(start_s * rate), None if stop_s is None else round(stop_s * rate))
        if rate == sample_rate:
            yield from blocks
            return
        resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        for block in blocks:
            yield np.clip(resampler.resample_chunk(block), -1.0, 1.0)
        yield np.clip(resampler.resample_chunk(np.zeros(0, np.float32), last=True), -1.0, 1.0)


def length(path: str | os.PathLike[str]) -> tuple[float, int, int]:
    """Seconds (an estimate for MP3), rate and channels, from the header alone.

    Raises:
        OrchestrionError: not audio, or no samples.
    """
    with opened(path) as handle:
        return handle.frames / handle.samplerate, handle.samplerate, handle.channels


def _part(blocks: Iterator[np.ndarray], start: int, stop: int | None) -> Iterator[np.ndarray]:
    """Samples [start, stop) of ``blocks``. What comes before is decoded too: seeking in MP3 is not exact."""
    first = 0
    for block in blocks:
        if stop is not None and first >= stop:
            return
        wanted = block[max(start - first, 0) : None if stop is None else stop - first]
        first += len(block)
        if len(wanted):
            yield wanted


def _mono(source: Path, handle: Decoder, mixdown: Mixdown) -> Iterator[np.ndarray]:
    """As `mono_blocks`, and refuses a file that is cut off."""
    total = 0
    for block in mono_blocks(source, handle, mixdown):
        total += len(block)
        yield block
    if handle.format in EXACT_LENGTH and total < handle.frames < UNKNOWN_FRAMES:
        _refuse_cut_off(source, total / handle.frames)
    if (share := _share_of_wav(source)) < 1.0:
        _refuse_cut_off(source, share)


def _refuse_cut_off(source: Path, share: float) -> None:
    raise OrchestrionError(
        f"{source} is cut off: only {share:.0%} of what its header promises is there; get the whole file."
    )


def _share_of_wav(source: Path) -> float:
    """How much of a WAV file's data is there, 1 for other formats: libsndfile takes a short file without a word."""
    size = source.stat().st_size
    with open(source, "rb") as handle:
        if struct.unpack("<4s4x4s", handle.read(12).ljust(12, b"\0")) != (b"RIFF", b"WAVE"):
            return 1.0
        for _ in range(MAX_CHUNKS):
            head = handle.read(8)
            if len(head) < 8:
                return 1.0
            name, length = struct.unpack("<4sI", head)
            if name == b"data":
                # What programs write who cannot go back to fill it in.
                return 1.0 if length in (0, STREAMED) else min(1.0, (size - handle.tell()) / length)
            handle.seek(length + length % 2, os.SEEK_CUR)
    return 1.0
