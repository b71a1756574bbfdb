"""Playing and singing to the page: Web MIDI (of a keyboard that is not there), letters, and the microphone (of a file)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from tests.browser import CHROMIUM, Browser
from tests.studio.driving import in_a_browser, notes
from tests.studio.served import Served, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]
KEYBOARD = """(() => {
  const input = (id, name) => ({ id, name, state: "connected", onmidimessage: null });
  window.fake = { inputs: new Map([["k1", input("k1", "Keystation")], ["k2", input("k2", "Pads")]]), onstatechange: null };
  navigator.requestMIDIAccess = async (asked) => { window.asked = asked; return fake; };
  const begun = performance.now();
  window.press = (id, at, ...bytes) => fake.inputs.get(id).onmidimessage?.({ data: new Uint8Array(bytes), timeStamp: begun + at });
})()"""


def click(browser: Browser, name: str) -> None:
    browser.evaluate(f"document.getElementById('{name}').click()")


def text(browser: Browser, name: str) -> str:
    return str(browser.evaluate(f"document.getElementById('{name}').textContent"))


@pytest.fixture
def live(desk: Browser) -> Iterator[Browser]:
    """The panel of live playing; nothing sounds at the end."""
    click(desk, "tab-live")
    desk.evaluate("document.getElementById('live-instrument').value = 'violin'; studio.live.keys.octave = 5")
    desk.evaluate("document.getElementById('live-keyboard').value = 'letters'; document.getElementById('live-keyboard').dispatchEvent(new Event('change'))")
    yield desk
    desk.evaluate("studio.live.stop()")
    desk.wait("!studio.live.isOn")


def test_a_midi_keyboard_is_found_chosen_heard_and_written_down(live: Browser, studio: tuple[Browser, Served]) -> None:
    live.evaluate(KEYBOARD)
    click(live, "live-find")
    live.wait("document.getElementById('live-keyboard').options.length === 4")
    assert live.evaluate("asked.sysex") is False
    assert live.evaluate("[...document.getElementById('live-keyboard').options].map((one) => one.text)") == [
        "letters (A W S E D …)", "all MIDI keyboards", "Keystation", "Pads"]  # fmt: skip
    live.evaluate("document.getElementById('live-keyboard').value = 'k1'; document.getElementById('live-keyboard').dispatchEvent(new Event('change'))")
    live.evaluate("for (const id of ['live-click', 'live-snap']) document.getElementById(id).checked = false")
    click(live, "live-record")
    live.wait("studio.live.recording")
    # At 120 quarters a minute: one as long as a quarter, and one that the pedal holds for another.
    live.evaluate(
        "press('k2', 0, 0x90, 50, 90); press('k1', 0, 0x90, 69, 100); press('k1', 500, 0x80, 69, 0); press('k1', 510, 0xb0, 64, 127); press('k1', 600, 0x90, 72, 60); "
        "press('k1', 650, 0x80, 72, 0); press('k1', 1100, 0xb0, 64, 0); press('k1', 1200, 0xfe)"
    )
    live.wait("document.getElementById('live-status').textContent.includes('ms from key to sound')")
    click(live, "live-record")
    live.wait("!studio.live.recording")
    assert np.allclose(notes(live), [[0, 1, 69, 100], [1.2, 1, 72, 60]], atol=0.1)
    assert "2 notes recorded" in text(live, "status")
    live.key("z", ctrl=True)
    assert notes(live) == []  # in one step
    _, served = studio
    assert served.state()["running"] == 1
    click(live, "live-start")
    wait_for(lambda: served.state() == {"running": 0, "waiting": 0})


def test_letters_play_where_there_is_no_midi_and_are_letters_again_afterwards(live: Browser) -> None:
    live.evaluate("navigator.requestMIDIAccess = undefined")
    click(live, "live-find")
    live.wait("document.getElementById('status').textContent.includes('no Web MIDI')")
    click(live, "live-start")
    live.wait("studio.live.job")
    live.evaluate("document.activeElement.blur(); window.heard = []; studio.live.keys.addEventListener('message', ({ detail }) => heard.push(detail.bytes))")
    live.press("d", held_s=0.1)
    live.press("x")
    live.press("a")
    assert [row[:2] for row in live.evaluate("heard")] == [[0x90, 64], [0x80, 64], [0x90, 72], [0x80, 72]]
    assert live.evaluate("studio.settings.tool") == "draw"
    click(live, "live-start")
    live.wait("!studio.live.isOn")
    live.press("s")
    assert live.evaluate("studio.settings.tool") == "select"


def test_recording_counts_in_snaps_to_the_grid_and_ends_where_it_began(live: Browser) -> None:
    live.evaluate("studio.settings.snap = 0.5; document.getElementById('live-snap').checked = document.getElementById('live-click').checked = true")
    # A bar of six seconds is counted in: long enough for a busy machine to press a key within it.
    live.evaluate("studio.model.setTempo(40); studio.view.cursor = 3.0; document.activeElement.blur()")
    click(live, "live-record")
    live.wait("studio.live.recording")
    assert live.evaluate("Boolean(studio.live.metronome)")
    live.press("s", held_s=0.05)  # within the bar that is counted in: not meant
    live.wait("studio.view.cursor > 3.2")
    live.press("f", held_s=0.3)
    click(live, "live-record")
    live.wait("!studio.live.recording")
    ((on, length, pitch, _),) = notes(live)
    assert pitch == 65 and on * 2 == int(on * 2) and on >= 2 and length * 2 == int(length * 2)
    assert live.evaluate("studio.view.cursor") == 3.0
    live.evaluate("studio.settings.snap = 0.25; studio.model.setTempo(120)")


def test_rendering_ends_live_playing(live: Browser) -> None:
    click(live, "live-start")
    live.wait("studio.live.job")
    live.evaluate("studio.model.change([[null, { on: 0, off: 0.2, pitch: 69, vel: 80 }]])")
    before = live.evaluate("studio.work.takes.size")
    click(live, "render")
    live.wait(f"!studio.live.isOn && studio.work.takes.size > {before}")


def test_a_refused_midi_is_told_in_a_sentence(live: Browser) -> None:
    live.evaluate("studio.live.keys.access = null; navigator.requestMIDIAccess = async () => { throw new DOMException('no', 'NotAllowedError') }")
    click(live, "live-find")
    live.wait("document.getElementById('status').textContent.includes('did not let the page use MIDI')")


def test_a_tune_is_hummed_and_the_composer_goes_on_from_it(tmp_path: Path) -> None:
    rate, t = 48_000, np.arange(24_000) / 48_000
    shape = np.minimum(1, np.minimum(t / 0.02, (0.5 - t) / 0.05))
    tune = [shape * sum(np.sin(2 * np.pi * k * 440 * 2 ** ((p - 69) / 12) * t) / k for k in (1, 2, 3)) for p in (60, 64, 67, 72)]
    Waveform(0.3 * np.concatenate(tune), rate).write(tmp_path / "hum.wav")
    options = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={tmp_path / 'hum.wav'}")
    with in_a_browser(tmp_path / "browser", *options) as (browser, _):
        click(browser, "hum")
        browser.wait("document.getElementById('hum').textContent.includes('0:03')")
        click(browser, "hum")
        browser.wait("studio.model.title === 'Hummed'")
        assert {60, 64, 67, 72} <= {int(row[2]) for row in notes(browser)}
        assert text(browser, "hum") == "Hum…" and browser.evaluate("document.getElementById('way').value") == "continue"
        assert browser.evaluate("document.getElementById('compose-prime').value") == "current"
        kept = len(notes(browser))
        browser.evaluate("document.getElementById('compose-bars').value = '6'")
        click(browser, "compose")
        browser.wait(f"studio.model.notes.length > {kept}")
        # A recording that is dropped is heard, too.
        wav = list((tmp_path / "hum.wav").read_bytes())
        browser.evaluate(f"window.dropped = new DataTransfer(); dropped.items.add(new File([new Uint8Array({wav})], 'tune.wav'))")
        browser.evaluate("dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true }))")
        browser.wait("studio.model.title === 'tune'")


def test_without_a_microphone_it_is_said(desk: Browser) -> None:
    desk.evaluate("navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('none', 'NotFoundError') }")
    click(desk, "hum")
    desk.wait("document.getElementById('status').textContent.includes('There is no microphone')")
    assert text(desk, "hum") == "Hum…"
