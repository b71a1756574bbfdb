"""Corpora of scores: folders with transposition, copies and splits; chorales as JSON; music21's collections."""

from __future__ import annotations

import json

import pytest

from orchestrion.datasets.corpora.json_corpus import prepare_scores
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.music21_corpus import read_collection
from orchestrion.datasets.corpora.piece import fingerprint, split_of
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, Score

BACKWARDS = {"name": "x", "split": "train", "meter": [4, 4], "sharps": 0, "notes": [[3, 2, 60]]}
ABC = "X:1\nT:Tune\nM:4/4\nL:1/8\nK:G\nGABc d2B2|c2A2 B2F2|GABc d2B2|A4 G4|\n"


def score(intervals: list[int], start: int = 60) -> Score:
    pitches = [start]
    for step in intervals:
        pitches.append(pitches[-1] + step)
    notes = tuple(Note(0.5 * i, 0.5 * i + 0.5, p, 80) for i, p in enumerate(pitches))
    return Score((Part("a", 0, notes),))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "tunes"
    (made / "book").mkdir(parents=True)
    for number in range(12):
        score([2, 2, 1, 2, -number, 3, -1, number % 5]).write(made / "book" / f"{number:02d}.mid")
    score([2, 2, 1, 2, 0, 3, -1, 0], start=65).write(made / "copy of 00 in F.musicxml")
    (made / "tune.abc").write_text(ABC)
    (made / "broken.mid").write_bytes(b"MThd nothing")
    return made


def test_copies_are_dropped_and_works_are_divided_whole(folder, tmp_path):
    figures = prepare_scores(folder, tmp_path / "c.json", licence="public domain")
    content = json.loads((tmp_path / "c.json").read_text())
    assert figures["works"] == 13 and sum(figures["pieces"].values()) == 13 and content["licence"] == "public domain"
    assert set(figures["left_out"]) == {"broken.mid", "copy of 00 in F.musicxml"}
    assert figures["left_out"]["copy of 00 in F.musicxml"] == "it begins like book/00.mid"
    everything = load_corpus(tmp_path / "c.json", "all")
    for split in ("train", "validation", "test"):
        expected = [piece.name for piece in everything if split_of(piece) == split]
        if expected:
            assert [piece.name for piece in load_corpus(tmp_path / "c.json", split)] == expected
    kept = prepare_scores(folder, tmp_path / "all.json", keep_copies=True)
    assert sum(kept["pieces"].values()) == 14 and kept["works"] == 13


def test_transposition(folder, tmp_path):
    prepare_scores(folder, tmp_path / "plain.json")
    prepare_scores(folder, tmp_path / "c.json", transpose="c")
    prepare_scores(folder, tmp_path / "all.json", transpose="all")
    plain = {piece.name: piece for piece in load_corpus(tmp_path / "plain.json", "all")}
    in_c = {piece.name: piece for piece in load_corpus(tmp_path / "c.json", "all")}
    assert all(in_c[name].notes == piece.in_c().notes for name, piece in plain.items())
    assert in_c["tune.abc"].notes != plain["tune.abc"].notes
    train = load_corpus(tmp_path / "all.json", "train")
    assert len(train) == 12 * len(load_corpus(tmp_path / "plain.json", "train"))
    assert len(load_corpus(tmp_path / "all.json", "all")) == len(train) + sum(
        split_of(p) != "train" for p in plain.values()
    )
    assert {fingerprint(piece) for piece in train} == {fingerprint(p) for p in plain.values() if split_of(p) == "train"}


def test_bad_folders_and_names(folder, tmp_path):
    for arguments, said in (
        ((tmp_path / "nowhere", tmp_path / "x.json"), "no folder"),
        ((folder, tmp_path / "x"), "end in .json"),
        ((folder / "none", tmp_path / "x.json"), "no folder"),
    ):
        with pytest.raises(OrchestrionError, match=said):
            prepare_scores(*arguments)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OrchestrionError, match="no score that can be read"):
        prepare_scores(tmp_path / "empty", tmp_path / "x.json")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(OrchestrionError, match="exists already"):
        prepare_scores(folder, tmp_path / "x.json")


def chorales(path, content) -> None:
    path.write_text(json.dumps(content))


def test_jsb_chorales_as_json(tmp_path):
    steps = [[67, 64, 60, 48]] * 4 + [[67, 62, 59, -1]] * 2 + [[69, 62, 59, 50]] * 2
    chorales(tmp_path / "Jsb16thSeparated.json", {"train": [steps, steps], "valid": [steps[:4]], "test": [steps]})
    train = load_corpus(tmp_path / "Jsb16thSeparated.json", "train")
    assert len(train) == 2 and train[0].merged and train[0].n_steps == 8
    assert train[0].notes == (
        (0, 4, 48),
        (0, 4, 60),
        (0, 4, 64),
        (0, 6, 67),
        (4, 8, 59),
        (4, 8, 62),
        (6, 8, 50),
        (6, 8, 69),
    )
    assert len(load_corpus(tmp_path / "Jsb16thSeparated.json", "all")) == 4
    chorales(tmp_path / "jsb-chorales-quarter.json", {"train": [steps], "valid": [steps], "test": [steps]})
    assert load_corpus(tmp_path / "jsb-chorales-quarter.json", "test")[0].notes[3] == (0, 24, 67)


def test_unisons_are_one_key(tmp_path):
    chorales(tmp_path / "c16th.json", {"train": [[[60, 60], [60, 62], [60, -1], [64, 60]]]})
    assert load_corpus(tmp_path / "c16th.json", "train")[0].notes == ((0, 3, 60), (1, 2, 62), (3, 4, 60), (3, 4, 64))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"train": []}, "no train split"),
        ({"train": [[["C4"]]]}, "no pitch"),
        ({"train": [[[60.5]]]}, "no pitch"),
        ({"train": [[[128]]]}, "no pitch"),
        ({"train": [60]}, "list of steps"),
        ({"train": [[[]]]}, "0 voices"),
        ([], "no corpus"),
        ({"kind": "scores", "pieces": [{"name": "x"}]}, "piece that is none"),
        ({"kind": "scores", "pieces": [BACKWARDS]},
         "note that is none"),
    ],
)  # fmt: skip
def test_malformed_json(tmp_path, content, said):
    chorales(tmp_path / "x.json", content)
    with pytest.raises(OrchestrionError, match=said):
        load_corpus(tmp_path / "x.json", "train")


def test_a_corpus_in_all_keys_may_be_larger_than_other_text_files(tmp_path):
    """Prepared in twelve keys, a thousand tunes take more than the 32 MiB that label files may have."""
    piece = {"name": "x", "split": "train", "meter": [4, 4], "sharps": 0, "notes": [[0, 2, 60]]}
    text = json.dumps({"kind": "scores", "pieces": [piece]})
    (tmp_path / "x.json").write_text(text + " " * (33 << 20))
    assert load_corpus(tmp_path / "x.json", "all")[0].notes == ((0, 2, 60),)


def test_music21_collections(monkeypatch, tmp_path):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path))
    pieces = load_corpus("music21:josquin", "all")
    assert len(pieces) > 10 and all(piece.name.startswith("josquin/") for piece in pieces)
    assert load_corpus("music21:josquin", "all") == pieces  # from the cache
    with pytest.raises(OrchestrionError, match=r"no 'bachh'; it has .*bach"):
        read_collection("bachh")
