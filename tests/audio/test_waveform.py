import io
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.audio import MACHINE_GENERATED, Waveform, audiofiles
from orchestrion.audio.encodings import Encoding
from orchestrion.errors import OrchestrionError


def tone(hz=440.0, seconds=1.0, rate=16000, gain=0.5, **tags):
    return Waveform(gain * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate), rate, tags)


@pytest.mark.parametrize(
    "samples", [[], [[0.0], [0.0]], [np.nan], [np.inf], [1.001], [-1.001], np.zeros((2, 2))], ids=repr
)
def test_samples_that_cannot_be_played_are_refused(samples):
    with pytest.raises(OrchestrionError):
        Waveform(np.array(samples), 16000)


@pytest.mark.parametrize("rate", [0, -1, 999, 768_001])
def test_odd_rates_are_refused(rate):
    with pytest.raises(OrchestrionError):
        Waveform(np.zeros(10), rate)
    with pytest.raises(OrchestrionError):
        tone().resample(rate)


def test_a_waveform_cannot_be_changed_from_outside():
    samples = np.zeros(10, np.float32)
    wave = Waveform(samples, 16000, {"title": "x"})
    samples[0] = 9.0
    assert wave.samples[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        wave.samples[0] = 1.0
    with pytest.raises(TypeError):
        wave.tags["title"] = "y"


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_sixteen_bit_files_round_trip_within_half_a_step(tmp_path, suffix):
    wave = tone(title="Tune", software="orchestrion 0.1.0", model="violin", seed="7", comment=MACHINE_GENERATED)
    wave.write(tmp_path / f"a{suffix}")
    again = Waveform.read(tmp_path / f"a{suffix}")
    assert again.sample_rate == 16000
    # Half a step of writing, and the reader's 32768 against the writer's 32767.
    assert np.abs(again.samples - wave.samples).max() <= 0.5 / 32767 + 0.5 / 32767
    assert again.tags["title"] == "Tune" and "orchestrion 0.1.0" in again.tags["software"]
    assert again.tags["comment"] == "machine-generated; model=violin; seed=7"


def test_full_scale_is_written_without_wrapping(tmp_path):
    Waveform(np.array([1.0, -1.0, 0.0]), 16000).write(tmp_path / "a.wav")
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [32767, -32767, 0]


def test_ogg_is_written_and_read(tmp_path):
    tone(comment=MACHINE_GENERATED).write(tmp_path / "a.ogg")
    again = Waveform.read(tmp_path / "a.ogg")
    assert len(again.samples) == 16000 and again.tags["comment"] == MACHINE_GENERATED
    assert np.sqrt(np.mean((again.samples - tone().samples) ** 2)) < 0.01


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_same_waveform_same_bytes(tmp_path, suffix):
    code = (
        "import sys, numpy as np; from orchestrion.audio import Waveform; "
        "Waveform(np.sin(np.arange(5000)), 16000, {'title': 'x', 'seed': '1'}).write(sys.argv[1])"
    )
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / f"{name}{suffix}")], check=True)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_a_stream_that_cannot_seek_takes_a_wav_file(tmp_path):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

    pipe = Pipe()
    audiofiles.write_wav_blocks(pipe, [tone().samples], 16000, len(tone().samples))
    tone().write(tmp_path / "a.wav")
    assert pipe.getvalue() == (tmp_path / "a.wav").read_bytes()


def test_a_wav_past_four_gibibytes_is_rf64(tmp_path, monkeypatch):
    """With the bound brought down, as nobody wants to write 4 GiB: only the header is another."""
    wave = tone(title="Long", comment=MACHINE_GENERATED)
    monkeypatch.setattr(audiofiles, "MAX_WAV_BYTES", audiofiles.HEADER_BYTES + 2 * len(wave.samples) - 1)
    wave.write(tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    again = Waveform.read(tmp_path / "a.wav")
    assert np.abs(again.samples - wave.samples).max() <= 1 / 32767 and again.tags["title"] == "Long"
    with pytest.raises(OrchestrionError, match="4 GiB"):
        audiofiles.write_blocks(tmp_path / "b.wav", [wave.samples], 16000)
    assert not (tmp_path / "b.wav").exists()


@pytest.mark.parametrize("bound, name", [(0xFFFFFFFF, b"RIFF"), (32_000, b"RF64")])
def test_a_pipe_takes_either_header(tmp_path, monkeypatch, bound, name):
    monkeypatch.setattr(audiofiles, "MAX_WAV_BYTES", bound)
    wave = tone()
    with open(tmp_path / "a.wav", "wb") as file:
        audiofiles.write_wav_blocks(file, np.array_split(wave.samples, 5), 16000, len(wave.samples))
    written = (tmp_path / "a.wav").read_bytes()
    assert written[:4] == name
    if name == b"RF64":  # riff size, data size, samples
        assert struct.unpack("<QQQ", written[20:44]) == (len(written) - 8, 32_000, 16_000)
    assert np.abs(Waveform.read(tmp_path / "a.wav").samples - wave.samples).max() <= 1 / 32767


def test_the_header_of_a_real_giant_tells_its_length():
    """80 hours; the four bytes a WAV has for a length would tell another."""
    header = audiofiles._wav_header(Encoding("WAV", "PCM_16", 16_000, 1, 16), 80 * 3600 * 16_000)
    assert struct.unpack("<QQQ", header[20:44]) == (80 * 3600 * 32_000 + 72, 80 * 3600 * 32_000, 80 * 3600 * 16_000)


@pytest.mark.parametrize(("before", "after"), [(16000, 44100), (44100, 16000), (192_000, 16000), (16000, 16000)])
def test_resampling_keeps_a_tone(before, after):
    converted = tone(1000.0, rate=before).resample(after)
    expected = tone(1000.0, rate=after)
    assert converted.sample_rate == after and abs(len(converted.samples) - len(expected.samples)) <= 1
    middle = slice(after // 10, after * 9 // 10)
    assert np.abs(converted.samples[middle] - expected.samples[middle]).max() < 1e-3


def test_resampling_removes_what_the_new_rate_cannot_hold():
    aliased = tone(12_000.0, rate=44_100).resample(16_000)
    assert np.abs(aliased.samples[1600:-1600]).max() < 1e-3


def test_resampling_clips_overshoot_and_survives_one_sample():
    square = Waveform(np.sign(np.sin(np.arange(4000) / 20.0)), 16000)
    assert np.abs(square.resample(44_100).samples).max() <= 1.0
    assert len(Waveform(np.array([0.5]), 192_000).resample(1000).samples) == 1


@pytest.mark.parametrize("channels", [2, 8, 64])
def test_channels_are_averaged(tmp_path, channels):
    samples = np.zeros((1000, channels), np.float32)
    samples[:, 0] = 0.5
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")
    assert np.allclose(Waveform.read(tmp_path / "a.wav").samples, 0.5 / channels)


def test_audio_at_192_khz_is_converted(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(rate=192_000).samples, 192_000)
    assert Waveform.read(tmp_path / "a.wav", 16_000).duration_s == pytest.approx(1.0)


def test_floats_beyond_full_scale_are_turned_down(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([2.0, -4.0, 0.0], np.float32), 16000, subtype="FLOAT")
    assert Waveform.read(tmp_path / "a.wav").samples.tolist() == [0.5, -1.0, 0.0]


def wav(samples, *, channels=1, rate=16000, subtype="FLOAT"):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.asarray(samples), rate, subtype=subtype, format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"not audio at all, but text",
        b"\x80\x04\x95pickle",
        wav(np.zeros((0, 1))),
        wav([0.0, np.nan]),
        wav([0.0, np.inf]),
        wav(np.zeros((10, 65))),
        wav(np.zeros(10), rate=100),
        wav(np.zeros(100))[:30],
    ],
    ids=lambda data: f"{len(data)} bytes",  # not the bytes themselves, which hold the time
)
def test_broken_audio_is_one_sentence(tmp_path, data):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(OrchestrionError, match=r"a\.wav|sample rate") as caught:
        Waveform.read(path)
    assert "\n" not in str(caught.value)


def test_a_header_that_claims_hours_costs_nothing(tmp_path):
    data = bytearray(wav(np.zeros(100), subtype="PCM_16"))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 0xFFFFFFF0)
    (tmp_path / "a.wav").write_bytes(bytes(data))
    assert Waveform.read(tmp_path / "a.wav").duration_s <= 1.0


@pytest.mark.parametrize("name", ["missing.wav", "a.mp5", ".", "nul\0byte.wav"])
def test_files_that_are_not_there_or_not_files_are_one_sentence(tmp_path, name):
    with pytest.raises(OrchestrionError):
        Waveform.read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.m4a", "a", "missing/a.wav"])
def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path, name):
    with pytest.raises(OrchestrionError):
        tone().write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"RIFF\x00\x01\x00\x00WAVEfmt ", b"fLaC", b"OggS", b"FORM"]))
def test_random_bytes_raise_nothing_but_our_error(tmp_path_factory, data, head):
    path = tmp_path_factory.mktemp("audio") / "a.wav"
    path.write_bytes(head + data)
    try:
        Waveform.read(path)
    except OrchestrionError:
        pass


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2043), st.integers(0, 255))
def test_a_flipped_byte_raises_nothing_but_our_error(tmp_path_factory, at, value):
    data = bytearray(wav(np.zeros(500)))
    data[at] = value
    path = tmp_path_factory.mktemp("audio") / "a.wav"
    path.write_bytes(bytes(data))
    try:
        Waveform.read(path)
    except OrchestrionError:
        pass


def test_names_that_are_not_utf8_are_read_and_written(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.wav")
    tone().write(os.fsdecode(path))
    assert Waveform.read(os.fsdecode(path)).duration_s == 1.0


def test_a_full_disk_is_one_sentence_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from orchestrion.audio import Waveform\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n    Waveform(np.zeros(100_000), 16000).write(sys.argv[1])\n"
        "except ValueError as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("OrchestrionError\n", "")
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
