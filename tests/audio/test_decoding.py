"""What people's recorders and programs write: read whole, or refused in a sentence."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrion.audio import Waveform
from orchestrion.audio.audiostream import length, read_blocks
from orchestrion.audio.mixdown import Mixdown
from orchestrion.errors import OrchestrionError

RATE = 16000


def tone(seconds: float = 1.0, rate: int = RATE, gain: float = 0.3) -> np.ndarray:
    return (gain * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def streamed(path: Path, rate: int = RATE) -> np.ndarray:
    return np.concatenate(list(read_blocks(path, rate)))


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "flac"])
def test_blocks_join_without_a_click(tmp_path: Path, suffix: str) -> None:
    rate = 44100
    soundfile.write(tmp_path / f"a.{suffix}", tone(5.0, rate), rate)  # several blocks
    heard = Waveform.read(tmp_path / f"a.{suffix}").samples
    steepest = 0.3 * 2 * np.pi * 440 / rate
    assert np.abs(np.diff(heard)).max() < 1.2 * steepest
    np.testing.assert_array_equal(streamed(tmp_path / f"a.{suffix}", rate), heard)


def wav(samples: np.ndarray, subtype: str, container: str = "WAV") -> bytearray:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, subtype, format=container)
    return bytearray(buffer.getvalue())


@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("riff", ["right", "zero"])
def test_a_recorder_that_never_noted_the_length(tmp_path: Path, subtype: str, container: str, riff: str) -> None:
    samples = np.stack([tone(), 0.5 * tone()], axis=1)
    data = wav(samples, subtype, container)
    (tmp_path / "whole.wav").write_bytes(data)
    at = data.find(b"data")
    data[at + 4 : at + 8] = bytes(4)
    if riff == "zero":
        data[4:8] = bytes(4)
    (tmp_path / "a.wav").write_bytes(data)
    expected = Waveform.read(tmp_path / "whole.wav").samples
    # FLOAT files that libsndfile writes end in a PEAK chunk or not; samples come first either way.
    np.testing.assert_array_equal(Waveform.read(tmp_path / "a.wav").samples[: len(expected)], expected)
    np.testing.assert_array_equal(streamed(tmp_path / "a.wav")[: len(expected)], expected)
    assert length(tmp_path / "a.wav") == (pytest.approx(1.0, abs=0.01), RATE, 2)


def test_a_recording_that_was_cut_within_a_frame(tmp_path: Path) -> None:
    data = wav(tone(), "PCM_16")
    at = data.find(b"data")
    data[at + 4 : at + 8] = bytes(4)
    (tmp_path / "a.wav").write_bytes(data[:-1])
    assert len(Waveform.read(tmp_path / "a.wav").samples) == RATE - 1


@pytest.mark.parametrize("rest", [b"", struct.pack("<4sI4s", b"LIST", 4, b"INFO")])
def test_a_file_of_no_samples_is_not_taken_for_an_unfinished_one(tmp_path: Path, rest: bytes) -> None:
    header = wav(np.zeros((0, 1), np.float32), "PCM_16")
    (tmp_path / "a.wav").write_bytes(header[: header.find(b"data")] + b"data" + bytes(4) + rest)
    with pytest.raises(OrchestrionError, match="holds no samples"):
        Waveform.read(tmp_path / "a.wav")


def test_channels_that_cancel_leave_the_stronger_one(tmp_path: Path) -> None:
    turned = np.stack([0.9 * tone(), -tone()], axis=1)
    soundfile.write(tmp_path / "a.wav", turned, RATE, "FLOAT")
    for heard in (lambda: Waveform.read(tmp_path / "a.wav").samples, lambda: streamed(tmp_path / "a.wav")):
        with pytest.warns(UserWarning, match="channels cancel each other; only number 2 is heard"):
            np.testing.assert_array_equal(heard(), -tone())


@pytest.mark.parametrize("other", [0.0, 0.5, -0.3])
def test_channels_that_differ_are_averaged(tmp_path: Path, other: float, recwarn: pytest.WarningsRecorder) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([tone(), other * tone()], axis=1), RATE, "FLOAT")
    np.testing.assert_allclose(Waveform.read(tmp_path / "a.wav").samples, (1 + other) / 2 * tone(), atol=1e-6)
    assert not recwarn.list


def test_a_sample_that_cannot_be_sound_does_not_silence_the_rest(tmp_path: Path) -> None:
    samples = tone()
    samples[5000] = 1e6
    soundfile.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    samples[5000] = 0.0
    for heard in (lambda: Waveform.read(tmp_path / "a.wav").samples, lambda: streamed(tmp_path / "a.wav")):
        with pytest.warns(UserWarning, match="left out 1 sample too far beyond full scale"):
            np.testing.assert_array_equal(heard(), samples)


def test_floats_in_the_range_of_integers_are_loud_not_broken(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 32768 * tone(gain=1.0), RATE, "FLOAT")
    assert Mixdown.of(tmp_path / "a.wav") == Mixdown(None, pytest.approx(1 / 32768, rel=1e-3))
    np.testing.assert_allclose(Waveform.read(tmp_path / "a.wav").samples, tone(gain=1.0), atol=1e-3)
