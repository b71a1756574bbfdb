"""A tune that is hummed to the studio: written down as ``compose --prime hum.wav`` does, within bounds."""

from __future__ import annotations

import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import orchestrion
from orchestrion.audio import Waveform
from orchestrion.cli.app import cli
from orchestrion.score import Score
from orchestrion.studio import hearing
from tests.studio.conftest import Page, frames

RATE = 16_000
PITCHES = (60, 62, 64, 65, 67, 65, 64, 62)


@pytest.fixture(scope="module")
def hum(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Eight notes of half a second, with a few partials."""
    t = np.arange(RATE // 2) / RATE
    shape = np.minimum(1, np.minimum(t / 0.02, (0.5 - t) / 0.05))
    notes = [shape * sum(np.sin(2 * np.pi * k * 440 * 2 ** ((pitch - 69) / 12) * t) / k for k in (1, 2, 3)) for pitch in PITCHES]
    path = tmp_path_factory.mktemp("hum") / "hum.wav"
    Waveform(0.3 * np.concatenate(notes), RATE).write(path)
    return path.read_bytes()


def test_the_command_writes_the_same_tune(page: Page, hum: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events, _ = frames(page.client.post("/api/hear?kind=.wav&meter=2/4", content=hum).content)
    (take,) = [event for event in events if event["event"] == "take"]
    assert take["kind"] == "heard" and take["notes"] == 8 and abs(int(str(take["bpm"])) - 120) <= 2
    assert take["inputs"] == [f"{take['name']}-given.wav"]
    monkeypatch.chdir(tmp_path)
    given = page.client.get(f"/api/takes/{take['take']}/given")
    assert given.content == hum and given.headers["content-type"] == "application/octet-stream"
    (tmp_path / str(take["inputs"][0])).write_bytes(given.content)
    assert CliRunner().invoke(cli, shlex.split(str(take["command"]))[1:], catch_exceptions=False).exit_code == 0
    assert (tmp_path / f"{take['name']}.mid").read_bytes() == page.client.get(f"/api/takes/{take['take']}/mid").content
    # What was hummed can be heard again.
    assert len(page.client.get(f"/api/takes/{take['take']}/audio").content) == 4 * 24_000 * 4


def test_going_on_from_it_is_as_with_the_recording_for_a_prime(page: Page, hum: bytes, tmp_path: Path) -> None:
    events, _ = frames(page.client.post("/api/hear?kind=.wav", content=hum).content)
    number = next(event["take"] for event in events if event["event"] == "take")
    composed = page.take("/api/compose", {"options": {"bars": "6", "seed": "5"}, "sources": {"prime": f"take:{number}"}})
    midi = tmp_path / "composed.mid"
    midi.write_bytes(page.client.get(f"/api/takes/{composed['take']}/mid").content)
    (tmp_path / "hum.wav").write_bytes(hum)
    orchestrion.compose(prime=tmp_path / "hum.wav", bars=6, seed=5).write(tmp_path / "other.mid")
    mine, other = Score.read(midi), Score.read(tmp_path / "other.mid")
    assert [part.notes for part in mine.parts] == [part.notes for part in other.parts] and len(mine.notes) > 8


@pytest.mark.parametrize(("kind", "content", "said"), [
    (".wav", b"", "empty"), (".wav", b"RIFF", "not audio"), (".wav", b"no audio" * 100, "not audio"), (".py", b"x", "listens to"), ("", b"x", "listens to"),
    ("../../etc/passwd", b"x", "listens to"), (".m4a", b"x", "listens to"), (".mp3", b"\xff\xfb" * 3, "not audio"), (".flac", b"fLaC" + bytes(40), "not audio"),
])  # fmt: skip
def test_what_is_no_recording_is_refused_in_one_sentence(page: Page, kind: str, content: bytes, said: str) -> None:
    answer = page.client.post("/api/hear", params={"kind": kind}, content=content)
    text = answer.text if answer.status_code == 422 else str(frames(answer.content)[0][-1]["message"])
    assert said in text and "/tmp" not in text and len(text.strip().splitlines()) == 1
    assert page.client.get("/api/takes").json()["takes"] == []


def wav(seconds: float, rate: int, channels: int = 1) -> bytes:
    """Silence in eight bits, with a header as recorders write it."""
    n = int(seconds * rate) * channels
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + n, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * channels, channels, 8, b"data", n) + b"\x80" * n


def test_recordings_are_bounded_before_they_are_heard(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(content: bytes) -> str:
        answer = page.client.post("/api/hear?kind=.wav", content=content)
        return answer.text if answer.status_code == 422 else str(frames(answer.content)[0][-1]["message"])

    assert told(wav(121, 8000)) == "The recording is longer than 2 minutes; cut it first."
    assert "more than 192,000" in told(wav(0.1, 400_000))
    assert "No notes were heard" in told(wav(1, 8000))
    assert "channels" in told(wav(0.1, 8000, channels=65))
    monkeypatch.setattr(hearing, "MOST_HEARD_BYTES", 1 << 20)
    assert "more than 1 MiB" in told(bytes((1 << 20) + 1))


def test_a_meter_that_is_none_is_refused(page: Page, hum: bytes) -> None:
    assert page.client.post("/api/hear?kind=.wav&meter=3/5", content=hum).status_code == 422
