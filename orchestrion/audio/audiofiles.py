"""Audio files: anything that libsndfile reads; WAV, FLAC and OGG written."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np
import soundfile

from orchestrion.audio.decoding import one_line, opened
from orchestrion.audio.mixdown import Mixdown, mono_blocks
from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write, refusal, require_space, why_unwritable

FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}

# What libsndfile can store under each of its names; model and seed go into the comment.
TAGS = {"title": "title", "software": "software", "artist": "artist", "date": "date"}
READABLE_TAGS = ("title", "software", "artist", "comment", "date")
BLOCK_FRAMES = 1 << 16
MAX_WAV_BYTES = 0xFFFFFFFF
UNKNOWN = 0xFFFFFFFF
HEADER_BYTES = 1 << 16  # a WAV's header and tags
MAX_TAG_CHARACTERS = 1000


def read(path: str | os.PathLike[str]) -> tuple[np.ndarray, int, dict[str, str]]:
    """Samples float32 [t] in [-1, 1], sample rate and tags of a file; see `Waveform.read`."""
    source = Path(path)
    mixdown = Mixdown.of(source)
    with opened(source) as handle:
        samples = np.concatenate(list(mono_blocks(source, handle, mixdown)))
        tags = {name: getattr(handle, name, "") for name in READABLE_TAGS}
        rate = handle.samplerate
    return samples, rate, {name: text for name, text in tags.items() if text}


def write(path: str | os.PathLike[str], samples: np.ndarray, sample_rate: int, tags: Mapping[str, str]) -> None:
    """Write mono ``samples``; see `Waveform.write`."""
    blocks = (samples[start : start + BLOCK_FRAMES] for start in range(0, len(samples), BLOCK_FRAMES))
    write_blocks(path, blocks, sample_rate, tags=tags, n_samples=len(samples))


def write_blocks(
    path: str | os.PathLike[str],
    blocks: Iterable[np.ndarray],
    sample_rate: int,
    *,
    channels: int = 1,
    tags: Mapping[str, str] | None = None,
    n_samples: int | None = None,
) -> None:
    """Write audio as it comes, so that memory stays flat however long it is; atomically, and so without half files.

    Args:
        path: .wav and .flac are written with 16 bits, .ogg as Vorbis.
        blocks: float32 [t] or [t, channels] in [-1, 1], of any lengths.
        n_samples: of a channel, all blocks together, where that is known: past 4 GiB a .wav is then RF64 (EBU Tech 3306),
            the same but for its header, which has room for the length.

    Raises:
        OrchestrionError: unknown extension, a WAV past 4 GiB whose length was not known, or the file cannot be written; a
            .wav that would not fit its disk is refused before the first block is asked for.
    """
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise OrchestrionError(f"Cannot write audio as {target.name!r}: the name must end in .wav, .flac or .ogg.")
    container, encoding = FORMATS[target.suffix.lower()]
    if container == "WAV" and n_samples and 2 * channels * n_samples > MAX_WAV_BYTES - HEADER_BYTES:
        container = "RF64"
    if encoding == "PCM_16" and container != "FLAC":
        require_space(target, 2 * channels * (n_samples or 0))
    with atomic_write(target) as temporary:
        # libsndfile opens the file itself: the error of a Python handle is lost in its callback.
        try:
            n_frames = _write(blocks, os.fsencode(temporary), container, encoding, sample_rate, channels, tags or {})
            whole = _is_whole(temporary, n_frames)
        except soundfile.LibsndfileError as error:
            if (reason := why_unwritable(temporary)) is not None:
                raise refusal(target, reason) from error
            raise OrchestrionError(f"Cannot write {target} at {sample_rate} samples a second ({one_line(error)}).") from error
        if not whole:
            raise refusal(target, why_unwritable(temporary) or OSError("its end could not be written"))


def write_wav_blocks(handle: IO[bytes], blocks: Iterable[np.ndarray], sample_rate: int, n_samples: int) -> None:
    """Write a mono 16-bit WAV file of ``n_samples`` to a binary stream as its blocks come; each is flushed at once.

    Past 4 GiB it is RF64, see `write_blocks`.
    """
    handle.write(_wav_header(sample_rate, n_samples))
    for block in blocks:
        handle.write(_encodable(block, "PCM_16").astype("<i2").tobytes())
        handle.flush()


def _wav_header(sample_rate: int, n_samples: int) -> bytes:
    """Of mono audio in 16 bits: RIFF, the format (PCM), the length of what follows; in RF64 the lengths stand in ds64."""
    n_bytes = 2 * n_samples
    shape = struct.pack("<4sIHHIIHH4s", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16, b"data")
    if n_bytes + 36 <= MAX_WAV_BYTES:
        return struct.pack("<4sI4s", b"RIFF", n_bytes + 36, b"WAVE") + shape + struct.pack("<I", n_bytes)
    lengths = struct.pack("<4sIQQQI", b"ds64", 28, n_bytes + 72, n_bytes, n_samples, 0)
    return struct.pack("<4sI4s", b"RF64", UNKNOWN, b"WAVE") + lengths + shape + struct.pack("<I", UNKNOWN)


def _write(
    blocks: Iterable[np.ndarray],
    target: bytes,
    container: str,
    encoding: str,
    sample_rate: int,
    channels: int,
    tags: Mapping[str, str],
) -> int:
    """The number of samples a channel that were handed to libsndfile."""
    with soundfile.SoundFile(target, "w", sample_rate, channels, encoding, format=container) as file:
        for name, text in _stored_tags(tags).items():
            setattr(file, name, text)
        for block in blocks:
            if container == "WAV" and 2 * channels * (file.frames + len(block)) > MAX_WAV_BYTES - HEADER_BYTES:
                raise OrchestrionError("Audio past 4 GiB does not fit a WAV file; write it as .flac, or in parts.")
            file.write(_encodable(block, encoding))
        return int(file.frames)


def _is_whole(path: Path, n_frames: int) -> bool:
    """Whether the last sample can be read: libsndfile loses the end of FLAC and OGG on a full disk without a word."""
    if not n_frames:
        return True
    with soundfile.SoundFile(os.fsencode(path)) as file:
        file.seek(n_frames - 1)
        return len(file.read(1)) == 1


def _encodable(samples: np.ndarray, encoding: str) -> np.ndarray:
    # Rounded here and symmetrically: silence stays silence, and no version of libsndfile scales differently.
    return np.rint(samples * 32767.0).astype(np.int16) if encoding == "PCM_16" else samples


def _stored_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """libsndfile's names; what it has no name for becomes ``name=text`` in the comment."""
    stored = {TAGS[name]: text for name, text in tags.items() if name in TAGS}
    rest = [f"{name}={text}" for name, text in tags.items() if name not in TAGS and name != "comment"]
    stored["comment"] = "; ".join([tags.get("comment", ""), *rest]).strip("; ")
    # libsndfile refuses empty texts, and drops all tags of a WAV where one is very long.
    cut = {name: text.partition("\0")[0][:MAX_TAG_CHARACTERS] for name, text in stored.items()}
    return {name: text for name, text in cut.items() if text}
