"""Files of listeners, good, garbled and hostile; who is left out; what the command prints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.answers import COLUMNS, PageKey, read_session
from orchestrion.evaluation.listening.attention import attention_of
from orchestrion.evaluation.listening.results import evaluate_answers
from tests.evaluation.listening.listeners import World, key, rounded, session

KEY = key(3, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key and twelve attentive listeners."""
    (tmp_path / "key.json").write_text(json.dumps(KEY))
    rng = np.random.default_rng(0)
    ratings = World(means=(1.8, 3.0, 4.2), clip_sd=0.2).rate(rng, 12, 4)
    wins = [("s2c0", "s1c0"), ("s1c1", "s0c1"), ("s2c2", "s0c2"), ("s0c3", "s1c3")]
    for number, own in enumerate(ratings):
        again = rounded(own.ravel()[:5] + rng.normal(0, 0.4, 5))
        (tmp_path / f"l{number:02d}.json").write_text(json.dumps(session(f"l{number}", own, again, wins)))
    return tmp_path


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("l*.*"))


def as_csv(content: dict) -> str:
    rows = [",".join(COLUMNS)]
    for number, a in enumerate(content["answers"]):
        about = [a["clip"], ""] if a["kind"] == "rate" else [a["a"], a["b"]]
        fields = [content["study"], content["listener"], number, a["kind"], *about, a["answer"]]
        rows.append(",".join(map(str, [*fields, str(a["repeat"]).lower(), 1, 9.0, 0])))
    return "\r\n".join(rows) + "\r\n"


def test_the_whole_evaluation(folder):
    found = evaluate_answers(files(folder), folder / "key.json")
    means = [found["ratings"][f"system{s}"]["mean"] for s in range(3)]
    assert means == sorted(means) and means[2] - means[0] > 1.5
    for row in found["ratings"].values():
        assert row["low"] < row["mean"] < row["high"] and row["n_ratings"] == 48
    assert found["ranks"]["of_clips"]["p"] < 0.05 and len(found["ranks"]["of_clips"]["differences"]) == 3
    assert found["pairs"]["system2"]["strength"] > found["pairs"]["system0"]["strength"]
    assert found["power"]["difference"] == 0.2 and found["power"]["ratings"] > 50
    assert not any(row["left_out"] for row in found["listeners"])
    assert json.loads(json.dumps(found)) == found


def test_repeats_do_not_count_as_ratings_and_csv_says_the_same_as_json(folder):
    table = folder / "csv"
    table.mkdir()
    for path in files(folder):
        (table / path.with_suffix(".csv").name).write_text(as_csv(json.loads(path.read_text())))
    one, other = (evaluate_answers(files(place), folder / "key.json") for place in (folder, table))
    for part in ("ratings", "ranks", "pairs", "power"):
        assert one[part] == other[part]


def test_those_who_do_not_listen_are_left_out_and_named(folder):
    rng = np.random.default_rng(3)
    own = np.full((3, 4), 3)
    (folder / "lazy.json").write_text(json.dumps(session("lazy", own, own.ravel()[:5])))
    (folder / "liar.json").write_text(json.dumps(session("liar", rng.integers(1, 6, (3, 4))) | {"code": "WRONGCOD"}))
    ratings = np.array([[1, 5, 1, 5]] * 3)
    (folder / "lost.json").write_text(json.dumps(session("lost", ratings, 6 - ratings.ravel()[:5])))
    found = evaluate_answers(sorted(folder.glob("l*.json")), folder / "key.json")
    reasons = {row["listener"]: row["reason"] for row in found["listeners"] if row["left_out"]}
    assert set(reasons) == {"lazy", "liar", "lost"}
    assert "same rating" in reasons["lazy"] and "code" in reasons["liar"] and "came twice" in reasons["lost"]
    everybody = evaluate_answers(sorted(folder.glob("l*.json")), folder / "key.json", keep_all=True)
    assert everybody["ratings"]["system0"]["n_ratings"] == 48 + 12


def test_how_many_of_both_kinds_of_listeners_are_left_out():
    rng, n = np.random.default_rng(0), 300
    left_out = {"attentive": 0, "random": 0}
    for number in range(n):
        true = rng.uniform(1.5, 4.5, (3, 4))
        careful = rounded(true + rng.normal(0, 0.65, true.shape)), rounded(true.ravel()[:5] + rng.normal(0, 0.65, 5))
        random = rng.integers(1, 6, (3, 4)), rng.integers(1, 6, 5)
        for kind, answers in (("attentive", careful), ("random", random)):
            content = session(f"l{number}", *answers)
            left_out[kind] += attention_of(_session(content)).reason is not None
    assert left_out["attentive"] < 0.05 * n
    assert left_out["random"] > 0.45 * n


def _session(content: dict):
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(content))
        file.flush()
        return read_session(file.name, PageKey(KEY["study"], KEY["clips"], KEY.get("systems"), None))


def test_two_files_of_one_listener_count_once(folder):
    whole = json.loads((folder / "l00.json").read_text())
    (folder / "l00-half.json").write_text(json.dumps(whole | {"answers": whole["answers"][:3], "complete": False}))
    found = evaluate_answers(files(folder), folder / "key.json")
    assert found["ratings"]["system0"]["n_ratings"] == 48 and "l00-half" in found["notes"][0]


BAD = {
    "empty": "",
    "not JSON": "{",
    "deep": '{"a":' + "[" * 100_000,
    "list": "[]",
    "another format": '{"format": "x"}',
    "another study": json.dumps(session("x", np.ones((3, 4))) | {"study": "other"}),
    "no listener": json.dumps(session("x", np.ones((3, 4))) | {"listener": None}),
    "rating of 6": json.dumps(session("x", np.full((3, 4), 6))),
    "rating as text": json.dumps(session("x", np.ones((3, 4)))).replace('"answer": 1', '"answer": "1"'),
    "true for 1": json.dumps(session("x", np.ones((3, 4)))).replace('"answer": 1', '"answer": true'),
    "NaN": json.dumps(session("x", np.ones((3, 4)))).replace('"answer": 1', '"answer": NaN'),
    "unknown clip": json.dumps(session("x", np.ones((3, 4)))).replace("s0c0", "nothing"),
    "a list for a clip": json.dumps(session("x", np.ones((3, 4)))).replace('"s0c0"', "[1]"),
    "other table": "a,b,c\n1,2,3\n",
    "short row": ",".join(COLUMNS) + "\n5eed,x,0\n",
    "field too large": ",".join(COLUMNS) + "\n" + "x" * 200_000 + "\n",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_one_sentence(name, folder):
    (folder / "bad.json").write_text(BAD[name])
    result = CliRunner().invoke(cli, ["listen", "results", str(folder / "bad.json"), "--key", str(folder / "key.json")])
    assert result.exit_code == 1 and result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert "bad.json" in result.stderr


def test_binary_and_huge_files_get_one_sentence(folder):
    for content in (b"\xff\xfe\x00", b" " * (5 << 20)):
        (folder / "bad.json").write_bytes(content)
        with pytest.raises(OrchestrionError, match="bad.json"):
            evaluate_answers([folder / "bad.json"], folder / "key.json")
    with pytest.raises(OrchestrionError, match="no key file"):
        evaluate_answers(files(folder), files(folder)[0])
    with pytest.raises(OrchestrionError, match="Cannot read"):
        evaluate_answers([folder / "nothing.json"], folder / "key.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ANSWER = st.fixed_dictionaries({}, optional={name: JSON for name in ("kind", "clip", "a", "b", "answer", "repeat")})


@settings(max_examples=25, deadline=None)
@given(
    answers=st.lists(ANSWER | JSON, max_size=4),
    extra=st.dictionaries(st.sampled_from(["code", "complete", "listener"]), JSON),
)
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_sentence(answers, extra):
    content = session("x", np.ones((3, 4))) | {"answers": answers} | extra
    try:
        _session(content)
    except OrchestrionError as error:
        assert str(error)


def test_the_command_prints_tables(folder):
    paths = [str(path) for path in files(folder)]
    shown = CliRunner().invoke(cli, ["listen", "results", *paths, "--key", str(folder / "key.json")])
    assert shown.exit_code == 0, shown.output
    assert "system2 above system0" in shown.stdout and "12 of 12 listeners count" in shown.stdout
    machine = CliRunner().invoke(cli, ["listen", "results", *paths, "--key", str(folder / "key.json"), "--json"])
    assert json.loads(machine.stdout)["ratings"]["system0"]["n_ratings"] == 48
