"""What commands print of measures and models is for people, not Python's own notation."""

from __future__ import annotations

import pytest

from orchestrion.cli.models import _size
from orchestrion.cli.streams import echo_measures
from tests.invoking import run


def test_measures_are_printed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    echo_measures({"loss": 0.25, "keeps_level": True, "moves_on": False, "trained": {"steps": 196, "share": 0.5}, "rows": [1]}, False)
    assert capsys.readouterr().out.splitlines() == [
        "loss           0.2500", "keeps_level    yes", "moves_on       no", "trained_steps  196", "trained_share  0.5000"
    ]  # fmt: skip


def test_sizes() -> None:
    assert [_size(megabytes) for megabytes in (2.04, 0.1, 0.0384)] == ["2.0 MB", "0.1 MB", "38 kB"]


def test_what_the_list_of_models_says_of_generators() -> None:
    said = run("models", "list").stdout
    assert "0.0 MB" not in said
    assert "generate wavenet-unconditioned --model NAME" in said
    assert "plays scores" not in next(line for line in said.splitlines() if line.startswith("  violin-unconditioned"))
