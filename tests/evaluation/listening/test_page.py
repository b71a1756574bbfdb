"""A whole listening session in a real browser: by keyboard, with a reload half-way, to the downloaded files."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.evaluation.listening.build import build_page
from orchestrion.evaluation.listening.codes import completion_code, fnv1a
from orchestrion.evaluation.listening.results import evaluate_answers
from orchestrion.options import Listening
from tests.browser import CHROMIUM, Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
RATE = 16000


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A test of two systems with six short clips each: twelve ratings and six pairs, some of them twice."""
    for number, name in enumerate(("first", "second")):
        (tmp_path / "clips" / name).mkdir(parents=True)
        for item in range(6):
            time_s = np.arange(RATE // 4) / RATE
            sound = np.sin(2 * np.pi * (300 + 100 * item + 37 * number) * time_s)
            Waveform(0.3 * sound, RATE).write(tmp_path / "clips" / name / f"item{item}.wav")
    build_page([tmp_path / "clips"], tmp_path / "page", Listening(pairs=6, repeats=3, pair_repeats=1))
    return tmp_path / "page" / "index.html"


def beeps(browser: Browser) -> int:
    """How many there are; the page holds a hash only."""
    study = json.loads(browser.evaluate("document.getElementById('study').textContent"))
    file = browser.evaluate("document.querySelectorAll('.play')[1].dataset.clip")
    answer = next(check["answer"] for check in study["checks"] if check["file"] == file)
    return next(n for n in range(2, 6) if fnv1a(f"{study['id']}|{file}|{n}") == answer)


def pass_volume_check(browser: Browser) -> None:
    browser.evaluate("document.getElementById('next').click()")
    for right in (False, True):
        browser.evaluate("document.querySelectorAll('.play')[1].click()")
        browser.wait("!document.querySelector('input').disabled")
        n = beeps(browser)
        browser.press(str(n if right else 2 + (n - 1) % 4))
        browser.press("Enter")
        if not right:
            browser.wait("document.getElementById('status').textContent.includes('not the number')")
    browser.wait("document.getElementById('count').textContent.startsWith('1 of')")


def listen_to_all(browser: Browser) -> None:
    """Play what has not been heard to its end, by the keyboard."""
    for number in range(browser.evaluate("document.querySelectorAll('.play').length")):
        browser.press(" ")
        browser.wait(f"document.querySelectorAll('.play')[{number}].textContent.includes('again')")


def judge(browser: Browser, seen: list[str]) -> None:
    """Answer one trial; the rating depends on the clip alone, so that repetitions agree."""
    clips = browser.evaluate("[...document.querySelectorAll('.play')].map((button) => button.dataset.clip)")
    assert browser.evaluate(
        "document.getElementById('next').disabled && document.querySelector('fieldset input').disabled"
    )
    # A key does nothing before the clips have been heard.
    browser.press("4")
    assert browser.evaluate("document.querySelectorAll('input:checked').length") == 0
    listen_to_all(browser)
    browser.press(str(1 + int(clips[0], 16) % 5) if len(clips) == 1 else "a" if clips[0] > clips[1] else "b")
    seen.append("+".join(clips))
    browser.press("Enter")


def count(browser: Browser) -> str:
    return browser.evaluate("document.getElementById('count').textContent")


def test_a_whole_session(page, tmp_path):
    seen: list[str] = []
    with Browser(tmp_path / "browser") as browser:
        browser.open(page.as_uri() + "?listener=anna")
        pass_volume_check(browser)
        assert count(browser) == "1 of 22"
        for _ in range(7):
            judge(browser, seen)
        at = browser.evaluate("document.querySelector('.play').dataset.clip")
        browser.reload()
        assert count(browser) == "8 of 22"
        assert browser.evaluate("document.querySelector('.play').dataset.clip") == at
        while not browser.evaluate("!!document.getElementById('code')"):
            judge(browser, seen)
        code = browser.evaluate("document.getElementById('code').textContent")
        for button in ("json", "csv"):
            browser.evaluate(f"document.getElementById('{button}').click()")
        browser.reload()
        assert browser.evaluate("document.getElementById('code').textContent") == code
        deadline = time.monotonic() + 20
        while len(files := sorted(browser.downloads.glob("listening-*-anna.*"))) < 2 or any(
            not p.stat().st_size for p in files
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert not browser.errors
        assert browser.requests and all(url.startswith(("file://", "blob:file")) for url in browser.requests)
    answers = json.loads(files[1].read_text())
    assert code == completion_code(answers["study"], "anna") and answers["complete"] and answers["check_failures"] == 1
    assert len(answers["answers"]) == 22 == len(seen)
    repeats = [a for a in answers["answers"] if a["repeat"]]
    assert [a["kind"] for a in repeats] == ["rate"] * 3 + ["pair"]
    for repeat in repeats[:3]:
        first = next(a for a in answers["answers"] if a.get("clip") == repeat["clip"])
        assert repeat["trial"] - first["trial"] > 5
    # A pair that comes again has changed sides.
    before = [(a["a"], a["b"]) for a in answers["answers"] if a["kind"] == "pair" and not a["repeat"]]
    assert (repeats[3]["b"], repeats[3]["a"]) in before
    by_file = [evaluate_answers([path], tmp_path / "page-key.json") for path in files]
    for found in by_file:
        assert found["listeners"][0]["left_out"] is False and found["listeners"][0]["difference"] == 0
        assert found["listeners"][0]["agreement"] == 1
        assert sum(row["n_ratings"] for row in found["ratings"].values()) == 12
        assert found["pairs"]["first"]["n"] == 6
    assert by_file[0]["ratings"] == by_file[1]["ratings"]


def test_every_listener_has_an_order_of_their_own_and_keeps_it(page, tmp_path):
    plans = {}
    with Browser(tmp_path / "browser") as browser:
        for name in ("anna", "ben", "anna"):
            browser.open(f"{page.as_uri()}?listener={name}")
            browser.evaluate("localStorage.clear()")
            browser.reload()
            pass_volume_check(browser)
            first: list[str] = []
            for _ in range(3):
                judge(browser, first)
            assert plans.setdefault(name, first) == first
        assert plans["anna"] != plans["ben"]
        assert not browser.errors


def test_a_phone_shows_everything_without_scrolling_sideways(page, tmp_path):
    with Browser(tmp_path / "browser") as browser:
        browser.resize(360, 640, phone=True)
        browser.open(page.as_uri())
        pass_volume_check(browser)
        while not browser.evaluate("!!document.querySelector('.two')"):
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
            judge(browser, [])
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        small = browser.evaluate(
            "[...document.querySelectorAll('button, .choices label')].filter((e) => e.getBoundingClientRect().height < 44).length"
        )
        assert small == 0


def test_a_browser_that_keeps_nothing_says_so_and_works(page, tmp_path):
    text = page.read_text()
    broken = re.sub(
        r'"use strict";',
        '"use strict"; Object.defineProperty(window, "localStorage", {get() { throw 1; }});',
        text,
        count=1,
    )
    page.write_text(broken)
    with Browser(tmp_path / "browser") as browser:
        browser.open(page.as_uri())
        assert "does not let the page keep" in browser.evaluate("document.body.textContent")
        pass_volume_check(browser)
        judge(browser, [])
        assert count(browser) == "2 of 22"
