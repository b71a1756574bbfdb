"""Sets made on demand: in the shared format, at one level, reproducible, restartable; and the catalogue that opens them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from orchestrion.datasets import catalogue
from orchestrion.datasets.banks import fluidprocess, fluidsynth, soundfont
from orchestrion.datasets.banks.instruments import INSTRUMENTS, usual_level
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note
from tests.datasets.banks.soundfonts import small_soundfont

TUNE = CorpusPiece("t", tuple((4 * i, 4 * i + 4, 60 + 2 * (i % 6)) for i in range(80)))


@pytest.fixture
def band(monkeypatch, tmp_path):
    """A synthesiser that beeps: everything but FluidSynth itself is real."""
    played = []

    def beep(table, n_frames, program, bank):
        played.append(n_frames)
        audio = np.zeros(n_frames * 64, dtype=np.float32)
        for onset, velocity in zip(table.onset_frame, table.velocity, strict=True):
            audio[onset * 64 : onset * 64 + 64] += velocity / 2000
        return audio

    bank = tmp_path / "bank.sf2"
    bank.write_bytes(small_soundfont())
    monkeypatch.setattr(fluidsynth, "synthesise_table", beep)
    monkeypatch.setattr(fluidprocess, "version", lambda: "beep 1")
    monkeypatch.setattr(fluidsynth, "DEFAULT_SOUNDFONTS", (bank,))
    monkeypatch.setattr(soundfont, "tunes", lambda: ([TUNE], [TUNE], []))
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    return played


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_set_is_in_the_shared_format(band, tmp_path):
    made = soundfont.make("violin", tmp_path / "violin", minutes=4)
    recordings = AlignedSet.open(made)
    information = json.loads((made / "dataset.json").read_text())
    assert {path.suffix for path in made.iterdir()} == {".flac", ".tsv", ".json"}
    assert len(recordings.split("train")) + len(recordings.split("validation")) == len(recordings.pieces)
    assert recordings.duration_s / 60 == pytest.approx(information["minutes"], abs=0.01)
    assert information["program"] == 40 and information["source"] == "soundfont:violin"


def test_times_are_whole_frames_and_agree_with_the_audio(band, tmp_path):
    recordings = AlignedSet.open(soundfont.make("violin", tmp_path / "violin", minutes=2))
    for piece in recordings.pieces:
        onsets = np.array([note.onset_s for note in piece.notes])
        np.testing.assert_allclose(onsets * 250, np.rint(onsets * 250), atol=1e-6)
        assert all(piece.samples(round(s * 16000), round(s * 16000) + 64).any() for s in onsets)
        assert isinstance(piece.notes[0], Note)


def test_one_level_for_the_whole_set(band, tmp_path):
    recordings = AlignedSet.open(soundfont.make("violin", tmp_path / "violin", minutes=6))
    loudness = {
        round(float(piece.samples(start, start + 1)[0]) / note.velocity, 4)
        for piece in recordings.pieces
        for note in piece.notes
        for start in [round(note.onset_s * 16000)]
    }
    assert len(loudness) == 1
    peaks = [float(np.abs(piece.samples()).max()) for piece in recordings.pieces]
    assert 0.6 < max(peaks) <= soundfont.HIGHEST_PEAK


def test_same_seed_same_bytes(band, tmp_path):
    first, second, other = (
        soundfont.make("violin", tmp_path / name, 2, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert content(first) == content(second)
    assert content(first).keys() != content(other).keys() or content(first) != content(other)


def test_a_stopped_set_has_no_final_name_and_goes_on(band, tmp_path, monkeypatch):
    whole = content(soundfont.make("violin", tmp_path / "whole", 3))
    n_pieces, beep = len(band), fluidsynth.synthesise_table
    band.clear()

    def stop_at_third(*arguments):
        if len(band) == 2:
            raise KeyboardInterrupt
        return beep(*arguments)

    monkeypatch.setattr(fluidsynth, "synthesise_table", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        soundfont.make("violin", tmp_path / "again", 3)
    assert not (tmp_path / "again").exists()
    monkeypatch.setattr(fluidsynth, "synthesise_table", beep)
    assert content(soundfont.make("violin", tmp_path / "again", 3)) == whole
    assert len(band) == n_pieces


def test_refusals(band, tmp_path):
    with pytest.raises(OrchestrionError, match="no SoundFont instrument"):
        soundfont.make("theremin", tmp_path / "x")
    with pytest.raises(OrchestrionError, match="exists already"):
        soundfont.make("violin", tmp_path)
    with pytest.raises(OrchestrionError, match="more than 0"):
        soundfont.make("violin", tmp_path / "x", minutes=0)
    with pytest.raises(OrchestrionError, match="Cannot make the folder"):
        soundfont.make("violin", tmp_path / "bank.sf2" / "x", minutes=1)
    assert not (tmp_path / "x").exists()


def test_silence_only_is_refused(band, tmp_path, monkeypatch):
    monkeypatch.setattr(fluidsynth, "synthesise_table", lambda t, n, p, b: np.zeros(n * 64, dtype=np.float32))
    with pytest.raises(OrchestrionError, match="silence only"):
        soundfont.make("violin", tmp_path / "x", minutes=1)


def test_a_set_by_name_is_made_once(band):
    first = catalogue.open_recordings("soundfont:violin", minutes=1)
    n_played = len(band)
    again = catalogue.open_recordings("soundfont:violin", minutes=1)
    assert n_played > 0 and len(band) == n_played
    assert [piece.name for piece in first.pieces] == [piece.name for piece in again.pieces]
    assert catalogue.open_recordings(first.path).duration_s == first.duration_s
    with pytest.raises(OrchestrionError, match="no SoundFont instrument"):
        catalogue.open_recordings("soundfont:kazoo")


def test_summary(band):
    recordings = catalogue.open_recordings("soundfont:flute", minutes=2)
    figures = catalogue.summary(recordings)
    assert figures["notes"] == sum(len(piece.notes) for piece in recordings.pieces)
    assert 60 <= figures["lowest_pitch"] < figures["highest_pitch"] <= 96
    assert 0 < figures["rms"] < figures["peak"] <= soundfont.HIGHEST_PEAK
    assert sum(figures["minutes"].values()) == pytest.approx(recordings.duration_s / 60, abs=0.02)
    assert json.loads(json.dumps(figures)) == figures


def test_every_instrument_is_listed():
    names = [source.name for source in catalogue.sources()]
    assert "soundfont:violin" in names and len(set(names)) == len(names)
    assert all(source.licence and source.source for source in catalogue.sources())


def test_the_openings_of_built_in_tunes():
    openings = soundfont.builtin_openings()
    assert len(openings) == 6 and (0, 1, 2, 0, -2, -1, -2, -2, 0, 2) in openings


def test_sets_of_debians_soundfont_share_one_level(band, tmp_path, monkeypatch):
    digest = hashlib.sha256((tmp_path / "bank.sf2").read_bytes()).hexdigest()
    monkeypatch.setattr(soundfont, "FLUIDR3_SHA256", digest)
    folders = [soundfont.make("violin", tmp_path / f"seed{seed}", 2, seed) for seed in (0, 1)]
    assert [json.loads((f / "dataset.json").read_text())["level"] for f in folders] == [usual_level(40)] * 2
    assert usual_level(40) == INSTRUMENTS["violin"].level and usual_level(127) > 0
