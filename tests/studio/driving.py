"""The studio in a real browser, and what a test sees of its score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser import Browser
from tests.studio.served import Served, serving

READY = "document.documentElement?.dataset.ready === 'yes'"


@contextmanager
def in_a_browser(folder: Path, *options: str) -> Iterator[tuple[Browser, Served]]:
    """A browser that is in, whose page must raise no error and ask nobody else."""
    with serving() as served, Browser(folder, *options) as browser:
        browser.resize(1280, 860)
        browser.open(served.app.link)
        browser.wait(READY)
        yield browser, served
        assert browser.errors == [], "\n".join(browser.errors)
        assert all(url.startswith((served.base, "blob:" + served.base)) for url in browser.requests), browser.requests


def notes(browser: Browser) -> list[list[float]]:
    """[quarter, length in quarters, pitch, velocity] of the current part."""
    found: list[list[float]] = browser.evaluate(
        "studio.model.notes.map((n) => [studio.model.clock.beats(n.on), studio.model.clock.beats(n.off) - studio.model.clock.beats(n.on), n.pitch, n.vel])"
    )
    return [[round(value, 6) for value in row] for row in found]


def place(browser: Browser, quarter: float, pitch: float) -> tuple[float, float]:
    """Where a time and a pitch are in the window."""
    x, y = browser.evaluate(
        f"(() => {{ const box = document.getElementById('roll').getBoundingClientRect(), v = studio.view; return [box.left + v.x(studio.model.clock.seconds({quarter})), box.top + v.y({pitch}) + v.row / 2] }})()"
    )
    return x, y


def load(browser: Browser, score: object) -> None:
    browser.evaluate(f"studio.model.load({json.dumps(score)}); studio.view.fit(studio.model)")
