"""Standard streams that are closed, and names that would command the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.files import atomic_write
from orchestrion.terminal import escaped
from tests.faults.command import orchestrion


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&- <&-"])
def test_work_is_done_where_standard_streams_are_closed(closed: str, tiny_composer: Path, tmp_path: Path) -> None:
    """Closed standard error gave silence with status 1, closed standard output a traceback. The work must be done."""
    ended = orchestrion("compose", "--model", tiny_composer, "--bars", 1, "-o", "a.mid", shell=closed, cwd=tmp_path)
    assert ended.status == 0 and "Traceback" not in ended.err, ended
    assert {path.name for path in tmp_path.iterdir()} == {"a.mid", "a.mid.json"}
    assert (tmp_path / "a.mid").read_bytes()[:4] == b"MThd"


def test_audio_for_a_closed_standard_output_is_refused() -> None:
    """Nobody could hear it."""
    orchestrion("render", "ode-to-joy", "-o", "-", shell=">&-").refused("Standard output is closed")


def test_control_characters_never_reach_the_terminal(tmp_path: Path, tiny_composer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ESC in a file's name moved the cursor and changed colours. It must be shown, in results, errors and wrong usage."""
    monkeypatch.chdir(tmp_path)
    evil = "a\x1b[31m\x9b2J\u202eb"
    lines = [
        ("compose", "--model", str(tiny_composer), "--bars", "1", "-o", f"{evil}.mid"),
        ("render", f"{evil}.mid", "-i", evil, "-o", "out.wav"),
        ("render", f"{evil}.none", "-o", "out.wav"),
        ("compose", f"--{evil}"),
        (evil,),
        ("data", "check", evil),
        ("models", "info", evil),
    ]
    for arguments in lines:
        result = CliRunner().invoke(cli, arguments)
        assert (result.exit_code == 0) == (arguments[0] == "compose" and "-o" in arguments), result.output
        assert not set(result.output) & set("\x1b\x9b\u202e"), (arguments, result.output)
        assert "31m" in result.output


def test_what_is_escaped_stays_json_and_text() -> None:
    """Only controls: tabs, line feeds and every script stay as they are."""
    assert escaped("Für Elise\t🎻\n日本") == "Für Elise\t🎻\n日本"
    assert escaped("\x1b\x7f\x85") == "\\u001b\\u007f\\u0085"


def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of 255 bytes failed only when the settings file beside it was written, after minutes of work."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("orchestrion.composer.compose.compose", lambda *_: pytest.fail("no work must be done"))
    for name in ("x" * 251 + ".mid", "é" * 125 + ".mid", "x" * 300 + ".mid"):
        result = CliRunner().invoke(cli, ["compose", "-o", name])
        assert result.exit_code == 1 and "255 are the most" in result.stderr, result.output
    monkeypatch.setattr("orchestrion.playing.render_to_file", lambda *_, **__: pytest.fail("no work must be done"))
    result = CliRunner().invoke(cli, ["render", "ode-to-joy", "--resume", "-o", "x" * 240 + ".wav"])
    assert result.exit_code == 1 and "255 are the most" in result.stderr


def test_the_temporary_name_of_a_long_one_fits(tmp_path: Path) -> None:
    """Letters of four bytes each: the temporary file's name is cut by bytes."""
    target = tmp_path / f"{'🎻' * 60}.mid"
    with atomic_write(target) as temporary:
        temporary.write_text("whole")
    assert target.read_text() == "whole"
