"""What ships, from the weights' headers and cards: a page for each card."""

from __future__ import annotations

import re

from commands import fill
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from orchestrion import header, shipped

FOLDER, PLACE = "reference/models", "MODELS"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the cards, and put them where the navigation says `PLACE`."""
    names = shipped.names()
    rows = [f"| [`{name}`]({name}.md) | {licence(name)} |" for name in names]
    content = "\n".join(["# Models", "", "What ships in the package, by its cards (`orchestrion models card NAME`).", "",
                         "| model | licence of the weights |", "| --- | --- |", *rows, ""])  # fmt: skip
    files.append(File.generated(config, f"{FOLDER}/index.md", content=content))
    for name in names:
        files.append(File.generated(config, f"{FOLDER}/{name}.md", content=card(name)))
    fill(config.nav, PLACE, [f"{FOLDER}/index.md", *({name: f"{FOLDER}/{name}.md"} for name in names)])
    return files


def licence(name: str) -> str:
    """Of the weights."""
    return str(header.read(shipped.FOLDER / f"{name}.safetensors").get("licence", ""))


def card(name: str) -> str:
    """A card as Markdown whose links hold on the site."""
    text = (shipped.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return re.sub(r"\]\((?:\.\./)+docs/", "](../../", text)

