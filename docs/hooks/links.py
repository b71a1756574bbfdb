"""What a finished site must be: every link leads somewhere, and no page fetches anything from elsewhere.

MkDocs checks the links between pages; this checks what the browser sees: players, pictures, anchors and raw HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

# What a browser loads by itself, by tag; a link that a reader follows may lead elsewhere.
LOADED = {"script": "src", "img": "src", "audio": "src", "video": "src", "source": "src", "iframe": "src", "link": "href"}
NOT_FETCHED = {"canonical", "next", "prev", "alternate"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.targets.append((given["href"], False))
        loaded = LOADED.get(tag, "")
        if loaded in given and not (tag == "link" and given.get("rel") in NOT_FETCHED):
            self.targets.append((given[loaded], True))


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site in which something is missing or fetched."""
    found = list(faults(Path(config.site_dir)))
    if found:
        raise PluginError("\n".join(["The site is not whole:", *found]))


def faults(site: Path) -> Iterator[str]:
    """A line for each link that leads nowhere, and for each thing that a page would fetch from another host."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        for target, is_loaded in page.targets:
            parts = urlsplit(target)
            if parts.scheme == "data" or (not is_loaded and parts.scheme in ("http", "https", "mailto")):
                continue
            if parts.scheme or parts.netloc:
                yield f"{name} fetches {target}"
                continue
            if name.name == "404.html":  # which a server shows under any address, so its own are absolute
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            if not there.is_file():
                yield f"{name} leads to {target}, which is not there"
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].anchors :
                yield f"{name} leads to {target}, whose anchor is not there"


    for path in sorted(site.rglob("*.css")):
        for target in re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')\s]+)", path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)} fetches {target}"


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page
