"""The studio in a real browser: write notes, hear them while they are made, compare, take the files home."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from tests.browser import CHROMIUM, Browser
from tests.studio.conftest import DUO, TUNE
from tests.studio.driving import READY, load, notes, place
from tests.studio.served import Served, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

def test_notes_are_drawn_moved_resized_and_deleted_by_mouse(desk: Browser) -> None:
    desk.drag(place(desk, 1.02, 72), place(desk, 2.9, 72))
    assert notes(desk) == [[1, 2, 72, 80]]
    desk.drag(place(desk, 4.05, 74))
    assert notes(desk) == [[1, 2, 72, 80], [4, 2, 74, 80]]  # as long as the last one
    desk.drag(place(desk, 4.5, 74), place(desk, 5.5, 76))
    assert notes(desk)[1] == [5, 2, 76, 80]
    x, y = place(desk, 3, 72)
    desk.drag((x - 3, y), (place(desk, 3.9, 72)[0], y))
    assert notes(desk)[0] == [1, 3, 72, 80]
    desk.drag(place(desk, 5.5, 76), button="right")
    assert notes(desk) == [[1, 3, 72, 80]]
    for _ in range(5):
        desk.key("z", ctrl=True)
    assert notes(desk) == []
    for _ in range(5):
        desk.key("z", ctrl=True, shift=True)
    assert notes(desk) == [[1, 3, 72, 80]]
    desk.evaluate("document.querySelector('[data-tool=select]').click()")
    desk.drag(place(desk, 0.2, 74), place(desk, 3, 70))
    assert desk.evaluate("studio.model.selection.size") == 1
    desk.key("Delete")
    assert notes(desk) == []


def test_a_note_that_is_dragged_over_a_change_of_tempo_stays_as_long_in_quarters(desk: Browser) -> None:
    load(desk, {**TUNE, "tempos": [[0, 120], [2, 60]], "parts": [{**TUNE["parts"][0], "notes": [[0, 0.5, 67, 80]]}]})
    desk.drag(place(desk, 0.5, 67), place(desk, 5.5, 67))
    assert notes(desk) == [[5, 1, 67, 80]]


def test_nothing_copied_is_nothing_to_paste(desk: Browser) -> None:
    desk.evaluate("document.getElementById('roll').focus()")
    desk.key("v", ctrl=True)
    assert "Nothing has been copied yet" in desk.evaluate("document.getElementById('status').textContent")


def test_notes_are_written_and_changed_by_keys_alone(desk: Browser) -> None:
    desk.evaluate("document.getElementById('roll').focus()")
    desk.key("ArrowUp", ctrl=True)
    for _ in range(4):
        desk.key("ArrowRight")
    assert desk.evaluate("document.getElementById('spoken').textContent") == "C5, bar 1 beat 2"
    desk.press("Enter")
    desk.press("Enter")
    assert notes(desk) == [[1, 1, 72, 80], [2, 1, 72, 80]]
    desk.key("a", ctrl=True)
    assert "2 notes selected" in desk.evaluate("document.getElementById('spoken').textContent")
    desk.key("ArrowUp")
    desk.key("ArrowRight", shift=True)
    desk.press("+")
    assert notes(desk) == [[1, 1.25, 73, 85], [2, 1.25, 73, 85]]
    assert desk.evaluate("document.getElementById('spoken').textContent") == "Velocity 85"
    desk.key("c", ctrl=True)
    desk.key("v", ctrl=True)
    assert len(notes(desk)) == 4
    desk.key("Delete")
    assert len(notes(desk)) == 2


def test_fingers_write_and_two_of_them_zoom(desk: Browser) -> None:
    desk.resize(390, 844, phone=True)
    desk.evaluate("studio.view.fit(studio.model); scrollTo(0, 0)")
    time.sleep(0.1)
    assert desk.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out
    desk.tap(*place(desk, 1.1, 74))
    desk.wait("studio.model.notes.length === 1")
    assert notes(desk)[0][2] == 74
    x, y = place(desk, 2, 70)
    before = desk.evaluate("studio.view.scale")
    desk.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y, "id": 1}])
    desk.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y, "id": 1}, {"x": x + 60, "y": y, "id": 2}])
    desk.call("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x, "y": y, "id": 1}, {"x": x + 120, "y": y, "id": 2}])
    desk.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert desk.evaluate("studio.view.scale") > before * 1.5 and len(notes(desk)) == 1
    desk.call("Emulation.clearDeviceMetricsOverride")
    desk.call("Emulation.setTouchEmulationEnabled", enabled=False)


def test_a_score_is_heard_while_it_is_made_and_its_files_are_those_of_the_command_line(
    desk: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(desk, TUNE)
    before = desk.evaluate("studio.work.takes.size")
    desk.evaluate("document.getElementById('render').click()")
    desk.wait("studio.player.track?.filled > 0 && !studio.player.track.ended")  # samples are here before the end is
    desk.wait("studio.player.at > 0.05")
    desk.wait(f"studio.work.takes.size > {before}")
    take = desk.evaluate("[...studio.work.takes.values()].at(-1).name")
    desk.wait("studio.player.track.ended && studio.player.track.filled === studio.player.track.frames")
    assert desk.evaluate("Math.max(...studio.player.track.mono)") > 0.02
    desk.evaluate("document.getElementById('tab-takes').click()")
    for name in ("wav", "mid"):
        desk.evaluate(f"document.querySelector('.takes a[href$=\"/{name}\"]').click()")
        wait_for((desk.downloads / f"{take}.{name}").exists)
    command = desk.evaluate("document.querySelector('.takes pre').textContent")
    (tmp_path / f"{take}.mid").write_bytes((desk.downloads / f"{take}.mid").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, shlex.split(command)[1:], catch_exceptions=False).exit_code == 0
    assert (tmp_path / f"{take}.wav").read_bytes() == (desk.downloads / f"{take}.wav").read_bytes()


def test_a_blind_comparison_hides_until_it_is_revealed(desk: Browser) -> None:
    load(desk, TUNE)
    desk.evaluate("document.getElementById('tab-compare').click(); document.getElementById('blind').checked || document.getElementById('blind').click()")
    desk.evaluate("document.getElementById('compare').click()")
    desk.wait("!document.querySelector('.letter').disabled")
    captions = "[...document.querySelectorAll('.choice .hint')].map((one) => one.textContent)"
    assert desk.evaluate(captions) == ["hidden"] * 3 and desk.evaluate("document.getElementById('now').textContent") == ""
    tracks = []
    for key in "123":
        desk.press(key)
        tracks.append(desk.evaluate("studio.player.current"))
    assert len(set(tracks)) == 3
    desk.evaluate("document.querySelectorAll('.choice button:not(.letter)')[1].click(); document.getElementById('reveal').click()")
    shown = desk.evaluate(captions)
    assert sorted(shown) == ["its source alone", "with the notes", "without the notes"]
    assert shown[1] in desk.evaluate("document.getElementById('votes').textContent")


def test_composing_and_filling_the_chosen_bars(desk: Browser) -> None:
    kept = [[0.5 * i, 0.5 * i + 0.5, 60 + i, 80] for i in range(8)]
    load(desk, {**TUNE, "parts": [{**TUNE["parts"][0], "notes": kept}]})
    desk.evaluate("document.getElementById('tab-compose').click()")
    desk.evaluate("document.getElementById('way').value = 'fill'; document.getElementById('way').dispatchEvent(new Event('change')); studio.ruler.choose(2.1, 3)")
    assert desk.evaluate("document.getElementById('compose-fill').value") == "2"
    assert desk.evaluate("document.getElementById('compose-bars').disabled")
    before = desk.evaluate("studio.work.takes.size")
    desk.evaluate("document.getElementById('compose').click()")
    desk.wait(f"studio.work.takes.size > {before} && !studio.work.isBusy")
    desk.wait("studio.model.notes.length && studio.model.parts[0].notes.every((n) => n.on >= 0)")
    assert [row[2] for row in notes(desk) if row[0] < 4] == [60, 61, 62, 63]


def test_a_dropped_file_is_opened_and_a_broken_one_is_told_of(desk: Browser) -> None:
    drop = "(() => {{ const d = new DataTransfer(); d.items.add(new File([{content}], '{name}')); dispatchEvent(new DragEvent('drop', {{dataTransfer: d, bubbles: true}})); }})()"
    desk.evaluate(drop.format(content=json.dumps("X:1\nT:Dropped\nM:3/4\nL:1/4\nK:C\nCDE|"), name="a.abc"))
    desk.wait("studio.model.title === 'Dropped'")
    assert [row[2] for row in notes(desk)] == [60, 62, 64] and desk.evaluate("document.getElementById('meter').value") == "3/4"
    desk.evaluate(drop.format(content=json.dumps("no midi"), name="b.mid"))
    desk.wait("document.getElementById('status').classList.contains('error')")
    assert "b.mid" in desk.evaluate("document.getElementById('status').textContent") and len(notes(desk)) == 3
    # A refusal is an answer, which the browser notes as an error, too.
    desk.errors[:] = [error for error in desk.errors if "422" not in error]


def test_leaving_the_page_frees_what_was_being_made(studio: tuple[Browser, Served], desk: Browser) -> None:
    _, served = studio
    load(desk, {**TUNE, "parts": [{**TUNE["parts"][0], "notes": [[0, 120, 69, 80]]}]})
    desk.evaluate("document.getElementById('render').click()")
    desk.wait("studio.player.track?.filled > 0 && studio.work.isBusy")
    assert served.state()["running"] == 1
    desk.wait("Object.values(sessionStorage).some((kept) => kept.includes('120,69,80'))")  # what is drawn is kept half a second later
    desk.evaluate("studio.work.waiting.clear()")  # else the page asks whether to leave
    desk.open("about:blank")
    wait_for(lambda: served.state() == {"running": 0, "waiting": 0})
    desk.open(served.base)
    desk.wait(READY)
    assert notes(desk) == [[0, 240, 69, 80]]  # the score is still on the desk


def test_all_that_can_be_used_has_a_name_in_light_and_dark(desk: Browser, tmp_path: Path) -> None:
    load(desk, DUO)
    unnamed = desk.evaluate(
        "[...document.querySelectorAll('button, input, select, a, canvas:not([aria-hidden])')].filter((one) => !one.hidden && one.type !== 'file' && "
        "!(one.textContent.trim() && one.tagName !== 'SELECT') && !one.getAttribute('aria-label') && !one.labels?.length).map((one) => one.outerHTML)"
    )
    assert unnamed == []
    colours = []
    for scheme in ("light", "dark"):
        desk.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        desk.wait(f"studio.view.isDark === {'true' if scheme == 'dark' else 'false'}")
        colours.append(desk.evaluate("getComputedStyle(document.body).backgroundColor"))
        desk.screenshot(tmp_path / f"{scheme}.png")
    assert colours[0] != colours[1]
    desk.evaluate("document.getElementById('theme').click()")
    assert desk.evaluate("document.documentElement.dataset.theme") == "light" and desk.evaluate("studio.view.isDark") is False
    for _ in range(2):
        desk.evaluate("document.getElementById('theme').click()")
    desk.call("Emulation.setEmulatedMedia", features=[])
