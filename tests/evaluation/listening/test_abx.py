"""ABX trials, hidden anchors and questions of one's own, from the page to the figures."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.abx import discrimination
from orchestrion.evaluation.listening.answers import COLUMNS_ABX
from orchestrion.evaluation.listening.build import build_page
from orchestrion.evaluation.listening.clips import ANCHOR
from orchestrion.evaluation.listening.codes import completion_code
from orchestrion.evaluation.listening.results import evaluate, evaluate_answers
from orchestrion.evaluation.listening.text import as_text
from orchestrion.options import Listening

RATE = 16000


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for number, name in enumerate(("old", "new")):
        (tmp_path / "clips" / name).mkdir(parents=True)
        for item in range(3):
            noise = np.random.default_rng([number, item]).uniform(-0.5, 0.5, RATE)
            Waveform(noise, RATE).write(tmp_path / "clips" / name / f"item{item}.wav")
    return tmp_path / "clips"


def study(page: Path) -> dict:
    text = (page / "index.html").read_text(encoding="utf-8")
    return json.loads(text.partition('id="study">')[2].partition("</script>")[0])


def session(key: dict, answers: list[dict], listener: str = "someone") -> dict:
    return {"format": "orchestrion-listening", "version": 1, "study": key["study"], "listener": listener, "complete": True,
            "code": completion_code(key["study"], listener), "check_failures": 0, "answers": answers}  # fmt: skip


def test_the_third_clip_is_one_of_the_two_under_a_name_of_its_own(clips: Path, tmp_path: Path) -> None:
    key = build_page([clips], tmp_path / "page", Listening(ratings=0, abx=8))
    trials = study(tmp_path / "page")["lists"][0]["abx"]
    assert len(trials) == 8 and key["per_listener"]["abx"] == 8
    sides = []
    for a, b, x in trials:
        copied = key["clips"][x]["copy_of"]
        assert copied in (a, b) and x not in (a, b) and key["clips"][a]["item"] == key["clips"][b]["item"]
        assert {key["clips"][a]["system"], key["clips"][b]["system"]} == {"old", "new"}
        sides.append(copied == a)
        assert (tmp_path / "page" / "clips" / f"{x}.wav").read_bytes() == (tmp_path / "page" / "clips" / f"{copied}.wav").read_bytes()
    assert sum(sides) == 4  # half of them each
    assert "copy_of" not in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


def test_what_was_told_apart_is_counted_and_held_against_guessing(clips: Path, tmp_path: Path) -> None:
    key = build_page([clips], tmp_path / "page", Listening(ratings=0, abx=12))
    trials = study(tmp_path / "page")["lists"][0]["abx"]
    answers = []
    for number, (a, b, x) in enumerate(trials):
        right = "a" if key["clips"][x]["copy_of"] == a else "b"
        wrong = {"a": "b", "b": "a"}[right]
        answers.append({"kind": "abx", "a": a, "b": b, "x": x, "answer": right if number < 10 else wrong, "repeat": False, "plays": [1, 1, 1], "seconds": 5})
    file = tmp_path / "someone.json"
    file.write_text(json.dumps(session(dict(key), answers)))
    found = evaluate_answers([file], str(key["key_file"]))["abx"]
    expected = binomtest(10, 12, 0.5, alternative="greater").pvalue
    assert found == {"new / old": {"n": 12, "n_right": 10, "share": 10 / 12, "p": pytest.approx(expected)}}
    assert "10 of 12" in as_text(evaluate([file], str(key["key_file"])))
    # The same as the table that the page offers.
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerow(COLUMNS_ABX)
    for number, each in enumerate(answers):
        writer.writerow([key["study"], "someone", number, "abx", each["a"], each["b"], each["answer"], "false", 1, 5, 0, each["x"]])
    table = tmp_path / "someone.csv"
    table.write_text(rows.getvalue())
    assert evaluate_answers([table], str(key["key_file"]))["abx"] == found
    # A third clip that is neither of the two is no answer of this page.
    answers[0]["x"] = answers[0]["a"]
    file.write_text(json.dumps(session(dict(key), answers)))
    with pytest.raises(OrchestrionError, match="answer 1"):
        evaluate_answers([file], str(key["key_file"]))


def test_guessing_is_no_discrimination() -> None:
    assert discrimination(8, 16).p > 0.5 and discrimination(16, 16).p == pytest.approx(2.0**-16) and discrimination(0, 4).p == 1.0


def test_the_hidden_anchor_has_nothing_above_its_frequency(clips: Path, tmp_path: Path) -> None:
    key = build_page([clips], tmp_path / "page", Listening(anchor="old"))
    assert key["systems"] == sorted(["old", "new", ANCHOR])
    for name, clip in key["clips"].items():
        samples = Waveform.read(tmp_path / "page" / "clips" / f"{name}.wav").samples
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        above = power[hz > 4500].sum() / power.sum()
        assert above < 1e-4 if clip["system"] == ANCHOR else above > 0.2, clip
    assert sum(clip["system"] == ANCHOR for clip in key["clips"].values()) == 3
    with pytest.raises(OrchestrionError, match="no system 'none'"):
        build_page([clips], tmp_path / "other", Listening(anchor="none"))


def test_questions_of_ones_own_are_asked(clips: Path, tmp_path: Path) -> None:
    build_page([clips], tmp_path / "page", Listening(question="How real is <it>?", pair_question="Which is real?", pairs=2, collect=True))
    config = study(tmp_path / "page")
    assert (config["question"], config["pairQuestion"], config["collect"]) == ("How real is <it>?", "Which is real?", True)
    assert "<it>" not in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


def test_abx_needs_items_in_common(clips: Path, tmp_path: Path) -> None:
    for path in (clips / "new").iterdir():
        path.rename(path.with_name(f"other-{path.name}"))
    with pytest.raises(OrchestrionError, match="tell apart"):
        build_page([clips], tmp_path / "page", Listening(ratings=0, abx=2))
