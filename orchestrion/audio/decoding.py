"""Audio files opened for reading from beginning to end."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import soundfile

from orchestrion.audio.rates import check_rate
from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_CHANNELS

MAX_CHUNKS = 1000
COUNTED_FRAMES = 1 << 16
# Format tags of WAV: integers, floats, and "see the sub-format", whose first two bytes are such a tag again.
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNCLOSED_SUBTYPES = {(PCM, 8): "PCM_U8", (PCM, 16): "PCM_16", (PCM, 24): "PCM_24", (PCM, 32): "PCM_32", (FLOAT, 32): "FLOAT"}


class Decoder(Protocol):
    """What is used of a `soundfile.SoundFile`."""

    @property
    def samplerate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def format(self) -> str: ...
    @property
    def subtype(self) -> str: ...

    def read_frames(self, n: int) -> np.ndarray:
        """The next ``n`` frames, or fewer at the end: float32 [t, channels]."""
        ...


class SequentialFile(soundfile.SoundFile):
    """A `soundfile.SoundFile` that never seeks.

    soundfile seeks after every read to where the decoder is already. MP3 decoders do not land there (libsndfile 1.2: every
    block after the first begins elsewhere, with a click), and nothing here needs it.
    """

    def seekable(self) -> bool:
        return False

    def read_frames(self, n: int) -> np.ndarray:
        return np.asarray(self.read(n, dtype="float32", always_2d=True))


class UnclosedWav:
    """A WAV file whose recorder was stopped before it noted the length: its samples run to the end of the file."""

    format = "WAV"

    def __init__(self, handle: IO[bytes], samplerate: int, channels: int, subtype: str):
        """``handle`` stands at the first sample."""
        self._handle = handle
        self.samplerate, self.channels, self.subtype = samplerate, channels, subtype
        self._width = 4 if subtype == "FLOAT" else int(subtype.removeprefix("PCM_U").removeprefix("PCM_")) // 8
        start = handle.tell()
        self.frames = (handle.seek(0, os.SEEK_END) - start) // (self._width * channels)
        handle.seek(start)

    def read_frames(self, n: int) -> np.ndarray:
        data = self._handle.read(n * self._width * self.channels)
        data = data[: len(data) // (self._width * self.channels) * self._width * self.channels]
        return self._decoded(np.frombuffer(data, dtype=np.uint8)).reshape(-1, self.channels)

    def _decoded(self, data: np.ndarray) -> np.ndarray:
        if self.subtype == "FLOAT":
            return data.view("<f4").astype(np.float32)
        if self._width == 1:
            return (data.astype(np.float32) - 128) / 128
        # Aligned to the high end of 32 bits, every width has the same scale.
        wide = np.zeros((len(data) // self._width, 4), dtype=np.uint8)
        wide[:, 4 - self._width :] = data.reshape(-1, self._width)
        return (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[SequentialFile | UnclosedWav]:
    """A decoder of ``path`` with a plausible header; what libsndfile raises meanwhile becomes a sentence.

    Raises:
        OrchestrionError: no such file, not audio, no samples, or more than 64 channels.
    """
    source = Path(path)
    _check_readable(source)
    try:
        # The name, not a Python handle: a signal that comes while libsndfile calls Python back is lost there, and the
        # file would seem to end. Bytes, as soundfile does not open text names that are not UTF-8.
        with SequentialFile(os.fsencode(source)) as handle:
            if handle.frames or handle.format not in ("WAV", "WAVEX"):
                _check_header(source, handle)
                yield handle
                return
        with open(source, "rb") as file:
            unclosed = _unclosed(file)
            if unclosed is None:
                raise OrchestrionError(f"{source} holds no samples.")
            _check_header(source, unclosed)
            yield unclosed
    except (soundfile.LibsndfileError, TypeError, UnicodeError) as error:
        raise OrchestrionError(f"{source} is not audio that can be read ({one_line(error)}).") from error


def frames_in(path: Path) -> int:
    """How many frames can be read, whatever the header says."""
    with SequentialFile(os.fsencode(path)) as handle:
        n_frames = 0
        while len(block := handle.read_frames(COUNTED_FRAMES)):
            n_frames += len(block)
        return n_frames


def one_line(error: Exception) -> str:
    """What ``error`` says, without its breaks and full stop."""
    return " ".join(str(error).split()).rstrip(".")


def _unclosed(file: IO[bytes]) -> UnclosedWav | None:
    """A decoder where the data chunk says 0 bytes and samples follow it, not other chunks."""
    file.seek(12)
    kind: tuple[int, int, int, int] | None = None
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return None
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            break
        content = file.read(min(length, 64))
        if name == b"fmt " and len(content) >= 16:
            tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
            kind = (struct.unpack("<H", content[24:26])[0] if tag == EXTENSIBLE and len(content) >= 26 else tag, bits, channels, rate)
        file.seek(length + length % 2 - len(content), os.SEEK_CUR)
    if kind is None or kind[:2] not in UNCLOSED_SUBTYPES or not kind[2]:
        return None
    start = file.tell()
    if _are_chunks(file):
        return None
    file.seek(start)
    return UnclosedWav(file, kind[3], kind[2], UNCLOSED_SUBTYPES[kind[:2]])


def _are_chunks(file: IO[bytes]) -> bool:
    """Whether the rest of ``file`` is nothing, or chunks with names in letters that end where it ends."""
    size = os.fstat(file.fileno()).st_size
    for _ in range(MAX_CHUNKS):
        if file.tell() == size:
            return True
        head = file.read(8)
        if len(head) < 8 or not (head[:4].isascii() and head[:4].decode("ascii").isprintable()):
            return False
        length = struct.unpack("<4sI", head)[1]
        if file.tell() + length > size:
            return False
        file.seek(min(length + length % 2, size - file.tell()), os.SEEK_CUR)
    return False


def _check_header(source: Path, handle: Decoder) -> None:
    check_rate(handle.samplerate)
    if handle.channels > MAX_CHANNELS:
        raise OrchestrionError(f"{source} has {handle.channels} channels, more than {MAX_CHANNELS}; mix it down first.")
    if handle.frames == 0:
        raise OrchestrionError(f"{source} holds no samples.")


def _check_readable(source: Path) -> None:
    if os.path.isdir(source):
        raise OrchestrionError(f"Cannot read {source}: it is a folder; name a file.")
    try:
        with open(source, "rb") as handle:
            empty = not handle.read(1)
    except (OSError, ValueError) as error:
        raise OrchestrionError(f"Cannot read {source}: {getattr(error, 'strerror', None) or error}.") from error
    if empty:
        raise OrchestrionError(f"{source} is empty.")
