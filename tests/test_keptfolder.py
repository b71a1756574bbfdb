"""Folders of what is kept between runs, where the cache cannot be written, and where nothing can."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import pytest

from orchestrion import keptfolder
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.opening import open_bank
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
