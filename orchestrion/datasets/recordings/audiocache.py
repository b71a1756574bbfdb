"""Decoded audio in the user's cache: raw little-endian 16-bit samples that training maps into memory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from orchestrion.audio import Waveform
from orchestrion.cachefolder import used
from orchestrion.datasets.recordings.rawaudio import RawAudio, to_int16
from orchestrion.files import atomic_write, make_folder, reading


def decoded(audio: Path, sample_rate: int, cache: Path) -> RawAudio:
    """The int16 samples of ``audio`` at ``sample_rate`` in a file of the cache, made now unless it is there.

    The name depends on the path, size and time of change of ``audio``, so a changed recording is decoded anew.

    Raises:
        OrchestrionError: the audio cannot be read, holds a value that is not a number, or the cache cannot be written.
    """
    target = cache / f"{audio.stem[:80]}-{_fingerprint(audio, sample_rate)}.i16"
    if not target.exists() or not target.stat().st_size or target.stat().st_size % 2:
        samples = Waveform.read(audio, sample_rate).samples
        make_folder(cache)
        with atomic_write(target) as temporary:
            to_int16(samples).tofile(temporary)
    return RawAudio(used(target), 0, target.stat().st_size // 2)


def _fingerprint(audio: Path, sample_rate: int) -> str:
    with reading(audio):
        status = audio.stat()
    key = f"{audio.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0{sample_rate}"
    return hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
