"""Files as a user wants them: rate, channels, bits and length, the same in blocks as at once."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrion.audio import Waveform
from orchestrion.audio.audiofiles import write_blocks, write_wav_blocks
from orchestrion.audio.encodings import FADE_S, KINDS, Encoding, converted, ended
from orchestrion.errors import OrchestrionError
from orchestrion.options import AudioFormat

RATE = 24_000


def tone(seconds: float = 1.0, hz: float = 440.0, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("bits", [16, 24, 32])
def test_bits_are_those_asked_for_to_half_a_step(tmp_path: Path, suffix: str, bits: int) -> None:
    if suffix == ".flac" and bits == 32:
        with pytest.raises(OrchestrionError, match=r"\.flac holds 16 or 24 bits a sample, not 32"):
            Waveform(tone(), RATE).write(tmp_path / "a.flac", AudioFormat(bits=32))
        return
    Waveform(tone(), RATE).write(tmp_path / f"a{suffix}", AudioFormat(bits=bits))
    info = soundfile.info(tmp_path / f"a{suffix}")
    assert (info.subtype, info.frames, info.samplerate, info.channels) == (f"PCM_{bits}", RATE, RATE, 1)
    heard = soundfile.read(tmp_path / f"a{suffix}", dtype="float64")[0]
    step = 2.0 ** (1 - bits)
    np.testing.assert_allclose(heard, tone().astype(np.float64), atol=1.01 * step)  # half of writing, half of 2**n against 2**n - 1
    if bits > 16:
        assert np.abs(heard - np.rint(heard * 2**15) / 2**15).max() > step


@pytest.mark.parametrize("suffix", KINDS)
def test_every_ending_is_written_at_the_rate_asked_for_in_stereo(tmp_path: Path, suffix: str) -> None:
    rate = 48_000 if suffix == ".opus" else 44_100
    Waveform(tone(2.0), RATE, {"title": "Tune"}).write(tmp_path / f"a{suffix}", AudioFormat(rate=rate, channels=2))
    info = soundfile.info(tmp_path / f"a{suffix}")
    assert (info.samplerate, info.channels, info.frames) == (rate, 2, 2 * rate)
    heard = soundfile.read(tmp_path / f"a{suffix}", dtype="float32")[0]
    assert np.abs(heard[:, 0] - heard[:, 1]).max() < 0.02
    middle = slice(rate // 2, rate)
    np.testing.assert_allclose(heard[middle].mean(axis=1), tone(2.0, rate=rate)[middle], atol=0.03)
    assert Waveform.read(tmp_path / f"a{suffix}").tags["title"] == "Tune"


def test_a_rate_that_a_format_lacks_is_the_next_or_a_sentence(tmp_path: Path) -> None:
    wave = Waveform(tone(), RATE).resample(22_050)
    wave.write(tmp_path / "a.opus")
    assert soundfile.info(tmp_path / "a.opus").samplerate == 24_000
    for suffix, wanted, says in [
        (".opus", AudioFormat(rate=44_100), r"\.opus is written at 8,000, .* 48,000 samples a second, not at 44,100"),
        (".mp3", AudioFormat(bits=24), r"\.mp3 has no bits a sample to choose"),
    ]:
        with pytest.raises(OrchestrionError, match=says):
            wave.write(tmp_path / f"b{suffix}", wanted)
        assert not (tmp_path / f"b{suffix}").exists()


@pytest.mark.parametrize("wanted", [{"rate": 10}, {"channels": 3}, {"bits": 8}, {"rate": "fast"}])
def test_what_no_file_has_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(OrchestrionError, match="give "):
        AudioFormat.of(**wanted)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
@pytest.mark.parametrize("rate", [None, 44_100, 16_000])
def test_blocks_give_the_same_file_as_one_piece(tmp_path: Path, suffix: str, rate: int | None) -> None:
    samples, wanted = tone(1.7), AudioFormat(rate=rate, channels=2)
    write_blocks(tmp_path / f"one{suffix}", [samples], RATE, n_samples=len(samples), wanted=wanted)
    write_blocks(tmp_path / f"many{suffix}", np.array_split(samples, 23), RATE, n_samples=len(samples), wanted=wanted)
    one, many = (soundfile.read(tmp_path / f"{name}{suffix}", dtype="float32")[0] for name in ("one", "many"))
    np.testing.assert_allclose(one, many, atol=1e-4)
    assert len(one) == round(1.7 * (rate or RATE))


@pytest.mark.parametrize("n", [1, 7, 1000, 24_001])
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_the_length_is_exact_after_conversion(n: int, rate: int) -> None:
    encoding = Encoding.of("a.wav", AudioFormat(rate=rate), RATE)
    blocks = list(converted([tone()[:0], np.resize(tone(), n)], RATE, encoding, n))
    assert sum(map(len, blocks)) == encoding.length(n, RATE) == max(round(n * rate / RATE), 1)


def test_sides_become_their_mean() -> None:
    sides = np.stack([tone(), 0.5 * tone()], axis=1)
    (mono,) = converted([sides], RATE, Encoding.of("a.wav", AudioFormat(channels=1), RATE, 2))
    np.testing.assert_allclose(mono[:, 0], 0.75 * tone(), atol=1e-7)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_a_pipe_takes_what_a_file_takes(tmp_path: Path, bits: int) -> None:
    wanted, samples = AudioFormat(rate=44_100, channels=2, bits=bits), tone()
    pipe = io.BytesIO()
    write_wav_blocks(pipe, np.array_split(samples, 5), RATE, len(samples), wanted)
    write_blocks(tmp_path / "a.wav", [samples], RATE, n_samples=len(samples), wanted=wanted)
    pipe.seek(0)
    heard, rate = soundfile.read(pipe, dtype="float64")
    expected = soundfile.read(tmp_path / "a.wav", dtype="float64")[0]
    assert rate == 44_100 and heard.shape == expected.shape == (44_100, 2)
    np.testing.assert_allclose(heard, expected, atol=2.0 ** (2 - bits) + 1e-6)


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("parts", [1, 9, 500])
def test_what_is_cut_off_fades(shape: tuple[int, ...], parts: int) -> None:
    samples = np.ones((RATE, *shape), np.float32)
    n = RATE // 2 + 1
    kept = np.concatenate(list(ended(np.array_split(samples, parts), n, RATE)))
    fade = round(FADE_S * RATE)
    assert kept.shape == (n, *shape)
    assert np.all(kept[: n - fade] == 1) and np.all(np.diff(kept[n - fade - 1 :], axis=0) < 0) and 0 <= kept[-1].max() < 0.01


def test_shorter_audio_than_its_length_is_left_as_it_is() -> None:
    kept = np.concatenate(list(ended([np.ones(100, np.float32), np.ones(0, np.float32)], RATE, RATE)))
    assert np.all(kept == 1) and len(kept) == 100
