"""Audio in a notebook or a page: a player and a spectrogram, inside the HTML, of bounded size."""

from __future__ import annotations

import base64
import os
import tempfile
from dataclasses import replace
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from orchestrion.audio.waveform import Waveform

PLAYABLE_RATE = 16_000  # some browsers do not play 4.41 kHz
MOST_S = 120.0  # of a player in a notebook: some 4 MB at 24 kHz
COLUMNS, ROWS = 800, 180
WINDOW, LOWEST_HZ, RANGE_DB = 2048, 27.5, 70.0


class Sound(Protocol):
    """Samples ``[t]`` or ``[t, c]`` that can be written; `Waveform` is one."""

    @property
    def samples(self) -> np.ndarray: ...
    @property
    def sample_rate(self) -> int: ...
    def resample(self, sample_rate: int) -> Sound: ...
    def write(self, path: str | os.PathLike[str]) -> None: ...


def flac_uri(audio: Sound) -> str:
    """``audio``, at 16 kHz or more, as a data URI."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audio.flac"
        audio.resample(max(PLAYABLE_RATE, audio.sample_rate)).write(path)
        return data_uri("audio/flac", path.read_bytes())


def data_uri(kind: str, content: bytes) -> str:
    """``content`` of the media type ``kind`` as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def levels_db(audio: Waveform) -> np.ndarray:
    """A spectrogram ``[ROWS, COLUMNS]`` in dB, the highest frequency first; frequencies are logarithmic from 27.5 Hz to half the rate.

    A window is computed for each column and no more, so that an hour costs what a second does.
    """
    half, top_hz = WINDOW // 2, audio.sample_rate / 2
    padded = np.pad(audio.samples, half)
    starts = np.linspace(0, len(audio.samples) - 1, COLUMNS).astype(int)
    blocks = np.stack([padded[start : start + WINDOW] for start in starts]) * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    wanted_hz = np.geomspace(LOWEST_HZ, top_hz, ROWS)[::-1]
    bins = np.linspace(0, top_hz, half + 1)
    shown = np.stack([np.interp(wanted_hz, bins, column) for column in power], axis=1)
    return np.asarray(10 * np.log10(shown + 1e-12))


def spectrogram_uri(audio: Waveform) -> str:
    """`levels_db` as a PNG in a data URI, of 70 dB below the loudest."""
    from matplotlib.image import imsave

    levels = levels_db(audio)
    loudest, picture = float(levels.max()), BytesIO()
    imsave(picture, levels, format="png", cmap="magma", vmin=loudest - RANGE_DB, vmax=loudest)
    return data_uri("image/png", picture.getvalue())


def audio_html(audio: Waveform, title: str = "", sound: Sound | None = None) -> str:
    """A player and a spectrogram; of long audio its first two minutes, and that is said.

    Args:
        sound: what the player plays where ``audio`` is only the mean of its channels; two minutes at most.
    """
    seconds, rate = audio.duration_s, audio.sample_rate
    shown = replace(audio, samples=audio.samples[: round(MOST_S * rate)]) if seconds > MOST_S else audio
    cut = f"; here its first {MOST_S:g} s" if shown is not audio else ""
    heading = escape(title or audio.tags.get("title", "")) or "Audio"
    what = f"Spectrogram of {heading}: {LOWEST_HZ:g} Hz to {rate / 2000:g} kHz, logarithmic, 0 to {shown.duration_s:.1f} s"
    return (
        f'<figure style="margin:0.5em 0"><figcaption><b>{heading}</b>: {seconds:.1f} s at {rate:,} samples a second{cut}</figcaption>'
        f'<audio controls preload="metadata" aria-label="{heading}" src="{flac_uri(sound or shown)}" style="width:100%;max-width:{COLUMNS}px"></audio>'
        f'<img alt="{what}" title="{what}" src="{spectrogram_uri(shown)}" '
        f'style="display:block;width:100%;max-width:{COLUMNS}px;height:{ROWS}px"></figure>'
    )
