"""Help is what a newcomer meets first: fast, complete, and with an example that parses."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.cli.options import TUNES
from orchestrion.score import BUILTIN_TUNES


def all_commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from all_commands(command, (*path, name))


COMMANDS = list(all_commands())


def examples(command: click.Command) -> list[str]:
    lines = command.get_help(click.Context(command)).splitlines()
    return [line.strip() for line in lines if line.strip().startswith("orchestrion ")]


def test_the_expected_commands_are_there() -> None:
    expected = {"compose", "render", "play", "live", "perform", "transcribe", "generate", "info", "compare", "compare-all", "paper", "learn", "train", "evaluate", "data", "listen", "models", "bench", "studio"}
    assert set(cli.commands) == expected


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_help_has_an_example_and_explains_every_option(path: tuple[str, ...], command: click.Command) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    assert examples(command)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.name} has no help"


@pytest.mark.parametrize(("path", "command"), [((), cli), *COMMANDS], ids=["orchestrion", *(" ".join(path) for path, _ in COMMANDS)])
def test_no_help_shows_what_is_for_a_computer(path: tuple[str, ...], command: click.Command) -> None:
    """An empty tuple as a default, the largest number of 64 bits, a list of commands whose sentences are cut off."""
    said = CliRunner().invoke(cli, [*path, "--help"]).output
    assert "()" not in said and "default: (" not in said and str(2**63 - 1) not in said
    assert not [line for line in said.partition("\nCommands:")[2].splitlines() if line.endswith("...")]


def test_help_speaks_of_no_option_or_argument_that_the_command_lacks() -> None:
    for name in ("compare", "generate"):
        assert "--pan" not in CliRunner().invoke(cli, [name, "--help"]).output
    assert "-o -" not in CliRunner().invoke(cli, ["perform", "--help"]).output and "ensemble" not in CliRunner().invoke(cli, ["perform", "--help"]).output
    assert "learn [OPTIONS] DATA" in CliRunner().invoke(cli, ["learn", "--help"]).output


def test_the_clips_of_the_listening_tests_example_are_those_that_compare_all_makes() -> None:
    """They were called after compare, which makes none."""
    made = [example.split()[-1] for example in examples(cli.commands["compare-all"])]
    listen = cli.commands["listen"]
    assert isinstance(listen, click.Group)
    for command in (listen, listen.commands["build"]):
        assert f"orchestrion listen build {made[0]}/clips -o page" in examples(command)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_example_parses(path: tuple[str, ...], command: click.Command) -> None:
    for example in examples(command):
        words = shlex.split(example.split(" | ")[0])[1:]
        node: click.Command = cli
        while isinstance(node, click.Group) and words:
            node = node.commands[words.pop(0)]
        if not isinstance(node, click.Group):
            node.make_context(path[-1], words)


def processor_seconds(*arguments: str) -> float:
    """Of a child process; the clock on the wall would tell how busy the machine is."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_does_not_wait_for_heavy_libraries() -> None:
    """Torch alone takes twenty times as long to import as click does."""
    turns = [(processor_seconds("-m", "orchestrion", "--help"), processor_seconds("-c", "import click")) for _ in range(3)]
    help_s, click_s = map(min, zip(*turns, strict=True))
    assert help_s < 6 * click_s, f"{help_s:.2f} s against {click_s:.2f} s"


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; from orchestrion.cli.app import cli\ntry: cli(['--help'])\nfinally: print('loaded', *sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stdout.rpartition("loaded")[2].split()
    heavy = {"torch", "numpy", "scipy", "numba", "music21", "pretty_midi", "mido", "soundfile", "matplotlib", "jinja2", "lightning"}
    assert "orchestrion.cli.app" in loaded and not heavy & set(loaded)


def test_no_commands_help_loads_what_computes() -> None:
    """`train wavenet-unconditioned --help` took .7 s, most of it the compiler's."""
    code = """
import sys
from click.testing import CliRunner
from orchestrion.cli.app import cli
def ask(command, path):
    assert CliRunner().invoke(cli, [*path, "--help"]).exit_code == 0, path
    for name, subcommand in getattr(command, "commands", {}).items():
        ask(subcommand, [*path, name])
ask(cli, [])
print("loaded", *sys.modules)
"""
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.rpartition("loaded")[2].split()
    heavy = {"torch", "scipy", "numba", "llvmlite", "music21", "pretty_midi", "mido", "soundfile", "matplotlib", "jinja2", "lightning"}
    assert "orchestrion.cli.app" in loaded and not heavy & set(loaded)


def test_shell_completion_offers_commands_tunes_and_options() -> None:
    def complete(words: str) -> str:
        environment = os.environ | {
            "_ORCHESTRION_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        script = "from orchestrion.cli import main; main()"
        process = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
        return process.stdout

    assert "render" in complete("orchestrion re")
    assert "greensleeves" in complete("orchestrion render gr")
    assert "--transpose" in complete("orchestrion render --tr")


def test_the_tunes_that_completion_knows_are_the_built_in_ones() -> None:
    assert set(TUNES) == set(BUILTIN_TUNES)


def test_version() -> None:
    from orchestrion.version import VERSION

    assert VERSION in CliRunner().invoke(cli, ["--version"]).output


@pytest.mark.parametrize("arguments", [["nothing"], ["render"], ["render", "x", "--seed", "-1", "-o", "a.wav"]])
def test_wrong_usage_has_status_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, arguments).exit_code == 2
