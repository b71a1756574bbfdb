"""Files to labelled sets: what is written, what is reused, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.errors import OrchestrionError
from orchestrion.labelling import methods, recordings
from orchestrion.labelling.methods import METHODS, notes_of
from orchestrion.labelling.picture import labels_figure
from orchestrion.labelling.recordings import label_recordings
from orchestrion.score import BUILTIN_TUNES, Note, Part, Score
from tests.labelling.sounds import RATE, line, played

NOTES = line([60, 64, 67, 72])


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    folder.mkdir()
    played(NOTES).resample(22050).write(folder / "take.1.wav")
    played(line([67, 65, 64])).write(folder / "other.flac")
    return folder


def test_a_folder_becomes_a_set_of_recordings_with_notes(takes, tmp_path):
    output = tmp_path / "new" / "set"
    made = label_recordings([takes], output, method="pyin")
    assert [(one.name, one.notes, one.lowest_pitch, one.highest_pitch) for one in made] == [
        ("other", 3, 64, 67), ("take.1", 4, 60, 72)]  # fmt: skip
    opened = AlignedSet.open(output, cache_dir=tmp_path / "cache")
    assert [note.pitch for note in opened.piece("take.1").notes] == [60, 64, 67, 72]
    assert opened.piece("take.1").duration_s == pytest.approx(made[1].seconds, abs=1e-3)
    assert [note.pitch for note in Score.read(output / "take.1.mid").notes] == [60, 64, 67, 72]
    assert (output / "take.1.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_there_is_not_made_again_unless_something_changed(takes, tmp_path, monkeypatch):
    output = tmp_path / "set"
    label_recordings([takes / "other.flac"], output, method="pyin")
    asked: list[str] = []
    monkeypatch.setattr(recordings, "notes_of", lambda audio, method, score: asked.append(method) or notes_of(audio, method, score))
    again = label_recordings([takes], output, method="pyin")
    assert [one.reused for one in again] == [True, False] and asked == ["pyin"]
    (output / "other.png").unlink()
    played(NOTES).write(takes / "take.1.wav")
    assert not any(one.reused for one in label_recordings([takes], output, method="pyin"))
    (output / "other.label.json").write_text("{}")
    assert [one.reused for one in label_recordings([takes], output, method="pyin")] == [False, True]


@pytest.mark.parametrize("by", ["table", "midi"])
def test_what_was_corrected_by_hand_is_never_replaced(by, takes, tmp_path):
    """A note taken out of the table; or a MIDI file in its place, as docs/your-own-recordings.md says."""
    output = tmp_path / "set"
    label_recordings([takes], output, method="pyin")
    if by == "table":
        mine = output / "other.tsv"
        mine.write_text("".join(mine.read_text().splitlines(keepends=True)[:-1]))
    else:
        (output / "other.tsv").unlink()
        mine = output / "other.mid"
        Score((Part("", 0, line([67, 65])),)).write(mine)
    content = mine.read_bytes()
    again = label_recordings([takes], output, method="pyin")
    assert [(one.notes, one.lowest_pitch, one.reused, one.corrected) for one in again] == [(2, 65, True, True), (4, 60, True, False)]
    with pytest.raises(OrchestrionError, match=f"{mine.name} was corrected by hand after it was labelled.* name another folder, or delete .*other.label.json"):
        label_recordings([takes], output, method="polyphonic")
    assert mine.read_bytes() == content
    (output / "other.label.json").unlink()
    assert not label_recordings([takes / "other.flac"], output, method="polyphonic")[0].corrected


def test_audio_keeps_what_instruments_can_play(takes, tmp_path):
    """Cut at 8 kHz, recordings made dull instruments: those that ship go to 12."""
    played(NOTES).resample(44100).write(takes / "high.wav")
    output = tmp_path / "set"
    label_recordings([takes], output, method="pyin")
    assert [Waveform.read(output / f"{name}.flac").sample_rate for name in ("high", "other", "take.1")] == [24000, RATE, 22050]


def test_nothing_heard_is_no_note_and_no_failure(tmp_path):
    Waveform(np.zeros(RATE, dtype=np.float32), RATE).write(tmp_path / "silence.wav")
    for method in ("pyin", "polyphonic"):
        (made,) = label_recordings([tmp_path / "silence.wav"], tmp_path / method, method=method)
        assert made.notes == 0 and made.lowest_pitch is None
        assert not (tmp_path / method / "silence.mid").exists()
        assert (tmp_path / method / "silence.tsv").read_text().count("\n") == 1


def test_scores_by_order_or_by_name(takes, tmp_path):
    scores = tmp_path / "scores"
    scores.mkdir()
    for name, notes in (("take.1", NOTES), ("other", line([67, 65, 64]))):
        Score((Part("", 0, notes),)).write(scores / f"{name}.mid")
    made = label_recordings([takes], tmp_path / "a", method="align", scores=[scores])
    given = label_recordings([takes], tmp_path / "b", method="align", scores=[scores / "other.mid", scores / "take.1.mid"])
    assert [one.notes for one in made] == [one.notes for one in given] == [3, 4]
    assert (tmp_path / "a" / "take.1.tsv").read_text() == (tmp_path / "b" / "take.1.tsv").read_text()
    record = json.loads((tmp_path / "a" / "take.1.label.json").read_text())
    assert record["score"] == "take.1.mid" and len(record["score_sha256"]) == 64


def test_a_built_in_tune_is_a_score_unless_a_file_is_called_so(tmp_path, monkeypatch):
    """Only files were taken, though everywhere else a tune's name is."""
    monkeypatch.chdir(tmp_path)
    played(BUILTIN_TUNES["frere-jacques"].notes).write("take.wav")
    (made,) = label_recordings(["take.wav"], "set", method="align", scores=["frere-jacques"])
    assert made.notes == len(BUILTIN_TUNES["frere-jacques"].notes)
    record = json.loads((tmp_path / "set" / "take.label.json").read_text())
    assert record["score"] == "frere-jacques" and record["score_sha256"] is None
    assert label_recordings(["take.wav"], "set", method="align", scores=["frere-jacques"])[0].reused
    (tmp_path / "frere-jacques").write_text("")
    with pytest.raises(OrchestrionError, match="frere-jacques"):
        label_recordings(["take.wav"], "other", method="align", scores=["frere-jacques"])


@pytest.mark.parametrize(
    "given, options, says",
    [
        (["takes"], {"method": "guess"}, "no labelling method 'guess'; choose one of pyin"),
        (["takes"], {"method": "align"}, "needs the score"),
        (["takes"], {"method": "pyin", "scores": ["a", "b"]}, "takes no score"),
        (["takes"], {"method": "align", "scores": ["a"]}, "2 recordings and 1 scores"),
        (["takes"], {"method": "align", "scores": ["takes"]}, "has no score other.mid"),
        (["takes"], {"method": "align", "scores": ["a.mid", "frere-jacques"]}, "Cannot read a.mid: No such file"),
        (["takes"], {"method": "align", "scores": ["ode-to-joy", "frere-jaques"]}, "did you mean the built-in tune 'frere-jacques'"),
        (["takes", "takes"], {"method": "pyin"}, "Two recordings are called other"),
        (["nowhere.wav"], {"method": "pyin"}, "Cannot read nowhere.wav: No such file"),
        (["notes.txt"], {"method": "pyin"}, "notes.txt is not a recording"),
        (["takes"], {"method": "pyin", "output": "takes"}, "holds the recordings themselves"),
        (["empty"], {"method": "pyin"}, "holds no audio"),
        ([], {"method": "pyin"}, "No recordings are given"),
        (["broken"], {"method": "pyin"}, "is not audio that can be read"),
    ],
)
def test_bad_input_is_one_sentence(takes, tmp_path, monkeypatch, given, options, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.wav").write_bytes(b"RIFF not really")
    with pytest.raises(OrchestrionError, match=says) as caught:
        label_recordings(given, options.pop("output", "out"), **options)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_long_recordings_are_transcribed_in_parts_that_join(monkeypatch):
    notes = line([60, 64, 67, 72, 71, 67, 62, 55, 60, 64, 67, 72, 71, 67, 62, 55], seconds=0.5)
    audio = played(notes)
    whole = notes_of(audio, "polyphonic")
    monkeypatch.setattr(methods, "PART_S", 4.0)
    monkeypatch.setattr(methods, "OVERLAP_S", 2.0)
    parts = notes_of(audio, "polyphonic")
    assert [note.pitch for note in parts] == [note.pitch for note in whole]
    np.testing.assert_allclose([n.onset_s for n in parts], [n.onset_s for n in whole], atol=0.02)


def test_every_method_says_what_it_is_good_for():
    assert set(METHODS) == {"pyin", "melodia", "polyphonic", "align"}
    assert all(method.good_for for method in METHODS.values())
    assert "AGPL" in METHODS["melodia"].notice


@pytest.mark.parametrize("seconds, rows", [(4.0, 1), (25.0, 3), (30.06, 3), (200.0, 10), (1500.0, 5)])
def test_the_picture_has_at_most_twelve_rows(seconds, rows):
    audio = Waveform(np.full(round(seconds * 2000), 0.1, dtype=np.float32), 2000)
    figure = labels_figure(audio, [Note(seconds / 2, seconds / 2 + 1, 60, 90)])
    assert len(figure.axes) == rows
    drawn = [patch for axis in figure.axes for patch in axis.patches]
    assert drawn[0].get_x() == pytest.approx(seconds / 2) and drawn[0].get_y() == pytest.approx(59.5)


def test_all_rows_of_the_picture_have_one_scale():
    """The hiss after the last note was as bright as the notes."""
    t = np.arange(20 * 8000) / 8000
    tone = np.where(t < 9, 0.5 * np.sin(2 * np.pi * 261.63 * t), 1e-5 * np.random.default_rng(0).standard_normal(len(t)))
    loud, quiet = (axis.images[0].get_array().max() for axis in labels_figure(Waveform(tone.astype(np.float32), 8000), []).axes)
    assert loud == 0 and quiet < -60
