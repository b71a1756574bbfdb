"""Every command that a page or a help text prints can be given as it stands: its words, options and values parse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from orchestrion.cli.app import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "orchestrion" / "models").glob("*.md"))]
ENDS = {"|", "&&", "||", "&", "<", ">"}
INDENTED = re.compile(r"^    (?:\$ )?(?:\.venv/bin/)?orchestrion (.*)", re.MULTILINE)
FENCED = re.compile(r"^```(?:bash|sh|console|)\n(.*?)^```", re.MULTILINE | re.DOTALL)
WITHIN = re.compile(r"^(?:srun )?orchestrion (.*)", re.MULTILINE)
INLINE = re.compile(r"`orchestrion ([^`]*)`")
PLACEHOLDERS = {"COMMAND": "compose", "BACKEND": "tcn", "METHOD": "pyin", "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT": "3/64"}


def printed() -> Iterator[tuple[str, str, bool]]:
    """Where, what follows ``orchestrion``, and whether it is a whole command and not spoken of in a sentence."""
    for page in PAGES:
        name, text = page.relative_to(ROOT).as_posix(), page.read_text(encoding="utf-8").replace("\\\n", " ")
        yield from ((name, command, True) for command in INDENTED.findall(text))
        yield from ((name, command, True) for block in FENCED.findall(text) for command in WITHIN.findall(block))
        yield from ((name, command, False) for command in INLINE.findall(text))
    yield from _of_help(cli, "orchestrion")


def _of_help(command: click.Command, path: str) -> Iterator[tuple[str, str, bool]]:
    for line in (command.help or "").splitlines():
        if line.strip().startswith("orchestrion "):
            yield f"{path} --help", line.strip().removeprefix("orchestrion "), True
    for name, below in getattr(command, "commands", {}).items():
        yield from _of_help(below, f"{path} {name}")


FOUND = sorted(set(printed()))


def words_of(command: str) -> list[str]:
    """The words up to a comment, a pipe or the next command; placeholders filled in."""
    words: list[str] = []
    for word in shlex.split(re.sub(r"\[.*?\]", "", command), comments=True):
        if word in ENDS:
            break
        if word not in ("--help", "…", "..."):
            words.append(PLACEHOLDERS.get(word, word))
    return words


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    if isinstance(command, click.Group):
        words = [word for word in words if word not in ("-v", "--version")]
        if words:  # else the group is spoken of
            context = command.make_context(command.name, list(words), parent=parent)
            _, below, rest = command.resolve_command(context, words)
            assert below is not None
            parse(below, rest, context)
        return
    command.make_context(command.name, list(words), parent=parent)


def test_there_are_commands_on_the_pages() -> None:
    assert len(FOUND) > 300 and len({page for page, _, _ in FOUND}) > 100


@pytest.mark.parametrize(("page", "command", "whole"), FOUND)
@pytest.mark.filterwarnings("ignore:--threads")
def test_it_can_be_given_as_it_stands(page: str, command: str, whole: bool) -> None:
    try:
        parse(cli, words_of(command))
    except click.MissingParameter:
        assert not whole or command.endswith("--help")


def test_what_is_wrong_is_noticed() -> None:
    for wrong in ("compos -o a.mid", "compose -o a.mid --bar 8", "render ode-to-joy", "data label a.wav --method yin -o x"):
        with pytest.raises(click.UsageError):
            parse(cli, words_of(wrong))
