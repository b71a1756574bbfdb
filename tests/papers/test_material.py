"""What is performed where no recordings are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.notesfile import read_notes
from orchestrion.evaluation.judge.following import note_accuracy
from orchestrion.papers import material
from orchestrion.score import Part, Score


def test_chorales_are_performed_with_their_notes_and_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "has_fluidsynth", lambda: False)  # the same everywhere
    folder = material.perform_chorales(tmp_path / "one", 0.2, seed=3)
    sounds = sorted(folder.glob("*.flac"))
    assert 10 < sum(Waveform.read(path).duration_s for path in sounds) < 30
    for path in sounds:
        notes = read_notes(path.with_suffix(".tsv"))
        assert note_accuracy(Waveform.read(path), Score((Part("x", 0, notes),)))["note_f1_50ms"] > 0.6
    again = material.perform_chorales(tmp_path / "two", 0.2, seed=3)
    assert [p.read_bytes() for p in sorted(again.iterdir())] == [p.read_bytes() for p in sorted(folder.iterdir())]
    before = {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    material.perform_chorales(folder, 0.2, seed=3)
    assert before == {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    other = material.perform_chorales(tmp_path / "three", 0.2, seed=4)
    assert {p.name for p in other.iterdir()} != {p.name for p in folder.iterdir()}
    assert np.isfinite(Waveform.read(sounds[0]).samples).all()
