"""What somebody meets who opens the studio for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import CHROMIUM, Browser
from tests.studio.conftest import TUNE
from tests.studio.driving import in_a_browser, load, notes, place

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Browser]:
    """A browser that has never been here."""
    with in_a_browser(tmp_path) as (browser, _):
        yield browser


def text(browser: Browser, name: str) -> str:
    return str(browser.evaluate(f"document.getElementById('{name}').textContent"))


def test_the_first_click_is_heard_and_nothing_is_hidden(new: Browser) -> None:
    assert new.evaluate("studio.player.isHidden") is False  # nothing to compare blindly yet
    assert new.evaluate("!document.getElementById('empty').hidden && document.getElementById('play').disabled && document.getElementById('delete').disabled")
    new.evaluate("studio.player.latest_ms = 60_000")  # however busy this machine is
    new.drag(place(new, 1.1, 72))
    assert len(notes(new)) == 1
    new.wait("studio.player.n_auditions === 1")
    assert new.evaluate("document.getElementById('empty').hidden && !document.getElementById('play').disabled && !document.getElementById('delete').disabled")


def test_one_click_composes_and_space_plays_it(new: Browser) -> None:
    new.evaluate("document.getElementById('compose-bars').value = '1'; document.getElementById('begin-compose').click()")
    new.wait("studio.model.notes.length > 0 && !studio.work.isBusy")
    assert "Render, or Space, plays it." in text(new, "status")
    new.evaluate("document.activeElement.blur()")
    new.press(" ")
    new.wait("studio.player.track?.ended")
    new.wait("document.getElementById('status').textContent.includes('heard after')")


def test_one_click_opens_a_tune(new: Browser) -> None:
    new.evaluate("document.getElementById('begin-tune').click()")
    new.wait("studio.model.title === 'Ode to Joy'")
    new.key("z", ctrl=True)
    assert notes(new) == []


def test_what_is_played_is_what_is_seen(desk: Browser) -> None:
    load(desk, TUNE)
    before = desk.evaluate("studio.work.takes.size")
    desk.evaluate("document.getElementById('play').click()")
    desk.wait(f"studio.work.takes.size === {before + 1} && !studio.player.playing")
    assert text(desk, "now") == "violin"
    desk.evaluate("window.told = []; studio.player.addEventListener('position', () => told.push(studio.player.playing))")
    desk.evaluate("document.getElementById('play').click()")  # again, as it is
    desk.wait("told.includes(true) && !studio.player.playing")
    # The seek before it was answered "nothing plays" after it had begun: a second click then played on instead of pausing.
    assert not desk.evaluate("told.slice(told.indexOf(true), told.lastIndexOf(true)).includes(false)")
    assert desk.evaluate("studio.work.takes.size") == before + 1
    desk.evaluate("studio.model.change([[studio.model.notes[0], null]])")
    assert text(desk, "now") == "violin, before your changes"
    desk.evaluate("document.getElementById('play').click()")
    desk.wait(f"studio.work.takes.size === {before + 2}")
    desk.wait("!studio.player.playing && document.getElementById('now').textContent === 'violin'")
    desk.key("z", ctrl=True)
    assert text(desk, "now") == "violin, before your changes"
    # An older take that is asked for is played, whatever is on the desk.
    desk.evaluate("document.getElementById('tab-takes').click(); document.querySelector('.takes .hear').click()")
    desk.wait("studio.player.playing && document.getElementById('now').textContent.startsWith('violin')")
    assert "changes" not in text(desk, "now")
    desk.evaluate("studio.player.pause()")


def test_after_the_end_the_view_is_where_it_began(desk: Browser) -> None:
    load(desk, {**TUNE, "parts": [{**TUNE["parts"][0], "notes": [[0, 0.5, 69, 80], [1, 1.5, 69, 80]]}]})
    desk.evaluate("studio.view.zoom(8, 60); studio.view.scrollTo(0); document.getElementById('render').click()")
    desk.wait("studio.view.start > 0")
    desk.wait("!studio.player.playing && studio.player.track.ended && studio.view.cursor === 0")
    assert desk.evaluate("studio.view.start") == 0
