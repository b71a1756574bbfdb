"""Audio of every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from tests.fuzz.reader import RATE, Reader


def sound(seconds: float = 0.3) -> np.ndarray:
    return (0.4 * np.sin(np.arange(round(seconds * RATE)) ** 1.1 / 9)).astype(np.float32)


def audio_file(name: str, subtype: str | None = None, channels: int = 1) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        import soundfile

        samples = np.stack([sound()] * channels, axis=1)
        kind = {".opus": ("OGG", "OPUS")}.get(Path(name).suffix, (None, subtype))
        soundfile.write(folder / name, samples, RATE, format=kind[0], subtype=kind[1])

    return write


def _read_audio(folder: Path) -> None:
    from orchestrion.audio import Waveform
    from orchestrion.audio.audiostream import length, read_blocks
    from orchestrion.errors import OrchestrionError
    from orchestrion.inspection import describe

    (path,) = folder.iterdir()
    with suppress(OrchestrionError):
        length(path)
    with suppress(OrchestrionError):
        for _ in read_blocks(path, 8000):
            pass
    with suppress(OrchestrionError):
        json.dumps(describe(path))
    Waveform.read(path)


READERS = {
    "wav": Reader((audio_file("a.wav"), audio_file("a.wav", "FLOAT", 2), audio_file("a.wav", "IMA_ADPCM")), _read_audio),
    "flac": Reader((audio_file("a.flac"), audio_file("a.flac", "PCM_24", 2)), _read_audio),
    "ogg": Reader((audio_file("a.ogg"),), _read_audio),
    "opus": Reader((audio_file("a.opus"),), _read_audio),
    "mp3": Reader((audio_file("a.mp3"), audio_file("a.mp3", channels=2)), _read_audio),
    "aiff": Reader((audio_file("a.aiff", channels=2),), _read_audio),
}
