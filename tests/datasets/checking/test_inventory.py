"""What a set offers and lacks: minutes, gaps, lags, one loudness; MIDI beside audio; the end held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrion.datasets.checking.inventory import Inventory
from orchestrion.datasets.checking.onsetlag import onset_lag
from orchestrion.datasets.recordings.aligned import AlignedSet, without_notes
from orchestrion.datasets.recordings.holdout import divided, excerpt
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.coverage import coverage_figure
from orchestrion.score import Note, Part, Score
from tests.labelling.sounds import line, played

SCALE = line([60, 62, 64, 65, 67, 69, 71, 72, 76, 79] * 3, seconds=0.5)


def opened(folder: Path, **options) -> AlignedSet:
    return AlignedSet.open(folder, cache_dir=folder.parent / "cache", **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    played(SCALE, seconds=24.0).write(made / "take.wav")
    return made


def test_midi_beside_audio_is_its_notes(folder):
    Score((Part("", 0, SCALE),)).write(folder / "take.mid")
    (piece,) = opened(folder).pieces
    assert [(n.pitch, n.velocity) for n in piece.notes] == [(n.pitch, n.velocity) for n in SCALE]
    np.testing.assert_allclose([n.onset_s for n in piece.notes], [n.onset_s for n in SCALE], atol=2e-3)
    write_notes(folder / "take.tsv", SCALE[:2])
    assert len(opened(folder).piece("take").notes) == 2  # a table goes before the MIDI file made from it


def test_labels_may_lie_elsewhere(folder, tmp_path):
    assert [path.name for path in without_notes(folder)] == ["take.wav"]
    with pytest.raises(OrchestrionError, match="orchestrion data label"):
        opened(folder)
    (tmp_path / "labels").mkdir()
    write_notes(tmp_path / "labels" / "take.tsv", SCALE)
    write_notes(tmp_path / "labels" / "of-another.tsv", SCALE)
    assert len(opened(folder, labels=tmp_path / "labels").piece("take").notes) == len(SCALE)


def test_the_end_of_a_single_recording_is_held_out_between_notes(folder):
    write_notes(folder / "take.tsv", SCALE)
    (train,), (held_out,) = divided(opened(folder))
    assert train.n_samples + held_out.n_samples == 24 * 16000
    assert len(train.notes) + len(held_out.notes) == len(SCALE)  # no note is cut in two
    assert 0.1 < held_out.duration_s / 24 < 0.25
    whole = opened(folder).piece("take").samples()
    np.testing.assert_array_equal(held_out.samples(), whole[train.n_samples :])
    assert held_out.series.n_frames == -(-held_out.n_samples // 64)
    for note, original in zip(held_out.notes, SCALE[len(train.notes) :], strict=True):
        assert note.onset_s + train.duration_s == pytest.approx(original.onset_s, abs=1e-3)


def test_a_recording_too_short_to_divide_is_refused(folder):
    played(SCALE[:4], seconds=6.0).write(folder / "take.wav")
    write_notes(folder / "take.tsv", SCALE[:4])
    with pytest.raises(OrchestrionError, match="too little to hold"):
        divided(opened(folder))


def test_an_excerpt_cuts_notes_at_its_edges(folder):
    write_notes(folder / "take.tsv", [Note(0.0, 10.0, 60, 80), Note(4.99, 20.0, 62, 80), Note(5.0, 9.995, 64, 80)])
    notes = excerpt(opened(folder).piece("take"), 2.0, 5.0).notes
    assert notes == (Note(0.0, 3.0, 60, 80),)


def test_figures_and_what_is_missing(folder):
    write_notes(folder / "take.tsv", [replace(note, velocity=64) for note in SCALE])
    there = Inventory.of(*divided(opened(folder)))
    assert there.pieces == {"train": 1, "validation": 1} and there.pitch_range == (60, 79)
    assert there.minutes["train"] + there.minutes["validation"] == pytest.approx(0.4)
    assert there.seconds["train"].sum() == pytest.approx(there.notes["train"] * 0.45)
    assert there.gaps == [(61, 61), (63, 63), (66, 66), (68, 68), (70, 70), (73, 75), (77, 78)]
    said = " ".join(there.missing())
    assert "Only 0.3 minutes" in said and "No notes between C5 and E5" in said
    assert "Never heard: C#4, D#4, F#4, G#4, A#4, F5, F#5" in said and "one loudness" in said
    assert "C4 to G5" in " ".join(there.found())
    assert there.to_dict()["missing"] == list(there.missing())


def test_late_and_early_notes_are_told(folder):
    played(SCALE, seconds=24.0).write(folder / "early.wav")
    played(SCALE, seconds=24.0).write(folder / "late.wav")
    for name, by_s in (("take", 0.0), ("late", 0.11), ("early", -0.09)):
        moved = [replace(n, onset_s=max(n.onset_s + by_s, 0), offset_s=n.offset_s + by_s) for n in SCALE]
        write_notes(folder / f"{name}.tsv", moved)
    there = Inventory.of(opened(folder).pieces, ())
    said = [sentence for sentence in there.missing() if sentence.startswith("Alignment")]
    assert [sentence.split(":")[0] for sentence in said] == [
        "Alignment of late looks 110 ms late", "Alignment of early looks 90 ms early"]  # fmt: skip


def test_a_lag_needs_notes_enough(folder):
    assert onset_lag(played(SCALE).samples, SCALE[:5]) is None
    lag = onset_lag(played(SCALE).samples, SCALE)
    assert lag is not None and abs(lag.lag_s) <= 0.02 and lag.clarity > 5 and not lag.is_off


def test_no_notes_at_all(folder):
    write_notes(folder / "take.tsv", [])
    there = Inventory.of(opened(folder).pieces, ())
    assert there.pitch_range is None and there.gaps == []
    assert any("no notes for training at all" in sentence for sentence in there.missing())
    assert any("take without any note" in sentence for sentence in there.missing())
    assert coverage_figure(there).axes


def test_the_picture_names_the_gaps(folder):
    write_notes(folder / "take.tsv", SCALE)
    figure = coverage_figure(Inventory.of(*divided(opened(folder))), "mine")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "no C#5 – D#5" in texts and "no C#4" in texts
    heights = {round(bar.get_x() + bar.get_width() / 2 + 0.2): bar.get_height() for bar in figure.axes[0].containers[0]}
    assert heights[60] > 0 and heights[61] == 0
