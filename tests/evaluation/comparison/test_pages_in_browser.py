"""The reports in a real browser: players play, nothing is fetched, the console is silent, a phone needs no scrolling."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion.audio import Waveform
from orchestrion.evaluation.comparison.conditioned import compare
from orchestrion.evaluation.judge import reference
from orchestrion.evaluation.judge.reference import additive
from orchestrion.score import BUILTIN_TUNES, Score
from tests.browser import CHROMIUM, Browser
from tests.evaluation.comparison.conftest import Compared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


def check(page: Path, folder: Path, n_players: int) -> None:
    with Browser(folder / "browser") as browser:
        browser.open(page.as_uri())
        assert browser.evaluate("document.querySelectorAll('audio').length") == n_players
        for number in range(n_players):
            player = f"document.querySelectorAll('audio')[{number}]"
            browser.evaluate(f"{player}.play()")
            browser.wait(f"{player}.currentTime > 0.05 || {player}.ended")
            browser.evaluate(f"{player}.pause()")
            assert browser.evaluate(f"{player}.error === null && {player}.duration > 0.4")
        assert browser.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 300)")
        browser.resize(360, 640, phone=True)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not browser.errors
        assert all(url.startswith(("file://", "data:")) for url in browser.requests)


def test_the_report_of_one_instrument(tmp_path, monkeypatch):
    def plays(score: Score, *, seed: int) -> Waveform:
        return additive(score)

    monkeypatch.setattr(reference, "has_fluidsynth", lambda: False)
    compare(BUILTIN_TUNES["ode-to-joy"].crop(0, 2), "fake", render=plays, out_dir=tmp_path)
    check(tmp_path / "report.html", tmp_path, 3)


def test_the_report_of_all_generators(compared: Compared, tmp_path):
    check(compared.folder / "report.html", tmp_path, 2 * 5)
