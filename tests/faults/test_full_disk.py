"""Disks, quotas and file sizes that end while something is written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrion import files, weights
from orchestrion.audio import Waveform
from orchestrion.audio.audiofiles import write_blocks
from orchestrion.datasets.recordings.songs import prepare_songs
from orchestrion.errors import OrchestrionError
from orchestrion.files import refusal, why_unwritable, writing
from orchestrion.options import Playing
from orchestrion.playing import render_to_file
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.resuming import discard
from orchestrion.score import Score
from orchestrion.training.loop import CHECKPOINT, fit
from tests.faults.command import orchestrion
from tests.invoking import files_of_at_most
from tests.training.test_loop import SETTINGS, Line

RATE = 16_000


def noise(n: int = 60_000) -> Waveform:
    return Waveform(np.random.default_rng(0).uniform(-0.2, 0.2, n), RATE)


@pytest.mark.parametrize(("code", "what"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "your quota is used up")])
def test_a_full_disk_is_named(code: int, what: str, tmp_path: Path) -> None:
    """WAV and FLAC said "(System error)". The sentence must say that the disk is full, which one, and what is free."""
    sentence = str(refusal(tmp_path / "new" / "out.wav", OSError(code, "No space left on device")))
    disk = tmp_path
    while not disk.is_mount():
        disk = disk.parent
    assert what in sentence and f"({disk}," in sentence and "MB free" in sentence and str(tmp_path / "new" / "out.wav") in sentence


def test_the_systems_own_reason_is_found_where_a_library_hides_it(tmp_path: Path) -> None:
    """libsndfile and safetensors only say that something failed."""
    reason = why_unwritable(Path("/dev/full"))
    assert reason is not None and reason.errno == errno.ENOSPC
    (tmp_path / "fine").touch()
    assert why_unwritable(tmp_path / "fine") is None


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_audio_that_does_not_fit_is_never_half_there(suffix: str, tmp_path: Path) -> None:
    """libsndfile lost the end of FLAC and OGG on a full disk, and the command ended with status 0.

    Wherever the disk ends, to the last byte, a sentence must say so and what stood there before must stay.
    """
    target = tmp_path / f"out{suffix}"
    noise().write(target)
    size = target.stat().st_size
    target.write_text("before")
    for n_bytes in (0, 100, size // 2, size - 3000, size - 100, size - 1):
        with files_of_at_most(n_bytes), pytest.raises(OrchestrionError, match="larger than files may be"):
            noise().write(target)
        assert target.read_text() == "before" and list(tmp_path.iterdir()) == [target]
    with files_of_at_most(size):
        noise().write(target)
    assert len(Waveform.read(target).samples) == len(noise().samples)


def test_a_wav_that_cannot_fit_is_refused_before_it_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of playing ended at a full disk that could have been foreseen."""
    monkeypatch.setattr(files.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10_000_000})())

    def blocks() -> Iterator[np.ndarray]:
        pytest.fail("nothing must be played")
        yield np.zeros(1)

    with pytest.raises(OrchestrionError, match=r"needs 20\.0 MB, but its disk \(/.*has 10\.0 MB free"):
        write_blocks(tmp_path / "out.wav", blocks(), RATE, n_samples=10_000_000)
    assert not list(tmp_path.iterdir())


def test_weights_that_do_not_fit_are_one_sentence(tmp_path: Path) -> None:
    """safetensors' own error was a traceback. The weights that were there must stay."""
    target = tmp_path / "model.safetensors"
    weights.save(target, {"w": torch.zeros(10)}, {"architecture": "line"})
    with files_of_at_most(4000), pytest.raises(OrchestrionError, match="model.safetensors: it would become larger"):
        weights.save(target, {"w": torch.zeros(10_000)}, {"architecture": "line"})
    assert len(weights.load(target)[0]["w"]) == 10 and list(tmp_path.iterdir()) == [target]


def test_a_training_says_which_checkpoint_is_kept(tmp_path: Path) -> None:
    """A full disk at a checkpoint was a traceback. It must be a sentence, and the last checkpoint must stay."""
    fit(Line(), tmp_path, SETTINGS)
    before = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / "metrics.jsonl").write_text(" " * 5000)
    with files_of_at_most(800), pytest.raises(OrchestrionError, match="Cannot write") as full:
        fit(Line(), tmp_path, SETTINGS.__class__(**{**vars(SETTINGS), "steps": 70}), resume=True)
    assert full.value.__notes__ == [
        f"The checkpoint {tmp_path / CHECKPOINT} is kept; the same command with --resume goes on from it."
    ]
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_an_interrupted_rendering_is_kept_where_the_disk_is_full(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the journal of --resume was a traceback. What was played must be kept, and be said to be."""
    from orchestrion import playing

    original = playing.resumable
    monkeypatch.setattr(playing, "resumable", lambda *given, **more: original(*given, save_every_s=0.0, **more))
    score, player, target = Score.read("ode-to-joy").crop(0, 3), Instrument.load(tiny), tmp_path / "out.wav"
    options = Playing(parallel=False, seed=3)
    render_to_file(score, player, target, options, resume=True)
    whole = target.read_bytes()
    target.unlink()
    with files_of_at_most(100_000), pytest.raises(OrchestrionError, match="Cannot write .*out.wav") as full:
        render_to_file(score, player, target, options, resume=True)
    assert full.value.__notes__ == ["What was played so far is kept; the same command goes on from there."]
    assert not target.exists()
    render_to_file(score, player, target, options, resume=True)
    assert target.read_bytes() == whole
    discard(target)


def test_a_set_in_the_making_keeps_its_finished_pieces(tmp_path: Path) -> None:
    """The sentence did not say what is kept. The same command must go on from there."""
    songs = tmp_path / "songs"
    songs.mkdir()
    noise(20_000).write(songs / "a.wav")
    noise(200_000).write(songs / "b.wav")
    with files_of_at_most(100_000), pytest.raises(OrchestrionError, match=r"Cannot write .*b\.npy") as full:
        prepare_songs(songs, tmp_path / "set", sample_rate=RATE)
    assert full.value.__notes__ == ["1 finished piece kept; the same command goes on from there."]
    assert not (tmp_path / "set").exists()
    made = [path for path in tmp_path.rglob("a.npy")]
    written_ns = made[0].stat().st_mtime_ns
    prepare_songs(songs, tmp_path / "set", sample_rate=RATE)
    assert (tmp_path / "set" / "a.npy").stat().st_mtime_ns == written_ns


def test_an_error_of_another_file_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    """What is read while something is written keeps its own name in the sentence."""
    with pytest.raises(FileNotFoundError), writing(tmp_path / "out.wav"):
        (tmp_path / "missing.flac").read_bytes()
    with pytest.raises(OrchestrionError, match=r"out\.wav"), writing(tmp_path / "out.wav"):
        raise OSError(errno.EIO, "Input/output error")


def test_a_full_standard_output_is_named() -> None:
    """A device that is full: one sentence, and nothing more from Python when it ends."""
    for command in (("models", "list"), ("--help",)):
        ended = orchestrion(*command, shell=">/dev/full")
        ended.refused("Cannot write to standard output: No space left on device")
        assert len(ended.err.splitlines()) == 1
