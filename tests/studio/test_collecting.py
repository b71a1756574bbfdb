"""The server that collects answers: only its own page may send them, only of its own test, and nobody chooses a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette")

from starlette.testclient import TestClient

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.build import build_page
from orchestrion.evaluation.listening.codes import completion_code
from orchestrion.evaluation.listening.results import evaluate_answers
from orchestrion.options import Listening
from orchestrion.studio.collecting import create_collector
from orchestrion.studio.guard import Guard
from tests.browser import CHROMIUM, Browser
from tests.studio.served import serving

PORT = 8765
BASE = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    for number, name in enumerate(("old", "new")):
        (tmp_path / "clips" / name).mkdir(parents=True)
        tone = np.sin(2 * np.pi * (300 + 200 * number) * np.arange(4000) / 16000)
        Waveform(0.3 * tone, 16000).write(tmp_path / "clips" / name / "item.wav")
    build_page([tmp_path / "clips"], tmp_path / "page", Listening(ratings=0, abx=2, repeats=0, pair_repeats=0, collect=True))
    (tmp_path / "answers").mkdir()
    return tmp_path / "page"


@pytest.fixture
def client(page: Path) -> Iterator[TestClient]:
    app = create_collector(page, page.with_name("page-key.json"), page.with_name("answers"), PORT)
    with TestClient(app, base_url=BASE, headers={"origin": BASE}) as client:
        client.get(app.link.removeprefix(BASE))
        yield client


def session(page: Path, listener: str = "someone", n: int = 2) -> dict[str, object]:
    key = json.loads(page.with_name("page-key.json").read_text())
    text = (page / "index.html").read_text(encoding="utf-8")
    trials = json.loads(text.partition('id="study">')[2].partition("</script>")[0])["lists"][0]["abx"]
    answers = [{"kind": "abx", "a": a, "b": b, "x": x, "answer": "a", "repeat": False} for a, b, x in trials[:n]]
    return {"format": "orchestrion-listening", "version": 1, "study": key["study"], "listener": listener, "complete": n == 2,
            "code": completion_code(key["study"], listener), "check_failures": 0, "answers": answers}  # fmt: skip


def test_answers_are_kept_and_can_be_evaluated(page: Path, client: TestClient) -> None:
    assert client.post("/answers", json=session(page)).json() == {"received": 2}
    assert client.post("/answers", json=session(page, "someone else")).status_code == 200
    files = sorted(page.with_name("answers").iterdir())
    assert len(files) == 2
    found = evaluate_answers(files, page.with_name("page-key.json"))
    assert '"n": 4' in json.dumps(found["abx"])


def test_fewer_answers_do_not_replace_more(page: Path, client: TestClient) -> None:
    client.post("/answers", json=session(page))
    (kept,) = page.with_name("answers").iterdir()
    before = kept.read_bytes()
    assert client.post("/answers", json=session(page, n=1)).status_code == 200
    assert kept.read_bytes() == before


@pytest.mark.parametrize("listener", ["../../evil", "/etc/passwd", "a/b", "..", "a\x00b", "\ud800", "x" * 64])
def test_no_listener_chooses_a_file(page: Path, client: TestClient, listener: str) -> None:
    around = {path: path.stat().st_mtime_ns for path in page.parent.rglob("*") if path.is_file()}
    content = json.dumps(session(page, "placeholder") | {"listener": listener})
    client.post("/answers", content=content, headers={"content-type": "application/json"})
    new = [path for path in page.parent.rglob("*") if path.is_file() and path not in around]
    assert all(path.parent == page.with_name("answers") and path.name.startswith("answers-") for path in new)


def test_what_is_no_answer_of_this_test_is_refused(page: Path, client: TestClient) -> None:
    good = session(page)
    wrong = []
    for change in ({"study": "0000"}, {"format": "other"}, {"listener": ""}, {"listener": "x" * 65}, {"answers": None}, {"answers": [{}] * 10_001}):
        wrong.append(json.dumps({**good, **change}))
    for content in [*wrong, json.dumps(good).replace('"answer": "a"', '"answer": "c"'), "{", "[]", "[" * 100_000, "x" * (1 << 21)]:
        answer = client.post("/answers", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 422 and len(answer.text.strip().splitlines()) == 1, content[:80]
    assert not list(page.with_name("answers").iterdir())


def test_strangers_get_and_send_nothing(page: Path, client: TestClient) -> None:
    stranger = TestClient(create_collector(page, page.with_name("page-key.json"), page.with_name("answers"), PORT), base_url=BASE)
    clip = next((page / "clips").iterdir()).name
    for path in ("/", f"/clips/{clip}"):
        assert stranger.get(path).status_code == 403 and client.get(path).status_code == 200
        assert client.get(path, headers={"host": "evil.example"}).status_code == 421
    assert stranger.post("/answers", json=session(page)).status_code == 403
    for origin in ("http://evil.example", "null", ""):
        assert client.post("/answers", json=session(page), headers={"origin": origin}).status_code == 403
    assert client.post("/answers", content=json.dumps(session(page)), headers={"content-type": "text/plain"}).status_code == 422
    for path in ("/clips/../../page-key.json", "/clips/%2e%2e%2f%2e%2e%2fpage-key.json", "/page-key.json", "/clips/x.wav"):
        assert client.get(path).status_code == 404
    assert not list(page.with_name("answers").iterdir())
    policy = client.get("/").headers["content-security-policy"]
    assert "unsafe" not in policy and "script-src 'sha256-" in policy and "frame-ancestors 'none'" in policy


def test_a_page_that_sends_no_answers_is_refused(page: Path, tmp_path: Path) -> None:
    """It was served, and no answer ever came."""
    build_page([tmp_path / "clips"], tmp_path / "other", Listening(ratings=0, abx=2))
    with pytest.raises(OrchestrionError, match="sends no answers: it was built without --collect"):
        create_collector(tmp_path / "other", tmp_path / "other-key.json", tmp_path / "answers", PORT)


def test_a_key_of_another_page_is_refused(page: Path, tmp_path: Path) -> None:
    build_page([tmp_path / "clips"], tmp_path / "other", Listening(ratings=0, abx=2, seed=5))
    with pytest.raises(OrchestrionError, match="another page"):
        create_collector(page, tmp_path / "other-key.json", tmp_path / "answers", PORT)
    with pytest.raises(OrchestrionError, match="listen build"):
        create_collector(tmp_path, tmp_path / "other-key.json", tmp_path / "answers", PORT)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_listener_answers_and_the_answers_arrive(page: Path, tmp_path: Path) -> None:
    def collector(port: int) -> Guard:
        return create_collector(page, page.with_name("page-key.json"), page.with_name("answers"), port)

    with serving(collector) as served, Browser(tmp_path / "browser") as browser:
        browser.open(served.app.link)
        browser.wait("document.getElementById('next') !== null")
        # Past the volume check, whose beeps the page's own test counts.
        study = "JSON.parse(document.getElementById('study').textContent)"
        browser.evaluate(
            f"localStorage.setItem(`orchestrion-listening/${{{study}.id}}`, JSON.stringify({{listener: 'tester', step: 'trials', checks: 0, checkFailures: 0, answers: []}}))"
        )
        browser.open(served.base + "/")
        for number in range(2):
            browser.wait(f"document.getElementById('count').textContent.startsWith('{number + 1} of')")
            assert browser.evaluate("document.querySelector('legend').textContent") == "Which one is X?"
            for clip in range(3):
                browser.evaluate(f"document.querySelectorAll('.play')[{clip}].click()")
                browser.wait(f"document.querySelectorAll('.play')[{clip}].textContent.includes('again')")
            browser.screenshot(tmp_path / "abx.png")
            browser.press("b")
            browser.evaluate("document.getElementById('next').click()")
        browser.wait("document.getElementById('sent')?.textContent.includes('received')")
        assert browser.errors == [] and all(url.startswith((served.base, "data:")) for url in browser.requests)
    (file,) = page.with_name("answers").iterdir()
    kept = json.loads(file.read_text())
    assert kept["listener"] == "tester" and kept["complete"] is True and [answer["answer"] for answer in kept["answers"]] == ["b", "b"]
