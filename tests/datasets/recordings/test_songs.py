"""Folders of songs: what is kept, how songs are divided, flat memory, and being stopped half-way."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from orchestrion.audio import Waveform
from orchestrion.audio.audiostream import read_blocks
from orchestrion.cli.app import cli
from orchestrion.datasets.recordings import songs as module
from orchestrion.datasets.recordings.preparation import Preparation
from orchestrion.datasets.recordings.rawaudio import open_raw, write_raw
from orchestrion.datasets.recordings.songs import SongSet, prepare_songs
from orchestrion.datasets.recordings.stems import Separator
from orchestrion.errors import OrchestrionError


def noise(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    return samples.astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "songs"
    (made / "album").mkdir(parents=True)
    for number, suffix in enumerate(("wav", "flac", "ogg", "mp3")):
        soundfile.write(made / f"{suffix} song.{suffix}", noise(0.5, 44100, 2, number), 44100)
    soundfile.write(made / "album" / "one.wav", noise(0.4, 8000, 1, 9), 8000)
    (made / "cover.jpg").write_bytes(b"no audio")
    (made / "._one.wav").write_bytes(b"a shadow that macOS leaves")
    return made


def refused(*arguments, **options) -> str:
    with pytest.raises(OrchestrionError) as caught:
        prepare_songs(*arguments, **{"sample_rate": 16000} | options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("suffix", "rate"), [("wav", 16000), ("flac", 44100), ("ogg", 8000), ("mp3", 4410)])
def test_the_stream_equals_reading_and_resampling_the_whole(tmp_path, suffix, rate):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, noise(4.0, 44100, 2), 44100)
    whole = Waveform.read(path, rate).samples
    stream = np.concatenate(list(read_blocks(path, rate)))
    assert len(stream) == len(whole)
    np.testing.assert_allclose(stream, whole, atol=2e-6)


def test_floats_beyond_full_scale_are_turned_down_and_not_clipped(tmp_path):
    loud = 3.0 * noise(0.5, 16000)
    soundfile.write(tmp_path / "loud.wav", loud, 16000, subtype="FLOAT")
    stream = np.concatenate(list(read_blocks(tmp_path / "loud.wav", 16000)))
    np.testing.assert_allclose(stream, loud[:, 0] / np.abs(loud).max(), atol=1e-6)


def test_wav_files_that_are_cut_off_are_refused_though_libsndfile_reads_them(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, noise(1.0, 16000), 16000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(OrchestrionError, match="only 50% of what its header promises"):
        list(read_blocks(path, 16000))
    streamed = content.replace(b"data" + (32000).to_bytes(4, "little"), b"data" + b"\xff" * 4)
    path.write_bytes(streamed)
    assert sum(map(len, read_blocks(path, 16000))) == 16000


def test_a_part_of_a_file(tmp_path):
    samples = noise(3.0, 44100)
    soundfile.write(tmp_path / "x.wav", samples, 44100, subtype="FLOAT")
    part = np.concatenate(list(read_blocks(tmp_path / "x.wav", 44100, 0.5, 2.0)))
    np.testing.assert_array_equal(part, samples[22050:88200, 0])
    assert sum(map(len, read_blocks(tmp_path / "x.wav", 44100, 2.5, 9.0))) == 22050


def test_every_song_is_there_at_the_rate_asked_for(folder, tmp_path):
    made = prepare_songs(folder, tmp_path / "set", sample_rate=16000)
    assert [song.name for song in made.songs] == ["album__one", "flac song", "mp3 song", "ogg song", "wav song"]
    assert made.sample_rate == 16000
    song = next(song for song in made.songs if song.name == "flac song")
    expected = Waveform.read(folder / "flac song.flac", 16000).samples
    np.testing.assert_allclose(song.samples(), expected, atol=1.01 / 32768)
    np.testing.assert_array_equal(song.samples(100, 300), song.samples()[100:300])
    assert song.samples(5, 9).dtype == np.float32 and len(song.samples(7, 7)) == 0
    assert {type(np.load(path)) for path in (tmp_path / "set").glob("*.npy")} == {np.ndarray}
    with pytest.raises(OrchestrionError, match="not within"):
        song.samples(0, song.n_samples + 1)
    revived = pickle.loads(pickle.dumps(song))
    np.testing.assert_array_equal(revived.samples(), song.samples())


def test_the_manifest_says_where_everything_is_from(folder, tmp_path):
    made = prepare_songs(folder, tmp_path / "set", sample_rate=16000, licence="CC0", seed=3)
    information, entry = made.information, made.sources["wav song"]
    assert entry["sha256"] == hashlib.sha256((folder / "wav song.wav").read_bytes()).hexdigest()
    assert (entry["source"], entry["source_rate"], entry["source_channels"]) == ("wav song.wav", 44100, 2)
    assert information["licence"] == "CC0" and information["settings"]["seed"] == 3
    assert sorted(p.name for p in (tmp_path / "set").iterdir() if p.suffix != ".npy") == ["dataset.json", "splits.json"]


def test_songs_are_divided_once_by_seed_or_by_name(folder, tmp_path):
    def validation(number, **options):
        made = prepare_songs(folder, tmp_path / f"set{number}", sample_rate=4410, **options)
        names = {split: {song.name for song in made.split(split)} for split in ("train", "validation")}
        assert not names["train"] & names["validation"] and len(names["train"] | names["validation"]) == 5
        return names["validation"]

    assert validation(0) == validation(1) and len(validation(2)) == 1
    assert len({frozenset(validation(number, seed=number)) for number in range(3, 8)}) > 1
    assert validation(13, validation=["ogg song", "album__one"]) == {"ogg song", "album__one"}
    assert len(validation(14, validation_share=0.4)) == 2 and validation(15, validation_share=0.0) == set()


def test_copies_of_one_file_are_never_on_both_sides(tmp_path):
    (tmp_path / "songs").mkdir()
    for number in range(4):
        for copy in "ab":
            soundfile.write(tmp_path / "songs" / f"{number}{copy}.wav", noise(0.1, 8000, 1, number), 8000)
    for seed in range(3):
        made = prepare_songs(tmp_path / "songs", tmp_path / f"set{seed}", sample_rate=8000, seed=seed)
        held_out = {song.name[0] for song in made.split("validation")}
        assert held_out and not held_out & {song.name[0] for song in made.split("train")}


def test_bad_folders_are_refused_in_one_sentence(folder, tmp_path):
    assert "no folder" in refused(tmp_path / "nothing", tmp_path / "set")
    (tmp_path / "empty").mkdir()
    assert "no audio" in refused(tmp_path / "empty", tmp_path / "set")
    assert "no song 'x'" in refused(folder, tmp_path / "set", validation=["x"])
    assert "share" in refused(folder, tmp_path / "set", validation_share=1.0)
    assert "exists already" in refused(folder, folder)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "broken.wav").write_bytes(b"RIFF and nothing more")
    assert "broken.wav" in refused(tmp_path / "broken", tmp_path / "set")
    soundfile.write(folder / "mp3 song.wav", noise(0.1, 8000), 8000)
    assert "same name" in refused(folder, tmp_path / "set")


def test_files_that_cannot_be_read_are_left_out_with_a_line_each(folder, tmp_path):
    whole = (folder / "wav song.wav").rename(tmp_path / "whole.wav")
    soundfile.write(folder / "wav song.flac", soundfile.read(whole)[0], 44100)
    content = (folder / "wav song.flac").read_bytes()
    (folder / "wav song.flac").write_bytes(content[: len(content) // 2])
    soundfile.write(folder / "number.wav", np.array([0.0, np.nan] * 8000, dtype=np.float32), 16000, subtype="FLOAT")
    (folder / "worse.mp3").write_bytes(b"")
    with pytest.warns(UserWarning) as said:
        made = prepare_songs(folder, tmp_path / "set", sample_rate=16000)
    lines = [str(one.message) for one in said]
    assert len(lines) == 3 and all(any(name in line for line in lines) for name in ("wav song.flac", "number.wav", "worse.mp3"))
    assert len(made.songs) == 4 and not {"wav song", "number", "worse"} & {song.name for song in made.songs}
    assert set(made.information["left_out"]) == {"wav song", "number", "worse"}


def finished_and_made(folder, tmp_path) -> list[str]:
    """Go on with an interrupted set and tell which songs had to be made for it."""
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / ".set-partial").glob("*.npy")}
    prepare_songs(folder, tmp_path / "set", sample_rate=16000)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "set").glob("*.npy")}
    return sorted(name for name in after if before.get(name) != after[name])


def test_a_killed_preparation_goes_on_and_gives_the_same_bytes(folder, tmp_path, monkeypatch):
    real, calls = module.write_raw, []

    def killed(path, blocks):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(path, blocks)

    monkeypatch.setattr(module, "write_raw", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_songs(folder, tmp_path / "set", sample_rate=16000)
    monkeypatch.undo()
    with open(tmp_path / ".set-partial" / "finished.jsonl", "a") as torn:
        torn.write('["ogg song", {"key"')
    assert finished_and_made(folder, tmp_path) == ["mp3 song.npy", "ogg song.npy", "wav song.npy"]
    prepare_songs(folder, tmp_path / "again", sample_rate=16000)
    for path in (tmp_path / "again").glob("*.npy"):
        assert path.read_bytes() == (tmp_path / "set" / path.name).read_bytes()
    assert not (tmp_path / ".set-partial").exists()


def test_sigkill_leaves_nothing_half_written_under_a_final_name(tmp_path):
    (tmp_path / "songs").mkdir()
    for number in range(3):
        soundfile.write(tmp_path / "songs" / f"{number}.wav", noise(10.0, 44100, 1, number), 44100)
    command = [
        sys.executable,
        "-m",
        "orchestrion",
        "data",
        "prepare",
        str(tmp_path / "songs"),
        "-o",
        str(tmp_path / "set"),
    ]
    process = subprocess.Popen(command)
    work = tmp_path / ".set-partial"
    while not list(work.glob("[0-9].npy")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "set").exists()
    for path in work.glob("[0-9].npy"):
        assert open_raw(path).n_samples == 160000
    subprocess.run(command, capture_output=True, check=True)
    assert len(SongSet.open(tmp_path / "set").songs) == 3


def test_a_changed_source_is_made_anew(folder, tmp_path, monkeypatch):
    def killed(work, information, splits):
        raise KeyboardInterrupt

    monkeypatch.setattr(Preparation, "complete", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_songs(folder, tmp_path / "set", sample_rate=16000)
    monkeypatch.undo()
    soundfile.write(folder / "album" / "one.wav", noise(0.3, 8000), 8000)
    assert finished_and_made(folder, tmp_path) == ["album__one.npy"]


def test_memory_stays_flat_however_long_the_song(tmp_path):
    peaks = []
    for seconds in (2, 120):
        source = tmp_path / f"{seconds}s"
        source.mkdir()
        block = noise(1.0, 44100, 2)
        with soundfile.SoundFile(source / "a.wav", "w", 44100, 2) as file:
            for _ in range(seconds):
                file.write(block)
        script = (
            "import sys; from orchestrion.datasets.recordings.songs import prepare_songs;"
            "s = prepare_songs(sys.argv[1], sys.argv[2], sample_rate=16000).songs[0]; s.samples(0, 16000);"
            "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
        )
        command = [sys.executable, "-c", script, str(source), str(tmp_path / f"set{seconds}")]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024)
    # Two minutes are 40 MiB as float32 in stereo, 20 in mono: no part of that is ever held.
    assert peaks[1] - peaks[0] < 8 and peaks[1] < 512


def damaged(made: SongSet, content: bytes) -> str:
    (made.path / "a.npy").write_bytes(content)
    with pytest.raises(OrchestrionError) as caught:
        SongSet.open(made.path)
    return str(caught.value)


def test_a_damaged_set_is_refused(tmp_path):
    (tmp_path / "songs").mkdir()
    soundfile.write(tmp_path / "songs" / "a.wav", noise(0.2, 16000), 16000)
    made = prepare_songs(tmp_path / "songs", tmp_path / "set", sample_rate=16000)
    content = (made.path / "a.npy").read_bytes()
    assert "damaged" in damaged(made, content[:-2])
    assert "16-bit samples" in damaged(made, content.replace(b"<i2", b"|O8"))
    assert "16-bit samples" in damaged(made, b"")
    assert "16-bit samples" in damaged(made, content.replace(b"(3200,)", b"(9" + b"9" * 20 + b",)")[:200])
    manifest = json.loads((made.path / "dataset.json").read_text())
    for name in ("../a", "", "a\0", "/a"):
        (made.path / "dataset.json").write_text(json.dumps(manifest | {"songs": {name: {}}}))
        with pytest.raises(OrchestrionError, match="no plain name"):
            SongSet.open(made.path)
    with pytest.raises(OrchestrionError, match="no prepared set"):
        SongSet.open(tmp_path / "songs")


def test_raw_audio_reads_back_and_is_an_ordinary_array(tmp_path):
    levels = np.arange(-32768, 32768, dtype=np.int16)
    written = write_raw(tmp_path / "x.npy", [levels[:100] / 32768, levels[100:] / 32768])
    assert written.n_samples == 65536 and written.sha256 == hashlib.sha256(levels.astype("<i2").tobytes()).hexdigest()
    assert open_raw(tmp_path / "x.npy").checksum() == written.sha256
    np.testing.assert_array_equal(open_raw(tmp_path / "x.npy").read(0, 65536) * 32768, levels)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), levels)
    write_raw(tmp_path / "y.npy", [np.array([1.0, -1.0])])
    assert list(open_raw(tmp_path / "y.npy").read(0, 2) * 32768) == [32767, -32768]


def test_the_command_prints_what_it_made(folder, tmp_path):
    arguments = ["data", "prepare", str(folder), "--rate", "8000", "-o", str(tmp_path / "set"), "--json"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0
    assert json.loads(result.output)["songs"] == {"train": 4, "validation": 1}
    again = CliRunner().invoke(cli, arguments)
    assert again.exit_code == 1 and "exists already" in again.output


DEMUCS = """#!{python}
import os, sys, pathlib, soundfile
assert os.environ["HF_HUB_OFFLINE"] == "1" and os.environ["https_proxy"]
arguments = sys.argv[1:]
source = pathlib.Path(arguments[-1])
model = arguments[arguments.index("-n") + 1]
out = pathlib.Path(arguments[arguments.index("-o") + 1], model, source.stem)
out.mkdir(parents=True)
samples, rate = soundfile.read(source)
six = ("guitar", "piano") if model == "htdemucs_6s" else ()
for gain, stem in enumerate(("drums", "bass", "vocals", "other", *six), start=1):
    soundfile.write(out / (stem + ".wav"), samples * gain / 8, rate)
"""


@pytest.fixture
def demucs(tmp_path, monkeypatch):
    """A program with Demucs' arguments and output folders (facebookresearch/demucs, separate.py), and its weights."""
    program = tmp_path / "bin" / "demucs"
    program.parent.mkdir()
    program.write_text(DEMUCS.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    weights = tmp_path / "torch" / "hub" / "checkpoints"
    weights.mkdir(parents=True)
    digest = hashlib.sha256(b"weights").hexdigest()[:8]
    (weights / f"955717e8-{digest}.th").write_bytes(b"weights")
    monkeypatch.setenv("PATH", str(program.parent) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    return weights / f"955717e8-{digest}.th"


def test_stems_come_from_demucs_where_it_is_installed(folder, tmp_path, demucs):
    for other in ("flac song.flac", "ogg song.ogg", "mp3 song.mp3", "album/one.wav"):
        (folder / other).unlink()
    made = prepare_songs(folder, tmp_path / "set", sample_rate=44100, stem="bass", validation_share=0.0)
    expected = Waveform.read(folder / "wav song.wav").samples * 2 / 8
    song = next(song for song in made.songs if song.name == "wav song")
    np.testing.assert_allclose(song.samples(), expected, atol=2 / 32768)
    assert made.sources["wav song"]["separator"] == f"htdemucs {demucs.stem[9:]}"
    assert not list(made.path.glob("stems-*"))


def test_guitar_and_piano_come_from_the_model_of_six_stems(folder, tmp_path, demucs):
    for other in ("flac song.flac", "ogg song.ogg", "mp3 song.mp3", "album/one.wav"):
        (folder / other).unlink()
    assert "no weights of htdemucs_6s" in refused(folder, tmp_path / "none", stem="piano")
    demucs.rename(demucs.with_name(demucs.name.replace("955717e8", "5c90dfd2")))
    made = prepare_songs(folder, tmp_path / "set", sample_rate=44100, stem="piano", validation_share=0.0)
    expected = Waveform.read(folder / "wav song.wav").samples * 6 / 8
    song = next(song for song in made.songs if song.name == "wav song")
    np.testing.assert_allclose(song.samples(), expected, atol=2 / 32768)
    assert made.sources["wav song"]["separator"] == f"htdemucs_6s {demucs.stem[9:]}"


def test_weights_may_lie_in_either_cache(tmp_path, demucs, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert Separator.find("drums").model == f"htdemucs {demucs.stem[9:]}"
    hub = tmp_path / "hf" / "hub" / "models--adefossez--HTDemucs" / "snapshots" / "0" / "955717e8.safetensors"
    hub.parent.mkdir(parents=True)
    hub.write_bytes(b"other weights")
    assert Separator.find("drums").model == "htdemucs " + hashlib.sha256(b"other weights").hexdigest()[:8]


def test_stems_are_never_downloaded_unasked(folder, tmp_path, demucs, monkeypatch):
    demucs.write_bytes(b"other weights")
    assert "damaged" in refused(folder, tmp_path / "set", stem="drums")
    demucs.unlink()
    assert "nothing is downloaded unasked" in refused(folder, tmp_path / "set", stem="drums")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert 'pip install "orchestrion[stems]"' in refused(folder, tmp_path / "set", stem="drums")
    assert "no stem" in refused(folder, tmp_path / "set", stem="strings")
