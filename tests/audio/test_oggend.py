"""The end of an Opus file is that of the audio: libsndfile alone leaves a burst there at most lengths."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrion.audio import Waveform, oggend
from orchestrion.audio.audiofiles import write
from orchestrion.errors import OrchestrionError

PACKET_S = 0.02


def fading(n_samples: int, rate: int) -> np.ndarray:
    """A tone with 50 ms of fade at its end."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(n_samples) / rate)
    return (tone * np.clip((n_samples - np.arange(n_samples)) / (0.05 * rate), 0, 1)).astype(np.float32)


@pytest.mark.parametrize("rate", [12_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("filled", [0.0, 0.05, 0.15, 0.24, 0.26, 0.5, 0.67, 0.68, 0.75, 0.9, 0.99])
def test_an_opus_file_ends_as_the_audio_does_and_is_as_long(tmp_path: Path, rate: int, filled: float) -> None:
    audio = fading(rate + round(filled * PACKET_S * rate), rate)
    Waveform(audio, rate).write(tmp_path / "a.opus")
    found, found_rate = soundfile.read(tmp_path / "a.opus")
    assert (found_rate, found.shape) == (rate, audio.shape)
    assert np.abs(found - audio)[-round(0.01 * rate) :].max() < 0.01


def test_both_channels_end_so(tmp_path: Path) -> None:
    audio = np.stack([fading(48_000, 24_000), -0.5 * fading(48_000, 24_000)], axis=1)
    write(tmp_path / "a.opus", audio, 24_000, {"title": "Two"})
    found, _ = soundfile.read(tmp_path / "a.opus")
    assert found.shape == audio.shape and np.abs(found - audio)[-240:].max() < 0.01


def test_the_checksum_is_ogg_s_own(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.opus", fading(30_000, 24_000), 24_000, format="OGG", subtype="OPUS")
    before = (tmp_path / "a.opus").read_bytes()
    oggend.shorten(tmp_path / "a.opus", 0, 24_000)
    assert (tmp_path / "a.opus").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"OggS", b"RIFF" * 100])
def test_what_does_not_end_with_a_page_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.opus").write_bytes(content)
    with pytest.raises(OrchestrionError, match="does not end with an Ogg page"):
        oggend.shorten(tmp_path / "a.opus", 1, 24_000)
