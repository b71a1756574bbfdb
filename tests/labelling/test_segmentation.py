"""From melody lines to notes: what is struck is a note, what is held is one, vibrato is none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from orchestrion.datasets.checking.flux import FRAME_S, onset_strength
from orchestrion.evaluation.judge.following import onset_scores
from orchestrion.labelling.loudness import with_velocities
from orchestrion.labelling.methods import notes_of
from orchestrion.labelling.pitchtrack import PitchTrack, level_db
from orchestrion.labelling.segmentation import segment, struck, tuning
from orchestrion.score import Note
from tests.labelling.sounds import RATE, line, played


def track_of(midi: np.ndarray) -> PitchTrack:
    """A track from MIDI numbers [n], NaN where nothing sounds."""
    voiced = np.isfinite(midi)
    return PitchTrack(np.where(voiced, 440 * 2 ** ((np.nan_to_num(midi) - 69) / 12), 0.0), voiced)


def test_a_melody_is_written_down():
    notes = line([60, 62, 64, 65, 67, 64, 60, 72])
    found = notes_of(played(notes), "pyin")
    assert [note.pitch for note in found] == [note.pitch for note in notes]
    assert onset_scores(notes, found)["note_f1_50ms"] == 1.0
    assert max(abs(a.offset_s - b.offset_s) for a, b in zip(notes, found, strict=True)) < 0.1


def test_repeated_notes_are_split_where_they_are_struck_and_held_ones_are_not():
    repeated = line([79, 79, 79, 79], seconds=0.3, share=0.85)
    found = notes_of(played(repeated), "pyin")
    assert len(found) == 4
    assert all(one.offset_s <= other.onset_s for one, other in pairwise(found))
    held = (Note(0.2, 1.4, 79, 90),)
    assert len(notes_of(played(held), "pyin")) == 1


def test_vibrato_is_one_note():
    midi = np.full(100, 64.0) + 0.35 * np.sin(2 * np.pi * 5.5 * np.arange(100) * FRAME_S)
    midi[:10] = midi[90:] = np.nan
    found = segment(track_of(midi), np.zeros(100), np.full(100, -20.0))
    assert [note.pitch for note in found] == [64]
    assert found[0].onset_s == pytest.approx(0.1, abs=0.03) and found[0].offset_s == pytest.approx(0.9, abs=0.03)


def test_single_wrong_frames_are_forgiven():
    midi = np.full(80, 60.0)
    midi[[20, 21, 50]] = 72.0
    midi[35] = np.nan
    assert [note.pitch for note in segment(track_of(midi), np.zeros(80), np.full(80, -20.0))] == [60]


def test_the_recordings_own_tuning_is_taken_off():
    midi = np.repeat([60.4, 62.4, 64.4, 65.4], 30)
    assert tuning(track_of(midi)) == pytest.approx(0.4, abs=1e-6)
    assert [n.pitch for n in segment(track_of(midi), np.zeros(120), np.full(120, -20.0))] == [60, 62, 64, 65]


def test_nothing_voiced_is_no_note():
    assert segment(track_of(np.full(50, np.nan)), np.zeros(50), np.full(50, -80.0)) == ()
    assert tuning(track_of(np.full(50, np.nan))) == 0.0


def test_velocities_tell_loudness_in_decibels():
    notes = [Note(i * 0.5, i * 0.5 + 0.4, 60, velocity) for i, velocity in enumerate((127, 64, 13))]
    audio = played(notes, noise=0.0, decay=0.0)
    found = [note.velocity for note in with_velocities(notes, level_db(audio.samples))]
    expected = [round(127 + 20 * np.log10(v / 127) * 126 / 40) for v in (127, 64, 13)]
    np.testing.assert_allclose(found, expected, atol=2)


def test_attacks_show_in_flux_and_in_level():
    audio = played(line([76, 76], seconds=0.5, share=0.9))
    sure = struck(onset_strength(audio.samples), level_db(audio.samples))
    for onset_s in (0.2, 0.7):
        assert sure[round(onset_s / FRAME_S) - 3 : round(onset_s / FRAME_S) + 5].max() > 0.9
    steady = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32) * 0.3
    assert struck(onset_strength(steady), level_db(steady))[20:-20].max() < 0.2
