"""NAME.npy: the audio of a prepared set, 16-bit samples in one dimension, mapped into memory.

The file is an ordinary NumPy array (``numpy.load`` reads it), written as a stream: memory stays flat however long the
recording is. Samples are int16, n / 32768 of full scale, as libsndfile reads 16-bit files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write, reading

FULL_SCALE = 32768
HEADER_BYTES = 128
CHUNK_BYTES = 1 << 20
MAGIC = b"\x93NUMPY\x01\x00"


@dataclass(frozen=True, slots=True)
class WrittenSamples:
    """How many samples were written, and the SHA-256 of their bytes (`checksum`)."""

    n_samples: int
    sha256: str


def write_raw(path: str | os.PathLike[str], blocks: Iterable[np.ndarray]) -> WrittenSamples:
    """Write float ``blocks`` [t] in [-1, 1] as they come, atomically."""
    with atomic_write(path) as temporary, open(temporary, "wb") as handle:
        handle.write(npy_header(0))
        total, digest = 0, hashlib.sha256()
        for block in blocks:
            content = to_int16(block).tobytes()
            handle.write(content)
            digest.update(content)
            total += len(block)
        handle.seek(0)
        handle.write(npy_header(total))
    return WrittenSamples(total, digest.hexdigest())


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Rounded to the nearest level; full scale itself is the highest that 16 bits have."""
    return np.clip(np.rint(samples * np.float32(FULL_SCALE)), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")


@dataclass(frozen=True, slots=True)
class RawAudio:
    """Where ``n_samples`` of int16 lie: from byte ``offset`` of ``path``. Small, so it may go to any process."""

    path: Path
    offset: int
    n_samples: int

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples [start, stop) as float32 in [-1, 1); only what is asked for is read."""
        status = self.path.stat()
        mapped = _mapped(self.path, self.offset, self.n_samples, status.st_mtime_ns, status.st_size)
        return to_float(mapped[start:stop])

    def checksum(self) -> str:
        """SHA-256 of the samples' bytes, which `write_raw` gave."""
        digest = hashlib.sha256()
        with open(self.path, "rb") as handle:
            handle.seek(self.offset)
            rest = 2 * self.n_samples
            while rest and (content := handle.read(min(rest, CHUNK_BYTES))):
                digest.update(content)
                rest -= len(content)
        return digest.hexdigest()


def open_raw(path: str | os.PathLike[str], start: int = 0, size: int | None = None) -> RawAudio:
    """Check the audio in ``path``, or in ``size`` bytes of it from byte ``start`` (a member of a shard).

    Raises:
        OrchestrionError: no such file, not a one-dimensional array of int16, or its size contradicts its header.
    """
    source = Path(path)
    with reading(source), open(source, "rb") as handle:
        handle.seek(start)
        n_samples = _n_samples(handle.read(HEADER_BYTES), source)
        there = os.fstat(handle.fileno()).st_size - start
    if (there if size is None else min(size, there)) != HEADER_BYTES + 2 * n_samples:
        raise OrchestrionError(
            f"{source} is damaged: its size is not that of its {n_samples:,} samples; prepare again."
        )
    return RawAudio(source, start + HEADER_BYTES, n_samples)


# Each map holds a file open, of which a set of thousands of pieces would run out, and keeps the pages that were read.
@lru_cache(maxsize=8)
def _mapped(path: Path, offset: int, n_samples: int, changed_ns: int, size: int) -> np.ndarray:
    return np.memmap(path, dtype="<i2", mode="r", offset=offset, shape=(n_samples,))


def to_float(samples: np.ndarray) -> np.ndarray:
    """int16 as float32 in [-1, 1)."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def npy_header(n_samples: int) -> bytes:
    """NumPy's format 1.0; always `HEADER_BYTES` long, so that it can be written again once the length is known."""
    text = f"{{'descr': '<i2', 'fortran_order': False, 'shape': ({n_samples},), }}"
    length = HEADER_BYTES - len(MAGIC) - 2
    return MAGIC + length.to_bytes(2, "little") + text.ljust(length - 1).encode("ascii") + b"\n"


def _n_samples(header: bytes, source: Path) -> int:
    # Only what `write_raw` writes is taken: nothing of a foreign header is ever evaluated.
    digits = header.partition(b"'shape': (")[2].partition(b",)")[0]
    if not digits.isdigit() or len(digits) > 12 or header != npy_header(int(digits)) or not int(digits):
        raise OrchestrionError(f"{source} does not hold 16-bit samples as a prepared set has them; prepare it again.")
    return int(digits)
