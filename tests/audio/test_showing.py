"""Audio in a notebook: what is heard is what there is, the picture shows the tone, both bounded."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.audio.showing import COLUMNS, LOWEST_HZ, MOST_S, ROWS, levels_db


def tone(hz: float, seconds: float, rate: int = 24_000) -> Waveform:
    return Waveform(0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate), rate)


def test_a_tone_is_a_line_at_its_frequency() -> None:
    levels = levels_db(tone(1000, 3))
    assert levels.shape == (ROWS, COLUMNS)
    found = np.geomspace(LOWEST_HZ, 12_000, ROWS)[::-1][levels[:, 100:-100].argmax(axis=0)]
    assert np.all(np.abs(np.log2(found / 1000)) < 1 / 12)


def test_the_player_holds_the_audio(tmp_path: Path) -> None:
    audio = tone(440, 0.5)
    shown = audio._repr_html_()
    content = re.search(r"data:audio/flac;base64,([^\"]+)", shown)
    assert content
    (tmp_path / "x.flac").write_bytes(base64.b64decode(content[1]))
    heard = Waveform.read(tmp_path / "x.flac")
    np.testing.assert_allclose(heard.samples, audio.samples, atol=1e-4)
    assert "data:image/png;base64,iVBOR" in shown and "0.5 s at 24,000" in shown


def test_long_audio_is_cut_and_that_is_said() -> None:
    long = tone(440, MOST_S + 30, 16_000)
    shown = long._repr_html_()
    assert f"here its first {MOST_S:g} s" in shown and f"{MOST_S + 30:.1f} s at" in shown
    assert len(shown) < 4 * MOST_S * 16_000
    assert "here its first" not in tone(440, 1)._repr_html_()


def test_titles_are_escaped_and_the_shortest_audio_is_shown() -> None:
    shown = Waveform(np.zeros(1), 8_000, {"title": "<script>x</script>"})._repr_html_()
    assert "<script" not in shown and "&lt;script" in shown
