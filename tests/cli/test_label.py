"""`orchestrion data label` as it is typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from orchestrion.cli.label import METHODS
from orchestrion.labelling.methods import METHODS as KNOWN
from tests.invoking import run
from tests.labelling.sounds import line, played


@pytest.fixture
def take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    played(line([60, 64, 67])).write(tmp_path / "take.wav")
    return tmp_path / "take.wav"


def test_methods_on_the_command_line_are_those_of_the_library() -> None:
    assert METHODS == tuple(KNOWN)


def test_label_then_check(take: Path) -> None:
    made = json.loads(run("data", "label", take, "--method", "pyin", "-o", "set", "--json").stdout)
    assert [(row["name"], row["notes"], row["reused"]) for row in made] == [("take", 3, False)]
    said = run("data", "label", take, "--method", "pyin", "-o", "set").stdout
    assert "take  3 notes" in said and "was there" in said and ", C4 to G4" in said
    assert said.splitlines()[-1].endswith("then: orchestrion learn set -o mine.safetensors")
    assert json.loads(run("data", "check", "set", "--json").stdout)["notes"] == 3


def test_melodia_says_its_licence_and_how_to_get_it(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "essentia", None)
    said = run("data", "label", take, "--method", "melodia", "-o", "set", status=1).stderr
    assert "AGPL 3.0" in said.splitlines()[0]
    assert said.splitlines()[1].startswith("Error: ") and "orchestrion[melodia]" in said


def test_wrong_usage(take: Path) -> None:
    assert "pyin" in run("data", "label", take, "--method", "ear", "-o", "set", status=2).stderr
    said = run("data", "label", "none.wav", "--method", "pyin", "-o", "set", status=1).stderr
    assert said.count("\n") == 1 and "none.wav" in said and not Path("set").exists()
