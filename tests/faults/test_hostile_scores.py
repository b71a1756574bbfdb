"""Fault: a score of a few bytes that keeps its reader busy for minutes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.invoking import invoke

MOST_S = 5.0


@pytest.mark.parametrize("music", ["A9999", "A9999 " * 2000, "|:" * 5000 + "A" + ":|" * 5000, "(9" * 3000 + "A", "[V:1]" * 20_000 + "A"])
def test_a_short_abc_tune_takes_no_minutes(music: str, tmp_path: Path) -> None:
    """`A9999` in one bar hung for more than 15 s."""
    (tmp_path / "tune.abc").write_text(f"X:1\nT:A tune\nM:4/4\nL:1/8\nK:C\n{music}|\n")
    began = time.process_time()
    result = invoke("info", tmp_path / "tune.abc")
    assert time.process_time() - began < MOST_S
    assert result.exit_code == 0 or (result.exit_code == 1 and result.stderr.count("\n") == 1 and result.stderr.startswith("Error: ")), result.output
