"""Reference pages of the commands: what ``--help`` says, asked of the commands themselves when the site is built."""

from __future__ import annotations

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from orchestrion.cli.app import cli

FOLDER, PLACE = "reference/commands", "COMMANDS"
INTRODUCTION = """# Commands

Each has `--help`, which is what these pages show. All that draw random numbers take `--seed`: same seed, same bytes. `OUT.wav.json`
beside `OUT.wav` keeps the settings, the version and the weights' checksum. Progress and warnings go to standard error.

| command | what it does |
| --- | --- |
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each command, and put them where the navigation says `PLACE`."""
    names = sorted(cli.commands)
    rows = [f"| [`{name}`]({name}.md) | {cli.commands[name].get_short_help_str(200)} |" for name in names]
    files.append(File.generated(config, f"{FOLDER}/index.md", content=INTRODUCTION + "\n".join(rows) + "\n"))
    for name in names:
        content = "\n".join(sections(cli.commands[name], f"orchestrion {name}", 1))
        files.append(File.generated(config, f"{FOLDER}/{name}.md", content=content))
    fill(config.nav, PLACE, [f"{FOLDER}/index.md", *({name: f"{FOLDER}/{name}.md"} for name in names)])
    return files


def sections(command: click.Command, path: str, level: int) -> list[str]:
    """A section of Markdown for a command, and one for each command below it."""
    context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
    lines = [f"{'#' * level} {path}", "", "```text", command.get_help(context).rstrip(), "```", ""]
    for name, below in sorted(getattr(command, "commands", {}).items()):
        lines += sections(below, f"{path} {name}", level + 1)
    return lines


def fill(nav: object, place: str, pages: list[object]) -> None:
    """Put ``pages`` where ``nav`` has the word ``place``."""
    if isinstance(nav, list):
        for entry in nav:
            fill(entry, place, pages)
    elif isinstance(nav, dict):
        for title, below in nav.items():
            if below == place:
                nav[title] = pages
            fill(below, place, pages)
