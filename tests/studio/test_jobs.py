"""The queue: bounded, one at a time, cancelled by a word or by a tab that closes; a hundred at once are no danger."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.studio.jobs import MOST_WAITING, Jobs, QueueFullError, StudioJob
from tests.studio.conftest import TUNE
from tests.studio.served import Served, wait_for

LONG = {"score": {**TUNE, "parts": [{**TUNE["parts"][0], "notes": [[0, 300, 69, 80]]}]}, "players": ["violin"], "options": {"parallel": False}}


def test_how_jobs_end() -> None:
    def broken(job: StudioJob) -> None:
        raise OrchestrionError("This is\nwhat is wrong.")

    def without_memory(job: StudioJob) -> None:
        raise MemoryError

    async def run() -> list[object]:
        jobs = Jobs()
        found = []
        for work in (lambda job: job.tell("hello"), broken, without_memory):
            job = jobs.submit(work)
            found.append([json.loads(frame[5:]) async for frame in job.frames()][-1])
        jobs.close()
        return found

    done, failed, memory = asyncio.run(run())
    assert done == {"event": "done"} and failed == {"event": "failed", "message": "This is what is wrong."}
    assert memory["event"] == "failed" and "memory" in memory["message"]


def test_a_job_whose_end_was_told_runs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    run_it = StudioJob.run
    monkeypatch.setattr(StudioJob, "run", lambda job: (run_it(job), time.sleep(0.3)))  # its thread ends later

    async def run() -> object:
        jobs = Jobs()
        job = jobs.submit(lambda job: None)
        last = [frame async for frame in job.frames()][-1]
        state = jobs.state()
        jobs.close()
        return json.loads(last[5:]), state

    assert asyncio.run(run()) == ({"event": "done"}, {"running": 0, "waiting": 0})


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_its_own_job_only() -> None:
    def bug(job: StudioJob) -> None:
        raise ZeroDivisionError

    async def run() -> list[object]:
        jobs = Jobs()
        first, second = jobs.submit(bug), jobs.submit(lambda job: None)
        found = [[json.loads(frame[5:]) async for frame in job.frames()][-1] for job in (first, second)]
        jobs.close()
        return found

    failed, done = asyncio.run(run())
    assert failed["event"] == "failed" and "terminal" in failed["message"] and done == {"event": "done"}


def test_the_queue_is_bounded_and_what_waits_can_be_cancelled() -> None:
    async def run() -> None:
        go = threading.Event()
        jobs = Jobs(most_waiting=2)
        running = jobs.submit(lambda job: (go.wait(20), job.check()))
        while jobs.state()["running"] == 0:
            await asyncio.sleep(0.01)
        waiting = [jobs.submit(lambda job: None) for _ in range(2)]
        with pytest.raises(QueueFullError):
            jobs.submit(lambda job: None)
        assert jobs.cancel(waiting[0].number) and jobs.state() == {"running": 1, "waiting": 1}
        assert json.loads([frame async for frame in waiting[0].frames()][-1][5:]) == {"event": "cancelled"}
        places = [json.loads(frame[5:]).get("place") for frame in list(waiting[1]._frames)]
        assert places[0] == 2 and places[-1] == 1  # moved up
        assert jobs.cancel(running.number) and not jobs.cancel(999)
        go.set()
        assert json.loads([frame async for frame in running.frames()][-1][5:]) == {"event": "cancelled"}
        assert json.loads([frame async for frame in waiting[1].frames()][-1][5:]) == {"event": "done"}
        jobs.close()
        with pytest.raises(QueueFullError):
            jobs.submit(lambda job: None)

    asyncio.run(run())


def test_a_closed_tab_frees_its_job(served: Served) -> None:
    tabs = [served.connect() for _ in range(2)]
    for tab in tabs:
        tab.request("POST", "/api/render", json.dumps(LONG), served.headers())
        assert tab.getresponse().read(30)
    wait_for(lambda: served.state() == {"running": 1, "waiting": 1})
    for tab in reversed(tabs):
        assert tab.sock is not None
        tab.sock.close()
        tab.close()
    wait_for(lambda: served.state() == {"running": 0, "waiting": 0})


def test_cancelling_by_number(served: Served) -> None:
    tab = served.connect()
    tab.request("POST", "/api/render", json.dumps(LONG), served.headers())
    answer = tab.getresponse()
    assert json.loads(answer.read(5 + int.from_bytes(answer.peek(5)[1:5], "little"))[5:])["event"] == "queued"
    assert json.loads(served.ask("POST", "/api/cancel", {"job": 1})[1]) == {"cancelled": True}
    assert b'"cancelled"' in answer.read()
    tab.close()
    assert json.loads(served.ask("POST", "/api/cancel", {"job": "1"})[1]) == {"cancelled": False}


def test_a_hundred_jobs_at_once_do_not_take_the_machine_down(served: Served) -> None:
    release = threading.Event()

    def one(_: int) -> tuple[int, str]:
        tab = served.connect()
        try:
            tab.request("POST", "/api/render", json.dumps(LONG), served.headers())
            answer = tab.getresponse()
            if answer.status == 200:
                release.wait(60)  # it holds its place, as an open tab does
                return 200, ""
            return answer.status, answer.read().decode()
        finally:
            tab.close()

    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(one, i) for i in range(100)]
        try:
            wait_for(lambda: sum(job.done() for job in asked) >= 100 - MOST_WAITING - 2)
            began = time.monotonic()
            assert served.ask("GET", "/api/takes")[0] == 200  # the page is answered all the while
            assert time.monotonic() - began < 10
            assert served.state()["running"] == 1 and served.state()["waiting"] <= MOST_WAITING
        finally:
            release.set()
        answers = [job.result() for job in asked]
    counts = Counter(status for status, _ in answers)
    assert set(counts) <= {200, 429, 503} and 1 <= counts[200] <= MOST_WAITING + 2, counts
    assert all(len(text.strip().splitlines()) == 1 for status, text in answers if status != 200)
    wait_for(lambda: served.state() == {"running": 0, "waiting": 0})
