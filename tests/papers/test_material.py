"""What is performed where no recordings are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.notesfile import read_notes
from orchestrion.evaluation.judge.following import note_accuracy
from orchestrion.papers import material
from orchestrion.score import Note, Part, Score


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


def test_outer_voices_are_told_apart_and_a_voice_without_a_player_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chords = Score((Part("x", 0, tuple(Note(o, o + 0.9, p, 80) for o in (0.0, 1.0) for p in (48, 60, 64, 72)) + (Note(0.5, 0.9, 62, 80),)),))
    parts = material.voices(chords)
    pitches = {name: sorted(n.pitch for n in notes) for name, notes in parts.items()}
    assert pitches == {"top": [72, 72], "bass": [48, 48], "inner": [60, 60, 62, 64, 64]}
    monkeypatch.setattr(material, "has_fluidsynth", lambda: False)
    band, bass = (
        material.perform_chorales(tmp_path / name, 0.1, players=material.CORPORA[name]) for name in ("band", "bass")
    )
    all_notes, low = (read_notes(next(iter(folder.glob("*.tsv")))) for folder in (band, bass))
    assert 0 < len(low) < len(all_notes) and set(low) < set(all_notes)


def test_pieces_take_their_players_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "has_fluidsynth", lambda: False)
    turns = material.perform_chorales(tmp_path / "cello", 1.2, players=material.CORPORA["cello"])
    high, low = (material.perform_chorales(tmp_path / voice, 1.2, players=[{voice: material.CELLO}]) for voice in ("top", "bass"))
    heard = {path.name: read_notes(path) for path in turns.glob("*.tsv")}
    as_top = {name for name, notes in heard.items() if notes == read_notes(high / name)}
    as_bass = {name for name, notes in heard.items() if notes == read_notes(low / name)}
    assert as_top | as_bass == set(heard) and not as_top & as_bass and abs(len(as_top) - len(as_bass)) <= 1
