"""Folders of what is kept between runs, where the cache cannot be written, and where nothing can."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from orchestrion import keptfolder
from orchestrion.audio import Waveform
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.datasets.recordings.audiocache import decoded
from orchestrion.errors import OrchestrionError
from orchestrion.keptfolder import kept_folder
from tests.datasets.banks.notes import RATE, plucked, write_bank


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files; the cache is a file, in which no one can make a folder, not even root."""
    (tmp_path / "cache").write_text("")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(keptfolder, "_told", [])
    return tmp_path / "temporary"


def test_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "a" / "b"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept_folder("audio") == tmp_path / "a" / "b" / "audio" and kept_folder("audio").is_dir()


def old(entry: Path) -> Path:
    """``entry``, last used a hundred days ago."""
    long_ago = time.time() - 100 * 86400
    os.utime(entry, (long_ago, long_ago))
    return entry


@pytest.fixture
def audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one old file, one old folder and one old lock; this process does not hold it yet."""
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path))
    (tmp_path / "audio" / "folder").mkdir(parents=True)
    for entry in ("folder/a.npy", "file.i16", ".file.lock", "recent.i16"):
        (tmp_path / "audio" / entry).touch()
    for entry in ("folder", "file.i16", ".file.lock"):
        old(tmp_path / "audio" / entry)
    return tmp_path / "audio"


def test_what_was_not_used_for_months_goes(audio: Path) -> None:
    """Fits under keys of older versions were kept for ever."""
    kept_folder("audio")
    assert sorted(path.name for path in audio.iterdir()) == [".lock", "recent.i16"]


def test_nothing_goes_while_another_process_holds_the_folder(audio: Path) -> None:
    holding = "import sys; from orchestrion.keptfolder import kept_folder; kept_folder('audio'); print('held', flush=True); sys.stdin.read()"
    (audio / ".lock").touch()
    there = sorted(audio.iterdir())
    with (audio / ".lock").open() as shared:
        fcntl.flock(shared, fcntl.LOCK_SH)
        with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdout.readline() == b"held\n"
            fcntl.flock(shared, fcntl.LOCK_UN)
            kept_folder("audio")
            assert sorted(audio.iterdir()) == there
            other.communicate()


def test_what_is_found_there_is_told_to_be_in_use(tmp_path: Path) -> None:
    bank = open_bank(write_bank(tmp_path / "harp", [60, 64], make=lambda pitch: plucked(pitch, 0.4)), RATE)
    fitted(bank, cache_dir=tmp_path / "fits", threads=1)
    Waveform(np.full(800, 0.1), 8000).write(tmp_path / "a.wav")
    decoded(tmp_path / "a.wav", 8000, tmp_path / "audio")
    kept = [old(path) for path in (*(tmp_path / "fits").iterdir(), *(tmp_path / "audio").iterdir())]
    assert len(kept) > 2
    fitted(bank, cache_dir=tmp_path / "fits", threads=1)
    decoded(tmp_path / "a.wav", 8000, tmp_path / "audio")
    assert all(path.stat().st_mtime > time.time() - 3600 for path in kept)


def test_else_among_the_temporary_files_and_told_once(temporary: Path) -> None:
    own = temporary / f"orchestrion-{os.geteuid()}"
    with pytest.warns(UserWarning, match="goes to") as said:
        assert kept_folder("audio") == own / "audio" and kept_folder("fits") == own / "fits"
    assert len(said) == 1 and str(own) in str(said[0].message) and "cache" in str(said[0].message)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (own, own / "audio", own / "fits"))


def test_near_the_output_nothing_is_kept(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the only folder that can be written is that of the output (`temporary.provide`)."""
    monkeypatch.setattr(keptfolder, "provided", [str(temporary)])
    with pytest.warns(UserWarning, match="made anew in each"):
        kept_folder("audio")


def test_a_folder_that_others_can_write_is_not_taken(temporary: Path) -> None:
    own = temporary / f"orchestrion-{os.geteuid()}"
    own.mkdir()
    own.chmod(0o777)
    with pytest.raises(OrchestrionError, match="can be written by others.*set ORCHESTRION_CACHE"):
        kept_folder("audio")


def test_nowhere_at_all(temporary: Path) -> None:
    temporary.rmdir()
    temporary.write_text("")
    with pytest.raises(OrchestrionError, match="set ORCHESTRION_CACHE") as error:
        kept_folder("audio")
    assert "\n" not in str(error.value)


def test_fits_that_cannot_be_kept_cost_one_line(temporary: Path, tmp_path: Path) -> None:
    temporary.rmdir()
    temporary.write_text("")
    bank = open_bank(write_bank(tmp_path / "harp", [60], make=lambda pitch: plucked(pitch, 0.25)), RATE)
    with pytest.warns(UserWarning, match="The notes of harp will be fitted anew next time") as said:
        made = fitted(bank, threads=1)
    assert len(said) == 1 and len(made.fits) == 1
    with pytest.warns(UserWarning, match="fitted anew next time"):
        fitted(bank, threads=1, cache_dir=tmp_path / "cache")
