"""Whatever bytes other people's files hold, a reader answers with notes or with one sentence."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrion.datasets.corpora.json_corpus import read_corpus
from orchestrion.datasets.layouts.bachviolin import seconds
from orchestrion.datasets.recordings.notesfile import parse_notes
from orchestrion.datasets.recordings.rawaudio import open_raw
from orchestrion.datasets.recordings.tracks import note, plain_name
from orchestrion.datasets.untrusted.archives import checked_name
from orchestrion.datasets.untrusted.pickles import describe
from orchestrion.datasets.untrusted.textfiles import read_csv, read_json, read_numbers
from orchestrion.errors import OrchestrionError

PICKLES = [pickle.dumps([np.arange(4), {"a": (1, 2.5, None)}], protocol) for protocol in (2, 3, 4)]
KEYS = ["train", "kind", "pieces"]
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answers(reader, *arguments) -> None:
    """The reader returns, or raises the one exception that is a sentence."""
    try:
        reader(*arguments)
    except OrchestrionError as error:
        assert "\n" not in str(error)


@given(st.sampled_from(PICKLES), st.integers(0, 200), st.binary(max_size=6), st.integers(0, 200))
@FAST
def test_pickles(content, at, inserted, cut):
    answers(describe, io.BytesIO(content[:at] + inserted + content[at + len(inserted) :][: cut or None]), "x")


@given(st.binary(max_size=200))
@FAST
def test_text_files(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    answers(read_csv, path, ("start", "end"))
    answers(lambda: list(read_numbers(path, 3, header=False)))
    answers(read_json, path)
    answers(lambda: parse_notes(content.decode("latin-1"), path))
    answers(open_raw, path)


@given(st.recursive(st.none() | st.booleans() | st.integers(-300, 300) | st.floats() | st.text(max_size=3),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
                    max_leaves=12))  # fmt: skip
@FAST
def test_json_corpora(tmp_path, content):
    import json

    (tmp_path / "x.json").write_text(json.dumps(content))
    answers(read_corpus, tmp_path / "x.json", "train")


@given(st.text(max_size=30))
@FAST
def test_names_in_archives_stay_within(name):
    try:
        path = Path("/room/folder") / checked_name(name, Path("x.zip"))
    except OrchestrionError:
        return
    assert path.resolve().is_relative_to("/room/folder") and path.resolve() != Path("/room/folder")


@given(*[st.floats() for _ in range(4)])
@FAST
def test_any_numbers_are_a_note_or_a_sentence(onset_s, offset_s, pitch, velocity):
    answers(note, onset_s, offset_s, pitch, velocity, Path("x"), 1)


@given(st.text(max_size=12))
@FAST
def test_names_and_times(text):
    assert "." not in plain_name(text) and "/" not in plain_name(text)
    answers(seconds, text, Path("x"))
