"""The studio as its own page meets it: a client that is in, and a server on a real socket."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from starlette.testclient import TestClient

from orchestrion.studio.app import create_app
from tests.browser import Browser
from tests.studio.driving import in_a_browser
from tests.studio.served import Served, serving

PORT = 8765
BASE = f"http://127.0.0.1:{PORT}"
TUNE = {
    "title": "Four notes", "tempos": [[0, 120]], "meters": [[0, 4, 4]],
    "parts": [{"name": "Tune", "program": 40, "drum": False,
               "notes": [[0, 0.25, 67, 80], [0.25, 0.5, 69, 80], [0.5, 0.75, 71, 90], [0.75, 1.0, 72, 70]]}],
}  # fmt: skip
DUO = {**TUNE, "parts": [*TUNE["parts"], {"name": "Bass", "program": 0, "drum": False, "notes": [[0, 1.0, 48, 80]]}]}


@dataclass
class Page:
    """What the page does, without a browser."""

    client: TestClient
    links: list[str]

    def job(self, path: str, body: dict[str, object]) -> tuple[list[dict[str, object]], bytes]:
        """Events and audio of a job that is followed to its end."""
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return frames(answer.content)

    def take(self, path: str, body: dict[str, object]) -> dict[str, object]:
        """The one take that a job ends in."""
        events, _ = self.job(path, body)
        assert events[-1]["event"] == "done", events[-1]
        (take,) = [event for event in events if event["event"] == "take"]
        return take


def frames(content: bytes) -> tuple[list[dict[str, object]], bytes]:
    events, audio, at = [], b"", 0
    while at < len(content):
        kind, size = content[at : at + 1], struct.unpack("<I", content[at + 1 : at + 5])[0]
        part = content[at + 5 : at + 5 + size]
        if kind == b"J":
            events.append(json.loads(part))
        else:
            audio += part
        at += 5 + size
    return events, audio


@pytest.fixture
def page() -> Iterator[Page]:
    links: list[str] = []
    app = create_app(PORT, links.append)
    with TestClient(app, base_url=BASE, headers={"origin": BASE}) as client:
        assert client.get(app.link.removeprefix(BASE)).status_code == 200
        yield Page(client, links)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Served]]:
    """One browser that is in; each test begins with an empty score."""
    with in_a_browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def desk(studio: tuple[Browser, Served]) -> Browser:
    """The page with an empty score and the pen in hand."""
    browser, _ = studio
    browser.resize(1280, 860)
    browser.evaluate("document.getElementById('new').click()")
    browser.evaluate("document.querySelector('[data-tool=draw]').click()")
    return browser
