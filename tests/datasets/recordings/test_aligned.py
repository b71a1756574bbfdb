"""Folders of recordings with notes: what is read back, how pieces are divided, and what each defect says."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import soundfile

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.aligned import AlignedSet, default_splits, work_of
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

NOTES = (Note(0.0, 0.5, 69, 100), Note(0.5, 0.9, 71, 60))


def tone(seconds: float = 1.0, rate: int = 16000) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "set"
    made.mkdir()
    for name in ("one", "two", "three"):
        Waveform(tone(), 16000).write(made / f"{name}.flac")
        write_notes(made / f"{name}.tsv", NOTES)
    return made


def opened(folder, **options) -> AlignedSet:
    return AlignedSet.open(folder, cache_dir=folder.parent / "cache", **options)


def refused(folder) -> str:
    with pytest.raises(OrchestrionError) as caught:
        opened(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_samples_are_those_of_the_file(folder):
    piece = opened(folder).piece("one")
    stored, _ = soundfile.read(folder / "one.flac", dtype="int16")
    np.testing.assert_array_equal(np.rint(piece.samples() * 32768), stored)
    np.testing.assert_array_equal(piece.samples(1000, 1200), piece.samples()[1000:1200])
    assert piece.samples().dtype == np.float32 and piece.n_samples == 16000


def test_series_covers_the_audio(folder):
    Waveform(tone(1.0)[:-7], 16000).write(folder / "one.flac")
    piece = opened(folder).piece("one")
    assert piece.series.n_frames == -(-piece.n_samples // 64)
    assert list(piece.series.notes.onset_frame) == [0, 125]


def test_other_rates_are_converted_once(folder):
    Waveform(tone(1.0, 44100), 44100).write(folder / "one.flac")
    piece = opened(folder).piece("one")
    assert piece.n_samples == 16000
    np.testing.assert_allclose(piece.samples(4000, 8000), tone()[4000:8000], atol=2e-3)
    before = piece.audio.path.stat().st_ino  # a file that is written anew is another
    assert opened(folder).piece("one").audio.path.stat().st_ino == before


def test_changed_audio_is_decoded_anew(folder):
    opened(folder)
    Waveform(tone(2.0), 16000).write(folder / "one.flac")
    assert opened(folder).piece("one").n_samples == 32000


def test_audio_and_tables_may_lie_in_subfolders(folder):
    for kind in ("flac", "tsv"):
        (folder / kind).mkdir()
        for path in folder.glob(f"*.{kind}"):
            path.rename(folder / kind / path.name)
    assert [piece.name for piece in opened(folder).pieces] == ["one", "three", "two"]


def test_a_piece_travels_to_another_process_without_its_audio(folder):
    piece = opened(folder).piece("one")
    piece.samples(0, 10)
    assert len(pickle.dumps(piece)) < 5000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(piece)).samples(), piece.samples())


def test_splits_file_is_followed_and_the_unnamed_left_out(folder):
    (folder / "splits.json").write_text(json.dumps({"train": ["one"], "validation": ["two"]}))
    recordings = opened(folder)
    assert [[p.name for p in recordings.split(s)] for s in ("train", "validation")] == [["one"], ["two"]]


def test_default_splits_never_divide_a_work():
    names = tuple(f"piece{i}_ENSTDk{side}" for i in range(60) for side in ("Cl", "Am"))
    splits = default_splits(names)
    works = {split: {work_of(name) for name in names} for split, names in splits.items()}
    assert not works["train"] & works["validation"]
    assert 1 <= len(works["validation"]) <= 12
    assert sorted([*splits["train"], *splits["validation"]]) == sorted(names)


def test_default_splits_of_few_works():
    assert len(default_splits(("a", "b"))["validation"]) == 1
    assert default_splits(("a_ENSTDkCl", "a_ENSTDkAm"))["validation"] == ()


def test_a_new_piece_moves_no_other_to_another_split():
    names = tuple(f"piece{i}" for i in range(100))
    kept = set(default_splits(names)["train"])
    assert set(default_splits((*names, "newcomer"))["train"]) >= kept - {"newcomer"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0.1\t0.2\t60", "line 4, has 3 fields"),
        ("0.1\t0.2\tC4\t80", "line 4, is not two times"),
        ("nan\t0.2\t60\t80", "line 4"),
        ("0.3\t0.2\t60\t80", "line 4"),
        ("0.1\t0.2\t128\t80", "line 4: Pitch 128"),
        ("0.1\t0.2\t60\t0", "line 4: Velocity 0"),
    ],
)
def test_malformed_rows_are_named_with_their_line(folder, row, said):
    with open(folder / "two.tsv", "a") as handle:
        handle.write(row + "\n")
    assert "two.tsv" in refused(folder) and said in refused(folder)


def test_a_note_without_length_is_played(folder):
    with open(folder / "two.tsv", "a") as handle:
        handle.write("0.95\t0.95\t60\t80\n")
    assert len(opened(folder).piece("two").series.notes) == 3


def test_defects_of_folders_are_sentences(folder, tmp_path):
    assert "no folder" in refused(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no audio" in refused(tmp_path / "empty")
    (folder / "two.tsv").rename(folder / "four.tsv")
    assert "twin" in refused(folder)


def test_notes_beyond_the_audio_are_refused(folder):
    write_notes(folder / "one.tsv", [*NOTES, Note(1.2, 1.4, 60, 80)])
    assert "belong to another recording" in refused(folder)


def test_a_header_of_another_table_is_refused(folder):
    (folder / "one.tsv").write_text("OnsetTime\tOffsetTime\tMidiPitch\n0\t1\t60\n")
    assert "must begin with" in refused(folder)
    (folder / "one.tsv").write_bytes(b"\xff\xfe\x00")
    assert "not text" in refused(folder)


def test_bad_audio_is_refused_and_leaves_no_cache(folder):
    soundfile.write(folder / "one.wav", np.array([0.0, np.nan], dtype=np.float32), 16000, subtype="FLOAT")
    (folder / "one.flac").unlink()
    assert "not numbers" in refused(folder)
    (folder / "one.wav").write_bytes(b"RIFF, but not really")
    assert "not audio" in refused(folder)
    assert not list((folder.parent / "cache").glob("one-*"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "JSON object"),
        ("{", "not JSON"),
        ('{"train": "one"}', "of the form"),
        ('{"train": ["one"], "validation": ["one"]}', "both"),
        ('{"train": ["ten"]}', "not in the folder"),
    ],
)
def test_bad_splits_are_refused(folder, text, said):
    (folder / "splits.json").write_text(text)
    assert said in refused(folder)


def test_intervals_outside_the_piece_are_refused(folder):
    piece = opened(folder).piece("one")
    for start, stop in ((-1, 5), (5, 4), (0, 16001)):
        with pytest.raises(OrchestrionError, match="not within"):
            piece.samples(start, stop)
    with pytest.raises(OrchestrionError, match="no split"):
        opened(folder).split("test")
