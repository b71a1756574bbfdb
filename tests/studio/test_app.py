"""What the page asks for: opening, exporting, composing, playing, the history; and what is refused, each in one sentence."""

from __future__ import annotations

import base64
import copy
import json
from importlib import resources

import numpy as np
import pytest

from orchestrion.score import BUILTIN_TUNES, Score
from orchestrion.studio.scorejson import MidiScore, from_json, to_json
from orchestrion.studio.takes import SessionTake, Takes
from tests.studio.conftest import DUO, TUNE, Page


def test_the_page_names_what_there_is(page: Page) -> None:
    about = page.client.get("/api/about").json()
    assert {"violin", "piano"} <= {one["name"] for one in about["instruments"]}
    assert about["composers"] == ["chorales", "melodies", "quartets"]
    html = page.client.get("/").text
    for file in (resources.files("orchestrion.studio") / "page").iterdir():
        if file.name != "index.html":
            answer = page.client.get(f"/{file.name}")
            assert answer.status_code == 200 and answer.content == file.read_bytes()
    assert 'src="/main.js"' in html


@pytest.mark.parametrize("tune", ["ode-to-joy", "greensleeves"])
def test_a_score_survives_the_way_to_the_page_and_back(page: Page, tune: str) -> None:
    score = page.client.post("/api/tune", json={"name": tune}).json()["score"]
    assert from_json(score) == BUILTIN_TUNES[tune]
    midi = page.client.post("/api/export", json={"score": score, "kind": "mid"})
    assert midi.headers["content-disposition"] == 'attachment; filename="score.mid"'
    opened = page.client.post("/api/open?kind=.mid", content=midi.content).json()["score"]
    assert [row[2] for row in opened["parts"][0]["notes"]] == [row[2] for row in score["parts"][0]["notes"]]
    # What is read of the file is what the studio plays: exactly.
    assert from_json(opened) == MidiScore.of(BUILTIN_TUNES[tune]).score


def test_musicxml_and_abc_are_opened(page: Page) -> None:
    xml = page.client.post("/api/export", json={"score": TUNE, "kind": "musicxml"}).content
    assert b"<score-partwise" in xml
    opened = page.client.post("/api/open?kind=.musicxml", content=xml).json()
    assert [row[2] for row in opened["score"]["parts"][0]["notes"]] == [67, 69, 71, 72]
    opened = page.client.post("/api/open?kind=.abc", content=b"X:1\nT:Scale\nM:4/4\nL:1/4\nK:C\nCDEF|").json()
    assert opened["score"]["title"] == "Scale" and [row[2] for row in opened["score"]["parts"][0]["notes"]] == [60, 62, 64, 65]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/api/open?kind=.mid", b""), ("/api/open?kind=.mid", b"not midi"), ("/api/open?kind=.py", b"x"), ("/api/open", b"x"),
        ("/api/open?kind=../../etc/passwd", b"x"), ("/api/open?kind=.musicxml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
        ("/api/open?kind=.mxl", base64.b64decode(b"UEsDBBQAAAAIAA==")), ("/api/open?kind=.abc", b"X:1\nK:C\n"),
        ("/api/tune", b'{"name": "../secret"}'), ("/api/tune", b"[]"), ("/api/tune", b"{"), ("/api/tune", b"[" * 100_000),
        ("/api/export", b'{"score": null}'), ("/api/render", b"{}"), ("/api/compose", b'{"model": "/etc/passwd"}'),
        ("/api/compose", b'{"model": ["melodies"]}'), ("/api/compose", b'{"options": {"prime": "/etc/passwd"}}'),
        ("/api/compose", b'{"sources": {"prime": "/etc/passwd"}}'), ("/api/compose", b'{"sources": {"prime": "take:1"}}'),
        ("/api/compose", b'{"sources": {"prime": {"path": "x"}}}'), ("/api/compose", b'{"sources": {"output": "current"}}'),
        ("/api/compose", b'{"options": {"bars": 100000}}'), ("/api/compose", b'{"options": {"count": 17}}'), ("/api/compose", b'{"options": {"seconds": 601}}'),
        ("/api/compose", b'{"options": {"threads": 4}}'), ("/api/compose", b'{"options": {"temperature": NaN}}'), ("/api/compose", b'{"options": {"bars": {"a": 1}}}'),
        ("/api/compose", b'{"options": {"bars": "8", "seconds": "9"}}'), ("/api/compose", b'{"options": {"key": "H quint"}}'),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_in_one_sentence(page: Page, path: str, content: bytes) -> None:
    answer = page.client.post(path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert len(answer.text.strip().splitlines()) == 1 and answer.text.strip().endswith((".", ")")), answer.text
    assert "Traceback" not in answer.text and "root:" not in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"players": ["/etc/passwd"]}, {"players": ["../models/violin"]}, {"players": []}, {"players": ["violin", "piano"]}, {"players": "violin"},
        {"players": [["violin"]]}, {"version": "other"}, {"options": {"device": "tpu"}}, {"options": {"seed": -1}}, {"options": {"seed": "x" * 3000}},
        {"options": {"length_s": "1e999"}}, {"options": {"only_source": True}}, {"options": {"gains_db": [1, 2, 3]}},
    ],
)  # fmt: skip
def test_bad_requests_to_play_are_refused(page: Page, change: dict[str, object]) -> None:
    answer = page.client.post("/api/render", json={"score": TUNE, "players": ["violin"], **change})
    if answer.status_code == 200:  # what only the players can know
        assert b'"failed"' in answer.content
    else:
        assert answer.status_code == 422 and len(answer.text.strip().splitlines()) == 1
    assert page.client.get("/api/takes").json()["takes"] == []


@pytest.mark.parametrize(
    "note",
    [[0, 0, 60, 80], [-1, 1, 60, 80], [0, 1, 128, 80], [0, 1, 60, 0], [0, 1, 60.5, 80], [0, 1, 60], [0, 1e999, 60, 80], [0, 601, 60, 80],
     ["0", 1, 60, 80], [True, 2, 60, 80], [0, 10**400, 60, 80], None, {}, [0, 1, 10**30, 80]],
)  # fmt: skip
def test_notes_that_cannot_be_are_refused(page: Page, note: object) -> None:
    score = copy.deepcopy(TUNE)
    score["parts"][0]["notes"].append(note)
    content = json.dumps({"score": score, "kind": "mid"})
    answer = page.client.post("/api/export", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422 and len(answer.text.strip().splitlines()) == 1


def test_scores_beyond_the_studio_are_refused_before_anything_is_made(page: Page) -> None:
    many = {**TUNE, "parts": [{**TUNE["parts"][0], "notes": [[0, 1, 60, 80]] * 50_001}]}
    parts = {**TUNE, "parts": [TUNE["parts"][0]] * 65}
    for score in (many, parts, {**TUNE, "tempos": [[i, 120] for i in range(2001)]}):
        assert page.client.post("/api/export", json={"score": score}).status_code == 422
    with pytest.raises(Exception, match="minutes"):
        from_json({**TUNE, "parts": [{**TUNE["parts"][0], "notes": [[0, 1, 60, 80], [700, 701, 60, 80]]}]})


def test_texts_lose_what_is_no_text() -> None:
    score = from_json({**TUNE, "title": "a\x00b\n\ud800" + "x" * 500})
    assert score.title.startswith("a b") and len(score.title) <= 200
    MidiScore.of(score)


def test_instruments_by_what_parts_say_of_themselves(page: Page) -> None:
    drums = {"name": "Kit", "program": 0, "drum": True, "notes": [[0, 1, 38, 80]]}
    score = {**DUO, "parts": [*DUO["parts"], drums, {"name": "Flute", "program": 0, "drum": False, "notes": []}]}
    assert page.client.post("/api/players", json={"score": score}).json() == ["violin", "piano", None, None]


def test_the_history_is_kept_removed_and_bounded(page: Page) -> None:
    take = page.take("/api/render", {"score": TUNE, "players": ["violin"], "version": "source"})
    listed = page.client.get("/api/takes").json()
    assert [one["take"] for one in listed["takes"]] == [take["take"]] and listed["running"] == listed["waiting"] == 0
    assert page.client.get(f"/api/takes/{take['take']}/musicxml").content.startswith(b"<?xml")
    assert page.client.delete(f"/api/takes/{take['take']}").json() == {"removed": True}
    for file in ("wav", "mid", "musicxml", "audio", "score", "given"):
        assert page.client.get(f"/api/takes/{take['take']}/{file}").status_code == 422
    takes = Takes(most=3, most_bytes=10**9)
    midi = MidiScore.of(from_json(TUNE))
    gone = [takes.add(takes.number(), SessionTake(f"take-{i}", "composed", "", midi, "", {})) for i in range(5)]
    assert gone == [[], [], [], [1], [2]] and [one["take"] for one in takes.facts()] == [3, 4, 5]
    small = Takes(most_bytes=1)
    small.add(1, SessionTake("a", "composed", "", midi, "", {}))
    assert small.add(2, SessionTake("b", "composed", "", midi, "", {})) == [1]


def test_a_composed_piece_has_no_audio(page: Page) -> None:
    take = page.take("/api/compose", {"options": {"bars": "1"}})
    assert take["audio"] is None and page.client.get(f"/api/takes/{take['take']}/wav").status_code == 404


def test_json_and_scores_are_inverse() -> None:
    for tune in BUILTIN_TUNES.values():
        assert from_json(to_json(tune)) == tune
    assert isinstance(from_json(TUNE), Score)


def test_samples_come_in_small_blocks_while_the_rest_is_made(page: Page) -> None:
    answer = page.client.post("/api/render", json={"score": TUNE, "players": ["violin"], "options": {"parallel": False}})
    kinds = []
    at = 0
    while at < len(answer.content):
        size = int.from_bytes(answer.content[at + 1 : at + 5], "little")
        kinds.append((answer.content[at : at + 1], size))
        at += 5 + size
    audio = [size for kind, size in kinds if kind == b"A"]
    assert len(audio) >= 20 and max(audio) <= 4 * 24_000 * 0.1
    assert np.isclose(sum(audio) / 4 / 24_000, 2.0, atol=0.01)
