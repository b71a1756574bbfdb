"""From three minutes that somebody recorded to an instrument that plays, with MIDI beside them and without."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

import orchestrion
from orchestrion.errors import OrchestrionError
from orchestrion.labelling import recordings
from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.score import Note, Part, Score
from orchestrion.training import renderer_task
from orchestrion.training.own_recordings import open_labelled
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_renderer import train_renderer
from tests.labelling.sounds import played

TINY = WaveNetConfig(
    layers=4, cycle=4, residual=16, skip=16, head=32, levels=64, context_channels=16, conditioning_channels=8,
    pitch_low=55, pitch_high=84, harmonics=2,
)  # fmt: skip
LOOP = LoopSettings(steps=3, precision="32-true")


def tune(seconds: float) -> tuple[Note, ...]:
    """A random walk in C major, 0.25 to 1 s a note."""
    rng = np.random.default_rng(2)
    scale = [p for p in range(57, 80) if p % 12 in (0, 2, 4, 5, 7, 9, 11)]
    notes, at_s, step = [], 0.1, 6
    while at_s < seconds - 1.5:
        length_s = float(rng.choice([0.25, 0.5, 1.0]))
        step = int(np.clip(step + rng.integers(-3, 4), 0, len(scale) - 1))
        notes.append(Note(at_s, at_s + 0.9 * length_s, scale[step], int(rng.integers(50, 120))))
        at_s += length_s
    return tuple(notes)


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    monkeypatch.setattr(renderer_task, "LISTEN_S", 1.5)


def test_three_minutes_with_midi_become_an_instrument_that_renders(tmp_path: Path) -> None:
    mine, run, said = tmp_path / "mine", tmp_path / "run", []
    mine.mkdir()
    played(tune(180), seconds=180).write(mine / "take.wav")
    Score((Part("me", 40, tune(180)),)).write(mine / "take.mid")
    measures = train_renderer(mine, run, preset="tiny", loop=LOOP, tell=said.append)
    assert measures["bits_per_sample"] > 0
    told = " ".join(said)
    assert "minutes for training" in told and "held out to validate" in told
    assert "Never heard: " in told and "C#4" in told and "under 5" in told
    figures = json.loads((run / "material.json").read_text())
    assert sum(figures["minutes"].values()) == pytest.approx(3.0, abs=0.02)
    assert figures["onset_lags"] and (run / "material.png").read_bytes().startswith(b"\x89PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of notes out of the range
        audio = orchestrion.render(Score((Part("", 0, tune(4)[:4]),)), instrument=run / "model.safetensors", seed=1)
    assert audio.duration_s >= 1.0 and np.abs(audio.samples).max() > 0


def test_audio_alone_is_labelled_on_the_way_and_only_once(tmp_path: Path, monkeypatch) -> None:
    mine, run, said = tmp_path / "mine", tmp_path / "run", []
    mine.mkdir()
    played(tune(30), seconds=30).write(mine / "take.wav")
    with pytest.raises(OrchestrionError, match="no twin take.tsv"):
        train_renderer(mine, run, preset="tiny", loop=LOOP)
    with pytest.raises(OrchestrionError, match="not by 'align'"):
        train_renderer(mine, run, preset="tiny", loop=LOOP, label="align")
    train_renderer(mine, run, preset="tiny", loop=LOOP, label="pyin", tell=said.append)
    assert said[0].startswith("Labelled 1 recording by pyin") and (run / "labels" / "take.png").is_file()
    monkeypatch.setattr(recordings, "notes_of", None)
    more = LoopSettings(steps=4, precision="32-true")
    train_renderer(mine, run, preset="tiny", loop=more, label="pyin", resume=True)


def test_all_recordings_that_cannot_be_labelled_are_told(tmp_path: Path) -> None:
    mine, said = tmp_path / "mine", []
    mine.mkdir()
    played(tune(3)).write(mine / "good.wav")
    for name in ("bad", "worse"):
        soundfile.write(mine / f"{name}.wav", np.full(8000, np.nan), 16000, "FLOAT")
    with pytest.raises(OrchestrionError, match="2 of 3 recordings cannot be labelled"):
        open_labelled(mine, tmp_path / "run", "pyin", said.append)
    assert [line.split()[0] for line in said] == ["Failed:", "Failed:"] and (tmp_path / "run" / "labels" / "good.tsv").is_file()


def test_sets_that_have_notes_are_not_labelled(tmp_path: Path) -> None:
    with pytest.raises(OrchestrionError, match="leave --label away"):
        train_renderer("soundfont:violin", tmp_path / "run", preset="tiny", loop=LOOP, label="pyin")
    assert not (tmp_path / "run" / "settings.json").exists()


def test_a_held_out_end_without_notes_is_no_failure(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    played(tune(18), seconds=30).write(mine / "take.wav")
    Score((Part("me", 40, tune(18)),)).write(mine / "take.mid")
    measures = train_renderer(mine, tmp_path / "run", preset="tiny", loop=LOOP)
    assert "bits_per_sample" in measures and "note_f1_50ms" not in measures
