"""Players for the clips of ``docs/audio``, in place of a line that is only a link to one: what it is, and the commands that made it.

A forge, which shows the same page, shows the link.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

CLIP = re.compile(r"^\[[^\]\n]+\]\((?:\.\./)*audio/([a-z0-9-]+)\.opus\)$", re.MULTILINE)
# Of the papers' experiments: beside the page, whose command made it.
BESIDE = re.compile(r"^\[([^\]\n]+)\]\(([a-z0-9-]+/[a-z0-9-]+\.opus)\)$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace each link to a clip that has a line to itself by its player."""
    manifest = json.loads((Path(config.docs_dir) / "audio" / "clips.json").read_text(encoding="utf-8"))

    def player(found: re.Match[str]) -> str:
        name = found[1]
        if name not in manifest:
            raise PluginError(f"{page.file.src_uri} plays {name!r}, which docs/audio/clips.json does not have.")
        source = get_relative_url(f"audio/{name}.opus", page.url)
        title = html.escape(manifest[name]["title"]).replace("`make demo`", "<code>make demo</code>")
        commands = html.escape("\n".join(manifest[name]["commands"]))
        return (
            f'<figure class="clip"><figcaption>{title}</figcaption>'
            f'<audio controls preload="none" src="{source}" aria-label="{title}"></audio>'
            f"<details><summary>how it was made</summary><pre><code>{commands}</code></pre></details></figure>"
        )

    def beside(found: re.Match[str]) -> str:
        title, source = html.escape(found[1]), found[2]
        return (
            f'<figure class="clip"><figcaption>{title}</figcaption>'
            f'<audio controls preload="none" src="{source}" aria-label="{title}"></audio></figure>'
        )

    markdown = BESIDE.sub(beside, markdown) if page.file.src_uri.startswith("papers/") else markdown
    return CLIP.sub(player, markdown)
