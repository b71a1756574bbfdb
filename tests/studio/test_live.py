"""Live playing from the page: keys by requests, sound by a job's frames; and what is refused."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.studio import live
from orchestrion.studio.jobs import StudioJob
from orchestrion.studio.live import Keyboards, PageOutput
from tests.studio.conftest import Page
from tests.studio.served import Served, wait_for


def read_frame(answer: Any) -> tuple[bytes, bytes]:
    head = answer.read(5)
    return head[:1], answer.read(struct.unpack("<I", head[1:])[0])


def test_a_key_is_heard_and_a_closed_page_ends_it(served: Served) -> None:
    tab = served.connect()
    tab.request("POST", "/api/live", json.dumps({"instrument": "violin", "options": {"seed": "3", "parallel": False}}), served.headers())
    answer = tab.getresponse()
    job, before = 0, 0.0
    while not job:
        kind, content = read_frame(answer)
        event = json.loads(content) if kind == b"J" else {}
        job = event["job"] if event.get("event") == "live" else 0
    assert event["rate"] == 24_000 and event["low"] < 69 < event["high"]
    for _ in range(10):
        kind, content = read_frame(answer)
        before = max(before, float(np.abs(np.frombuffer(content, "<f4")).max()))
    assert before < 0.01
    assert json.loads(served.ask("POST", "/api/keys", {"job": job, "messages": [[2.5, 0x90, 69, 100]]})[1]) == {"played": True}
    after, block = 0.0, len(content)
    for _ in range(80):
        kind, content = read_frame(answer)
        after = max(after, float(np.abs(np.frombuffer(content, "<f4")).max()))
        assert len(content) == block
    assert after > 0.03
    assert tab.sock is None or tab.sock.close() is None
    answer.close()
    tab.close()
    wait_for(lambda: served.state() == {"running": 0, "waiting": 0})
    assert json.loads(served.ask("POST", "/api/keys", {"job": job, "messages": []})[1]) == {"played": False}


def test_keys_come_to_their_own_job_only() -> None:
    keyboards = Keyboards()
    first, second = keyboards.open(1), keyboards.open(2)
    assert keyboards.press({"job": 2, "messages": [[0, 0x90, 60, 80], [0.5, 0x80, 60, 0]]})
    assert not list(first.pending()) and [key.message for key in second.pending()] == [(0x90, 60, 80), (0x80, 60, 0)]
    assert not keyboards.press({"job": 3, "messages": []}) and not keyboards.press({"job": [1], "messages": []})
    keyboards.close(2)
    assert not keyboards.press({"job": 2, "messages": []})


def test_a_message_is_as_old_as_it_says() -> None:
    keyboard = live.PageKeyboard(clock=lambda: 100.0)
    keyboard.add([(250.0, (0x90, 60, 80))])
    assert [key.time_s for key in keyboard.pending()] == [99.75]


@pytest.mark.parametrize("messages", [
    None, [[0, 0x90, 60]], [[0, 0x90, 60, 80, 1]], [["0", 0x90, 60, 80]], [[True, 0x90, 60, 80]], [[-1, 0x90, 60, 80]], [[2e3, 0x90, 60, 80]],
    [[0, 0x90, 256, 80]], [[0, 0x90, 60.5, 80]], [[0, -1, 60, 80]], [{}], [[0, 0x90, 60, 80]] * 257, [[0, 10**400, 60, 80]],
])  # fmt: skip
def test_what_no_keyboard_sends_is_refused(page: Page, messages: object) -> None:
    answer = page.client.post("/api/keys", json={"job": 1, "messages": messages})
    assert answer.status_code == 422 and len(answer.text.strip().splitlines()) == 1
    with pytest.raises(OrchestrionError):
        Keyboards().press({"job": 1, "messages": messages})


@pytest.mark.parametrize("asked", [
    {}, {"instrument": "/etc/passwd"}, {"instrument": ["violin"]}, {"instrument": "violin", "options": {"seed": -1}},
    {"instrument": "violin", "options": {"noise": "loud"}},
])  # fmt: skip
def test_only_shipped_instruments_are_played(page: Page, asked: object) -> None:
    answer = page.client.post("/api/live", json=asked)
    assert answer.status_code == 422 and len(answer.text.strip().splitlines()) == 1


def test_what_knows_no_notes_says_so(page: Page) -> None:
    events, audio = page.job("/api/live", {"instrument": "violin-unconditioned"})
    assert events[-1]["event"] == "failed" and "knows no notes" in str(events[-1]["message"]) and not audio


def test_playing_ends_where_nobody_plays_or_listens(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "IDLE_S", 0.2)
    events, audio = page.job("/api/live", {"instrument": "violin"})
    assert events[-1]["event"] == "done" and "No key was pressed" in str(events[-2]["message"])
    played = next(event for event in events if event["event"] == "played")
    assert len(audio) == 4 * round(24_000 * float(str(played["seconds"])))
    monkeypatch.setattr(live, "IDLE_S", 1e9)
    monkeypatch.setattr(live, "UNHEARD_S", 0.1)
    monkeypatch.setattr(StudioJob, "n_waiting", property(lambda job: 100))
    events, _ = page.job("/api/live", {"instrument": "violin"})
    assert events[-1]["event"] == "done" and "fetched no audio" in str(events[-2]["message"])


def test_blocks_come_in_time_and_late_ones_are_counted() -> None:
    now, slept, heard = [0.0], list[float](), list[np.ndarray]()

    class Job:
        def hear(self, samples: np.ndarray) -> None:
            heard.append(samples)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    output = PageOutput(Job(), 1000, clock=lambda: now[0], sleep=sleep)
    assert not output.write(np.zeros(10, np.float32))
    assert not output.write(np.zeros(10, np.float32)) and slept[-1] == pytest.approx(0.010)
    now[0] += 0.05
    assert output.write(np.zeros(10, np.float32)) and slept[-1] == 0
    assert not output.write(np.zeros(10, np.float32)) and slept[-1] == pytest.approx(0.010)  # and does not hurry after it
    assert len(heard) == 4


def test_a_live_job_waits_its_turn(served: Served) -> None:
    tabs = [served.connect() for _ in range(2)]
    for tab in tabs:
        tab.request("POST", "/api/live", json.dumps({"instrument": "violin"}), served.headers())
        assert tab.getresponse().read(5)
    wait_for(lambda: served.state() == {"running": 1, "waiting": 1})
    for tab in tabs:
        if tab.sock is not None:
            tab.sock.close()
        tab.close()
    began = time.monotonic()
    wait_for(lambda: served.state() == {"running": 0, "waiting": 0})
    assert time.monotonic() - began < 20
