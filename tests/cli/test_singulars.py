"""One note is a note, in what commands say."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.score import Meter, Note, Part, Score


def test_info_of_a_score_with_one_note(tmp_path: Path) -> None:
    one, two = tmp_path / "one.mid", tmp_path / "two.mid"
    Score((Part("solo", 40, (Note(0, 1, 69, 80),)),)).write(one)
    Score((Part("solo", 40, (Note(0, 1, 69, 80), Note(1, 2, 71, 80))),)).write(two)
    said = CliRunner().invoke(cli, ["info", str(one)], catch_exceptions=False).output
    assert said.count("1 note") == 2 and "1 notes" not in said
    assert CliRunner().invoke(cli, ["info", str(two)], catch_exceptions=False).output.count("2 notes") == 2


def test_compose_says_what_it_wrote(tmp_path: Path) -> None:
    out = tmp_path / "short.mid"
    said = CliRunner().invoke(cli, ["compose", "--seconds", "0.1", "--seed", "1", "-o", str(out)], catch_exceptions=False).output
    assert "  1 note, " in said


def test_info_of_a_pickup_of_one_quarter(tmp_path: Path) -> None:
    path = tmp_path / "pickup.mid"
    Score((Part("solo", 40, (Note(0, 1, 69, 80),)),), meters=(Meter(0, 1, 4), Meter(0.5, 4, 4))).write(path)
    assert "pickup of 1 quarter;" in CliRunner().invoke(cli, ["info", str(path)], catch_exceptions=False).output
