"""``play`` and ``live`` on a sound card and a keyboard that only pretend."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pytest
from click.testing import CliRunner

from orchestrion.audio import Waveform
from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.realtime import devices
from orchestrion.realtime.session import KeyMessage
from orchestrion.score import Score


class Card:
    """Remembers what it played; ends a session with Ctrl-C after ``BLOCKS`` blocks."""

    heard: ClassVar[list[np.ndarray]] = []
    most = 10_000
    latency_s = 0.01

    def __init__(self, sample_rate: int, device: str | None = None, block: int | None = None):
        Card.heard = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, samples: np.ndarray) -> bool:
        Card.heard.append(samples)
        if len(Card.heard) > Card.most:
            raise KeyboardInterrupt
        return False


class Keys:
    """A fifth, held for twenty blocks."""

    name = "Pretender"

    def __init__(self, name: str | None = None):
        self._n = 0

    def pending(self) -> list[KeyMessage]:
        self._n += 1
        messages = {3: (0x90, 69, 100), 5: (0x90, 76, 80), 25: (0x80, 69, 0), 30: (0x80, 76, 0)}
        return [KeyMessage(0.0, messages[self._n])] if self._n in messages else []

    def close(self) -> None:
        return None


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrion.api import aloud

    monkeypatch.setattr(aloud, "SoundCard", Card)
    monkeypatch.setattr(aloud, "MidiKeyboard", Keys)
    monkeypatch.setattr(Card, "most", 10_000)


def test_play_plays_what_render_writes(pretended: None, tmp_path: Path) -> None:
    wav = tmp_path / "ode.wav"
    run = CliRunner().invoke(cli, ["play", "ode-to-joy", "-i", "violin", "--end", "1", "--seed", "2"], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    CliRunner().invoke(cli, ["render", "ode-to-joy", "-i", "violin", "--end", "1", "--seed", "2", "-o", str(wav)], catch_exceptions=False)
    np.testing.assert_allclose(np.concatenate(Card.heard), Waveform.read(wav).samples, atol=1e-4)


def test_live_keeps_the_take_and_renders_it_anew(pretended: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Card, "most", 40)
    midi, wav = tmp_path / "take.mid", tmp_path / "take.wav"
    run = CliRunner().invoke(cli, ["live", "-i", "violin", "-o", str(midi), "--render", str(wav)], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    assert "Pretender plays violin: 36 ms from key to sound" in run.output and "2 notes" in run.output
    assert [note.pitch for note in Score.read(midi).notes] == [69, 76]
    assert (tmp_path / "take.mid.json").exists() and Waveform.read(wav).duration_s > 0.2
    assert np.abs(np.concatenate(Card.heard)).max() > 0.01


def test_without_a_sound_card_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise OrchestrionError("Playing aloud needs PortAudio: on Debian and Ubuntu, apt install libportaudio2.")

    monkeypatch.setattr(devices, "_sounddevice", none)
    run = CliRunner().invoke(cli, ["play", "ode-to-joy", "-i", "violin", "--end", "1"])
    assert run.exit_code == 1 and "libportaudio2" in run.output and "Traceback" not in run.output


@pytest.mark.parametrize("ports", [[], ["Keystation 49"]])
def test_a_keyboard_that_is_not_there_is_told_with_those_that_are(monkeypatch: pytest.MonkeyPatch, ports: list[str]) -> None:
    monkeypatch.setattr(devices, "_rtmidi", lambda: None)
    monkeypatch.setattr(devices, "keyboards", lambda: ports)
    with pytest.raises(OrchestrionError, match="none is connected" if not ports else "there are Keystation 49"):
        devices.MidiKeyboard("clavinova")
