"""What of a score cannot be followed is told once, and is an error where that is asked for."""

import warnings

import pytest

from orchestrion.errors import IgnoredWarning, OrchestrionError
from orchestrion.score import Score

TUNE = "X:1\nM:4/4\nL:1/4\nK:C\nC @ D ? E ; F |]\n"


def test_one_warning_a_file_and_none_where_all_is_followed(tmp_path):
    (tmp_path / "odd.abc").write_text(TUNE + "\nX:2\nK:C\nG|]\n")
    with pytest.warns(IgnoredWarning) as told:
        Score.read(tmp_path / "odd.abc")
    assert len(told) == 1
    message = str(told[0].message)
    assert (
        message.startswith("ignored: ")
        and "odd.abc: all tunes of the file but the first" in message
        and "; char" in message
    )
    (tmp_path / "plain.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nC D E F |]\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Score.read(tmp_path / "plain.abc", strict=True)


def test_strict_makes_it_an_error(tmp_path):
    (tmp_path / "odd.abc").write_text(TUNE)
    with pytest.raises(OrchestrionError, match="mean nothing in ABC .* cannot be followed"):
        Score.read(tmp_path / "odd.abc", strict=True)
