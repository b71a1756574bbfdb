"""The studio in a real browser: write notes, hear them while they are made, compare, take the files home."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from tests.browser import CHROMIUM, Browser
from tests.studio.conftest import DUO, TUNE
from tests.studio.served import Served, serving, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
READY = "document.documentElement?.dataset.ready === 'yes'"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Served]]:
    """One browser that is in; each test begins with an empty score."""
    with serving() as served, Browser(tmp_path_factory.mktemp("browser")) as browser:
        browser.resize(1280, 860)
        browser.open(served.app.link)
        browser.wait(READY)
        yield browser, served
        assert browser.errors == [], "\n".join(browser.errors)
        assert all(url.startswith((served.base, "blob:" + served.base)) for url in browser.requests), browser.requests


@pytest.fixture
def page(studio: tuple[Browser, Served]) -> Browser:
    browser, _ = studio
    browser.resize(1280, 860)
    browser.evaluate("document.getElementById('new').click()")
    browser.evaluate("document.querySelector('[data-tool=draw]').click()")
    return browser


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


def test_notes_are_drawn_moved_resized_and_deleted_by_mouse(page: Browser) -> None:
    page.drag(place(page, 1.02, 72), place(page, 2.9, 72))
    assert notes(page) == [[1, 2, 72, 80]]
    page.drag(place(page, 4.05, 74))
    assert notes(page) == [[1, 2, 72, 80], [4, 2, 74, 80]]  # as long as the last one
    page.drag(place(page, 4.5, 74), place(page, 5.5, 76))
    assert notes(page)[1] == [5, 2, 76, 80]
    x, y = place(page, 3, 72)
    page.drag((x - 3, y), (place(page, 3.9, 72)[0], y))
    assert notes(page)[0] == [1, 3, 72, 80]
    page.drag(place(page, 5.5, 76), button="right")
    assert notes(page) == [[1, 3, 72, 80]]
    for _ in range(5):
        page.key("z", ctrl=True)
    assert notes(page) == []
    for _ in range(5):
        page.key("z", ctrl=True, shift=True)
    assert notes(page) == [[1, 3, 72, 80]]
    page.evaluate("document.querySelector('[data-tool=select]').click()")
    page.drag(place(page, 0.2, 74), place(page, 3, 70))
    assert page.evaluate("studio.model.selection.size") == 1
    page.key("Delete")
    assert notes(page) == []


def test_a_note_that_is_dragged_over_a_change_of_tempo_stays_as_long_in_quarters(page: Browser) -> None:
    load(page, {**TUNE, "tempos": [[0, 120], [2, 60]], "parts": [{**TUNE["parts"][0], "notes": [[0, 0.5, 67, 80]]}]})
    page.drag(place(page, 0.5, 67), place(page, 5.5, 67))
    assert notes(page) == [[5, 1, 67, 80]]


def test_nothing_copied_is_nothing_to_paste(page: Browser) -> None:
    page.evaluate("document.getElementById('roll').focus()")
    page.key("v", ctrl=True)
    assert "Nothing has been copied yet" in page.evaluate("document.getElementById('status').textContent")


def test_notes_are_written_and_changed_by_keys_alone(page: Browser) -> None:
    page.evaluate("document.getElementById('roll').focus()")
    page.key("ArrowUp", ctrl=True)
    for _ in range(4):
        page.key("ArrowRight")
    assert page.evaluate("document.getElementById('spoken').textContent") == "C5, bar 1 beat 2"
    page.press("Enter")
    page.press("Enter")
    assert notes(page) == [[1, 1, 72, 80], [2, 1, 72, 80]]
    page.key("a", ctrl=True)
    assert "2 notes selected" in page.evaluate("document.getElementById('spoken').textContent")
    page.key("ArrowUp")
    page.key("ArrowRight", shift=True)
    page.press("+")
    assert notes(page) == [[1, 1.25, 73, 85], [2, 1.25, 73, 85]]
    assert page.evaluate("document.getElementById('spoken').textContent") == "Velocity 85"
    page.key("c", ctrl=True)
    page.key("v", ctrl=True)
    assert len(notes(page)) == 4
    page.key("Delete")
    assert len(notes(page)) == 2


def test_fingers_write_and_two_of_them_zoom(page: Browser) -> None:
    page.resize(390, 844, phone=True)
    page.evaluate("studio.view.fit(studio.model); scrollTo(0, 0)")
    time.sleep(0.1)
    assert page.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out
    page.tap(*place(page, 1.1, 74))
    page.wait("studio.model.notes.length === 1")
    assert notes(page)[0][2] == 74
    x, y = place(page, 2, 70)
    before = page.evaluate("studio.view.scale")
    page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y, "id": 1}])
    page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y, "id": 1}, {"x": x + 60, "y": y, "id": 2}])
    page.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x, "y": y, "id": 1}, {"x": x + 120, "y": y, "id": 2}])
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert page.evaluate("studio.view.scale") > before * 1.5 and len(notes(page)) == 1
    page.call("Emulation.clearDeviceMetricsOverride")
    page.call("Emulation.setTouchEmulationEnabled", enabled=False)


def test_a_score_is_heard_while_it_is_made_and_its_files_are_those_of_the_command_line(
    page: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(page, TUNE)
    before = page.evaluate("studio.work.takes.size")
    page.evaluate("document.getElementById('render').click()")
    page.wait("studio.player.track?.filled > 0 && !studio.player.track.ended")  # samples are here before the end is
    page.wait("studio.player.at > 0.05")
    page.wait(f"studio.work.takes.size > {before}")
    take = page.evaluate("[...studio.work.takes.values()].at(-1).name")
    page.wait("studio.player.track.ended && studio.player.track.filled === studio.player.track.frames")
    assert page.evaluate("Math.max(...studio.player.track.mono)") > 0.02
    page.evaluate("document.getElementById('tab-takes').click()")
    for name in ("wav", "mid"):
        page.evaluate(f"document.querySelector('.takes a[href$=\"/{name}\"]').click()")
        wait_for((page.downloads / f"{take}.{name}").exists)
    command = page.evaluate("document.querySelector('.takes pre').textContent")
    (tmp_path / f"{take}.mid").write_bytes((page.downloads / f"{take}.mid").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, shlex.split(command)[1:], catch_exceptions=False).exit_code == 0
    assert (tmp_path / f"{take}.wav").read_bytes() == (page.downloads / f"{take}.wav").read_bytes()


def test_a_blind_comparison_hides_until_it_is_revealed(page: Browser) -> None:
    load(page, TUNE)
    page.evaluate("document.getElementById('tab-compare').click(); document.getElementById('blind').checked || document.getElementById('blind').click()")
    page.evaluate("document.getElementById('compare').click()")
    page.wait("!document.querySelector('.letter').disabled")
    captions = "[...document.querySelectorAll('.choice .hint')].map((one) => one.textContent)"
    assert page.evaluate(captions) == ["hidden"] * 3 and page.evaluate("document.getElementById('now').textContent") == ""
    tracks = []
    for key in "123":
        page.press(key)
        tracks.append(page.evaluate("studio.player.current"))
    assert len(set(tracks)) == 3
    page.evaluate("document.querySelectorAll('.choice button:not(.letter)')[1].click(); document.getElementById('reveal').click()")
    shown = page.evaluate(captions)
    assert sorted(shown) == ["its source alone", "with the notes", "without the notes"]
    assert shown[1] in page.evaluate("document.getElementById('votes').textContent")


def test_composing_and_filling_the_chosen_bars(page: Browser) -> None:
    kept = [[0.5 * i, 0.5 * i + 0.5, 60 + i, 80] for i in range(8)]
    load(page, {**TUNE, "parts": [{**TUNE["parts"][0], "notes": kept}]})
    page.evaluate("document.getElementById('tab-compose').click()")
    page.evaluate("document.getElementById('way').value = 'fill'; document.getElementById('way').dispatchEvent(new Event('change')); studio.ruler.choose(2.1, 3)")
    assert page.evaluate("document.getElementById('compose-fill').value") == "2"
    assert page.evaluate("document.getElementById('compose-bars').disabled")
    before = page.evaluate("studio.work.takes.size")
    page.evaluate("document.getElementById('compose').click()")
    page.wait(f"studio.work.takes.size > {before} && !studio.work.isBusy")
    page.wait("studio.model.notes.length && studio.model.parts[0].notes.every((n) => n.on >= 0)")
    assert [row[2] for row in notes(page) if row[0] < 4] == [60, 61, 62, 63]


def test_a_dropped_file_is_opened_and_a_broken_one_is_told_of(page: Browser) -> None:
    drop = "(() => {{ const d = new DataTransfer(); d.items.add(new File([{content}], '{name}')); dispatchEvent(new DragEvent('drop', {{dataTransfer: d, bubbles: true}})); }})()"
    page.evaluate(drop.format(content=json.dumps("X:1\nT:Dropped\nM:3/4\nL:1/4\nK:C\nCDE|"), name="a.abc"))
    page.wait("studio.model.title === 'Dropped'")
    assert [row[2] for row in notes(page)] == [60, 62, 64] and page.evaluate("document.getElementById('meter').value") == "3/4"
    page.evaluate(drop.format(content=json.dumps("no midi"), name="b.mid"))
    page.wait("document.getElementById('status').classList.contains('error')")
    assert "b.mid" in page.evaluate("document.getElementById('status').textContent") and len(notes(page)) == 3
    # A refusal is an answer, which the browser notes as an error, too.
    page.errors[:] = [error for error in page.errors if "422" not in error]


def test_leaving_the_page_frees_what_was_being_made(studio: tuple[Browser, Served], page: Browser) -> None:
    _, served = studio
    load(page, {**TUNE, "parts": [{**TUNE["parts"][0], "notes": [[0, 120, 69, 80]]}]})
    page.evaluate("document.getElementById('render').click()")
    page.wait("studio.player.track?.filled > 0 && studio.work.isBusy")
    assert served.state()["running"] == 1
    page.wait("Object.values(sessionStorage).some((kept) => kept.includes('120,69,80'))")  # what is drawn is kept half a second later
    page.evaluate("studio.work.waiting.clear()")  # else the page asks whether to leave
    page.open("about:blank")
    wait_for(lambda: served.state() == {"running": 0, "waiting": 0})
    page.open(served.base)
    page.wait(READY)
    assert notes(page) == [[0, 240, 69, 80]]  # the score is still on the desk


def test_all_that_can_be_used_has_a_name_in_light_and_dark(page: Browser, tmp_path: Path) -> None:
    load(page, DUO)
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, select, a, canvas:not([aria-hidden])')].filter((one) => !one.hidden && one.type !== 'file' && "
        "!(one.textContent.trim() && one.tagName !== 'SELECT') && !one.getAttribute('aria-label') && !one.labels?.length).map((one) => one.outerHTML)"
    )
    assert unnamed == []
    colours = []
    for scheme in ("light", "dark"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.wait(f"studio.view.isDark === {'true' if scheme == 'dark' else 'false'}")
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.screenshot(tmp_path / f"{scheme}.png")
    assert colours[0] != colours[1]
    page.evaluate("document.getElementById('theme').click()")
    assert page.evaluate("document.documentElement.dataset.theme") == "light" and page.evaluate("studio.view.isDark") is False
    for _ in range(2):
        page.evaluate("document.getElementById('theme').click()")
    page.call("Emulation.setEmulatedMedia", features=[])
