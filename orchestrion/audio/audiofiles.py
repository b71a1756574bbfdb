"""Audio files: anything that libsndfile reads; WAV, FLAC, Ogg Vorbis, Opus and MP3 written."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import soundfile

from orchestrion.audio import oggend
from orchestrion.audio.decoding import frames_in, one_line, opened
from orchestrion.audio.encodings import Encoding, converted
from orchestrion.audio.mixdown import Mixdown, mono_blocks
from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write, refusal, require_space, why_unwritable
from orchestrion.limits import MAX_AUDIO_S
from orchestrion.options import AudioFormat

# What libsndfile can store under each of its names; model and seed go into the comment.
TAGS = {"title": "title", "software": "software", "artist": "artist", "date": "date"}
READABLE_TAGS = ("title", "software", "artist", "comment", "date")
BLOCK_FRAMES = 1 << 16
MAX_WAV_BYTES = 0xFFFFFFFF
UNKNOWN = 0xFFFFFFFF
HEADER_BYTES = 1 << 16  # a WAV's header and tags
OPUS = "OPUS"
PCM = 1  # the format tag of integers in WAV
MAX_TAG_CHARACTERS = 1000


def read(path: str | os.PathLike[str], longest_s: float = MAX_AUDIO_S) -> tuple[np.ndarray, int, dict[str, str]]:
    """Samples float32 [t] in [-1, 1], sample rate and tags of a file; see `Waveform.read`."""
    source = Path(path)
    mixdown = Mixdown.of(source, longest_s)
    with opened(source) as handle:
        samples = np.concatenate(list(mono_blocks(source, handle, mixdown, longest_s)))
        tags = {name: getattr(handle, name, "") for name in READABLE_TAGS}
        rate = handle.samplerate
    return samples, rate, {name: text for name, text in tags.items() if text}


def write(
    path: str | os.PathLike[str], samples: np.ndarray, sample_rate: int, tags: Mapping[str, str], wanted: AudioFormat | None = None
) -> None:
    """Write ``samples`` [t] or [t, c]; see `Waveform.write`."""
    blocks = (samples[start : start + BLOCK_FRAMES] for start in range(0, len(samples), BLOCK_FRAMES))
    channels = samples.shape[1] if samples.ndim == 2 else 1
    write_blocks(path, blocks, sample_rate, channels=channels, tags=tags, n_samples=len(samples), wanted=wanted)


def write_blocks(
    path: str | os.PathLike[str],
    blocks: Iterable[np.ndarray],
    sample_rate: int,
    *,
    channels: int = 1,
    tags: Mapping[str, str] | None = None,
    n_samples: int | None = None,
    wanted: AudioFormat | None = None,
) -> None:
    """Write audio as it comes, so that memory stays flat however long it is; atomically, and so without half files.

    Args:
        path: its ending is the format; see `encodings.Encoding`.
        blocks: float32 [t] or [t, channels] in [-1, 1], of any lengths.
        n_samples: of a channel, all blocks together, where that is known: past 4 GiB a .wav is then RF64 (EBU Tech 3306),
            the same but for its header, which has room for the length.
        wanted: rate, channels and bits of the file; None for the audio's own, in 16 bits.

    Raises:
        OrchestrionError: unknown extension, a format that does not have what is wanted, a WAV past 4 GiB whose length was not
            known, or the file cannot be written; a .wav that would not fit its disk is refused before the first block is asked for.
    """
    target = Path(path)
    encoding = Encoding.of(target, wanted, sample_rate, channels)
    n_bytes = 0 if n_samples is None else encoding.bits // 8 * encoding.channels * encoding.length(n_samples, sample_rate)
    if encoding.container == "WAV":
        require_space(target, n_bytes)
        if n_bytes > MAX_WAV_BYTES - HEADER_BYTES:
            encoding = replace(encoding, container="RF64")
    with atomic_write(target) as temporary:
        # libsndfile opens the file itself: the error of a Python handle is lost in its callback.
        try:
            n_frames = _write(converted(blocks, sample_rate, encoding, n_samples), os.fsencode(temporary), encoding, tags or {})
            whole = _is_whole(temporary, n_frames, encoding.container)
        except soundfile.LibsndfileError as error:
            if (reason := why_unwritable(temporary)) is not None:
                raise refusal(target, reason) from error
            raise OrchestrionError(f"Cannot write {target} at {encoding.sample_rate} samples a second ({one_line(error)}).") from error
        if not whole:
            raise refusal(target, why_unwritable(temporary) or OSError("its end could not be written"))


def write_wav_blocks(
    handle: IO[bytes], blocks: Iterable[np.ndarray], sample_rate: int, n_samples: int, wanted: AudioFormat | None = None
) -> None:
    """Write a WAV file of ``n_samples`` of mono audio to a binary stream as its blocks come; each is flushed at once.

    Past 4 GiB it is RF64, see `write_blocks`.
    """
    encoding = Encoding.of("-.wav", wanted, sample_rate)
    handle.write(_wav_header(encoding, encoding.length(n_samples, sample_rate)))
    for block in converted(blocks, sample_rate, encoding, n_samples):
        handle.write(_little_endian(encoding.encoded(block), encoding.bits))
        handle.flush()


def _little_endian(samples: np.ndarray, bits: int) -> bytes:
    if bits != 24:
        return samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    # The upper three of four bytes.
    return samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


def _wav_header(encoding: Encoding, n_frames: int) -> bytes:
    """RIFF, the format, the length of what follows; in RF64 the lengths stand in ds64."""
    frame = encoding.bits // 8 * encoding.channels
    n_bytes, rate = frame * n_frames, encoding.sample_rate
    shape = struct.pack("<4sIHHIIHH4s", b"fmt ", 16, PCM, encoding.channels, rate, frame * rate, frame, encoding.bits, b"data")
    if n_bytes + 36 <= MAX_WAV_BYTES:
        return struct.pack("<4sI4s", b"RIFF", n_bytes + 36, b"WAVE") + shape + struct.pack("<I", n_bytes)
    lengths = struct.pack("<4sIQQQI", b"ds64", 28, n_bytes + 72, n_bytes, n_frames, 0)
    return struct.pack("<4sI4s", b"RF64", UNKNOWN, b"WAVE") + lengths + shape + struct.pack("<I", UNKNOWN)


def _write(blocks: Iterable[np.ndarray], target: bytes, encoding: Encoding, tags: Mapping[str, str]) -> int:
    """The number of samples a channel that were handed to libsndfile."""
    n_frames, frame = 0, encoding.bits // 8 * encoding.channels
    with soundfile.SoundFile(
        target, "w", encoding.sample_rate, encoding.channels, encoding.subtype, format=encoding.container
    ) as file:
        for name, text in _stored_tags(tags).items():
            setattr(file, name, text)
        for block in blocks:
            n_frames += len(block)
            if encoding.container == "WAV" and frame * n_frames > MAX_WAV_BYTES - HEADER_BYTES:
                raise OrchestrionError("Audio past 4 GiB does not fit a WAV file; write it as .flac, or in parts.")
            file.write(encoding.encoded(block))
        n_silent = oggend.silence_needed(n_frames, encoding.sample_rate) if encoding.subtype == OPUS else 0
        if n_silent:
            file.write(np.zeros((n_silent, encoding.channels), dtype=np.float32))
    if n_silent:
        oggend.shorten(Path(os.fsdecode(target)), n_silent, encoding.sample_rate)
    return n_frames


def _is_whole(path: Path, n_frames: int, container: str) -> bool:
    """Whether the last sample can be read: libsndfile loses the end of FLAC and OGG on a full disk without a word."""
    if not n_frames:
        return True
    if container == "MP3":  # whose decoder complains on standard error wherever it is sent
        return frames_in(path) >= n_frames
    with soundfile.SoundFile(os.fsencode(path)) as file:
        file.seek(n_frames - 1)
        return len(file.read(1)) == 1


def _stored_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """libsndfile's names; what it has no name for becomes ``name=text`` in the comment."""
    stored = {TAGS[name]: text for name, text in tags.items() if name in TAGS}
    rest = [f"{name}={text}" for name, text in tags.items() if name not in TAGS and name != "comment"]
    stored["comment"] = "; ".join([tags.get("comment", ""), *rest]).strip("; ")
    # libsndfile refuses empty texts, and drops all tags of a WAV where one is very long.
    cut = {name: text.partition("\0")[0][:MAX_TAG_CHARACTERS] for name, text in stored.items()}
    return {name: text for name, text in cut.items() if text}
