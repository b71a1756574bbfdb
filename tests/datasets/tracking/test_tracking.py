"""Recordings whose partials are known: what is found in them, what is kept of it, and what a training is given."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.source import N_AGES
from orchestrion.codedigest import APART, CodeReach
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.tracking import levels, tracker
from orchestrion.datasets.tracking import tracked as keeping
from orchestrion.datasets.tracking.levels import Survey
from orchestrion.datasets.tracking.ringing import ringing
from orchestrion.datasets.tracking.tracked import TrackedSet, tracked
from orchestrion.datasets.tracking.tracker import explained_db
from orchestrion.errors import OrchestrionError
from tests.datasets.tracking.played import CENTS, INHARMONICITY, RATE, RELEASE_DB_S, SLOPE_DB, bowed, line, write_set

HOP = 96


def opened(folder) -> AlignedSet:
    return AlignedSet.open(folder, sample_rate=RATE, hop=HOP, cache_dir=folder.parent / "audio")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> AlignedSet:
    return opened(write_set(tmp_path_factory.mktemp("sets") / "piano"))


@pytest.fixture(scope="module")
def found(recordings) -> TrackedSet:
    return tracked("piano", recordings.split("train"), recordings.split("validation"), threads=1, cache_dir=recordings.path.parent / "tracked")


def test_the_tuning_is_found_among_chords(found):
    source = found.source
    equal = 440 * 2.0 ** ((source.pitch - 69) / 12)
    cents = 1200 * np.log2(source.f1_hz / equal)
    assert np.abs(cents - CENTS)[source.heard].max() < 1.0
    assert np.abs(np.log(source.inharmonicity / INHARMONICITY))[source.heard].max() < 0.15


def test_levels_slopes_and_releases_are_those_that_were_played(found):
    s = found.source
    for pitch in (52, 60, 67):
        row = int(np.flatnonzero(s.pitch == pitch)[0])
        first = s.first_partial[row]
        layer = int(np.argmin(np.abs(s.velocity - 45)))
        played = 20 * np.log10(0.1 / np.arange(1, 5)) + SLOPE_DB * (s.velocity[layer] - 64)
        at = 8  # .1 s
        assert np.abs(s.level_db[layer, first : first + 4, at] - (played - (15 + 3 * np.arange(1, 5)) * 0.1)).max() < 1.5
    assert np.abs(np.median(s.release_db_s) - RELEASE_DB_S) < 40
    assert 0.6 < s.exponent / (SLOPE_DB * 64 * np.log(10) / 20) < 1.4


def test_the_source_explains_what_is_held_out(found):
    assert found.figures["partials_explain_db"] > found.figures["source_explains_db"] > 15
    assert found.figures["table_explains_db"] > 8


def test_noise_is_as_loud_as_it_was_played(found):
    """White noise of -80 dB throughout: no note brings more, of none of the pitches."""
    s = found.source
    between = s.noise_db[1, :, 2:8].astype(float)  # 400 to 3600 Hz; what attacks have besides is not white
    assert between.max() < -40 and between[:, :, 10:].max() < -52
    assert np.median(10 * np.log10((10 ** (between / 10)).sum(1))[:, :20]) < -70


def test_pitches_between_are_filled_and_marked(found):
    assert found.source.pitch.tolist() == list(range(48, 73))
    assert not found.source.heard[found.source.pitch == 49].any() and found.source.heard[found.source.pitch == 60].all()


def test_any_stretch_is_the_same_as_the_whole(found):
    piece = found.validation[0]
    everything, part = piece.mix(0, piece.n_frames), piece.mix(50, 120, 7, noise_margin=(3, 5))
    assert np.array_equal(part.samples, everything.samples[50 * HOP - 7 : 120 * HOP + 7])
    assert np.array_equal(part.source, everything.source[50 * HOP - 7 : 120 * HOP + 7])
    assert np.allclose(part.noise, everything.noise[47:125])
    assert np.array_equal(piece.mix(-2, 3, gain=-0.5).samples[2 * HOP :], -0.5 * everything.samples[: 3 * HOP])
    assert not piece.mix(-2, 3).samples[: 2 * HOP].any() and not piece.mix(piece.n_frames, piece.n_frames + 2).source.any()
    assert explained_db(everything.samples, everything.source) > 12


def test_sections_leave_no_seam(recordings, found, monkeypatch):
    """A piece that is followed in short sections has the source that it has in one."""
    monkeypatch.setattr(tracker, "SECTION_S", 5.0)
    train, held = recordings.split("train"), recordings.split("validation")
    divided = tracked("piano", train, held, threads=1, cache_dir=recordings.path.parent / "sections")
    whole, parts = found.validation[0].mix(0, 3900).source, divided.validation[0].mix(0, 3900).source
    assert explained_db(whole, parts) > 20


def test_a_second_time_nothing_is_followed(recordings, found, monkeypatch):
    monkeypatch.setattr(keeping, "_track", None)
    again = tracked("piano", recordings.split("train"), recordings.split("validation"), threads=1, cache_dir=recordings.path.parent / "tracked")
    assert np.array_equal(again.source.level_db, found.source.level_db) and again.figures == found.figures


@pytest.mark.parametrize("damage", ["tables", "audio", "missing"])
def test_a_damaged_cache_is_made_anew(recordings, found, damage, tmp_path):
    cache = tmp_path / "tracked"
    shutil.copytree(recordings.path.parent / "tracked", cache)
    (folder,) = cache.iterdir()
    if damage == "tables":
        (folder / "tables.safetensors").write_bytes(b"\xff" * 100)
    elif damage == "audio":
        (folder / "0.npy").write_bytes((folder / "0.npy").read_bytes()[:-100])
    else:
        (folder / "2.npy").unlink()
    again = tracked("piano", recordings.split("train"), recordings.split("validation"), threads=1, cache_dir=cache)
    assert np.allclose(again.source.level_db, found.source.level_db, atol=0.1)


def test_other_notes_are_another_set(recordings):
    (piece, *_), key = recordings.split("train"), keeping._key
    moved = dataclasses.replace(piece, table=tuple(dataclasses.replace(n, velocity=n.velocity + 1) for n in piece.notes))
    assert key([piece], [], (None, None)) != key([moved], [], (None, None)) != key([piece], [], (True, None))


def test_what_a_set_and_its_pieces_are_called_is_not_asked(recordings, found, monkeypatch):
    """A set that came second in a training, or a file that was renamed, was followed anew."""
    monkeypatch.setattr(keeping, "_track", None)
    train, held = ([dataclasses.replace(piece, name=f"{piece.name}-b") for piece in recordings.split(split)] for split in ("train", "validation"))
    again = tracked("piano-2", train, held, threads=1, cache_dir=recordings.path.parent / "tracked")
    assert np.array_equal(again.source.level_db, found.source.level_db) and again.train[0].name == f"piano-2/{train[0].name}"


def test_the_code_that_a_tracked_set_comes_from():
    """Its files were taken whole, with the package's version; of what they call in other folders, two files."""
    places = {".".join(place) for place in CodeReach(keeping._tables, apart=APART | {"weights", "datasets.recordings.notesfile"}).texts}
    assert {"orchestrion.datasets.banks.partials.tuning", "orchestrion.datasets.banks.fitting.vibrato_of", "orchestrion.bridge.noise.refined"} <= places
    assert {"orchestrion.datasets.tracking.tracker.follow", "orchestrion.bridge.framenotes.FrameNotes"} <= places
    assert not any(place.startswith(("orchestrion.reading", "orchestrion.version", "orchestrion.datasets.tracking.tracked.tracked")) for place in places)


def test_what_cannot_be_followed_is_said(recordings, tmp_path, monkeypatch):
    piece = recordings.split("train")[0]
    with pytest.raises(OrchestrionError, match="no notes"):
        tracked("empty", [dataclasses.replace(piece, table=())], [], cache_dir=tmp_path / "a")
    monkeypatch.setattr(keeping, "MOST_HOURS", 1e-3)
    with pytest.raises(OrchestrionError, match=r"0 hours of recordings; at most 0\.001"):
        tracked("long", [piece], [], cache_dir=tmp_path / "b")


def test_a_note_that_is_not_heard_though_it_has_its_bins_leaves_the_tables_finite():
    """Shares are rounded, to a little over 1, too: what is missing of 1 is never less than nothing."""
    table = FrameNotes(np.array([10]), np.array([200]), np.array([60]), np.array([64]))
    notes = ringing(table, HOP, 300 * HOP, RATE, {60: (261.6, 0.0)}, highest_hz=8000.0, most_partials=4)
    survey, ones = Survey(), np.ones(notes.n_cells, np.float32)
    survey.add(notes, np.zeros(notes.n_cells, np.complex64), ones * np.float32(1.000001), 0.1 * ones, RATE)
    assert survey.heard[60] == 1 and np.isfinite(survey.sums).all() and np.isfinite(survey.levels().level_db).all()


def test_every_key_held_at_once_stays_within_bounds(recordings):
    """The most that a hostile table can ask of a section: 128 pitches throughout."""
    pitch = np.arange(128)
    n_frames = 11000
    table = FrameNotes(np.zeros(128, np.int64), np.full(128, n_frames), pitch, np.full(128, 64))
    tuning = {int(p): (440 * 2.0 ** ((p - 69) / 12), 1e-4) for p in pitch}
    notes = ringing(table, HOP, n_frames * HOP, RATE, tuning, highest_hz=11000.0, most_partials=64)
    assert notes.n_cells * 24 < 600e6  # bytes that are kept of a cell


def test_bowed_notes_are_followed_along_their_contours(tmp_path):
    """Notes 15 cents off either way and a vibrato of 20 cents: told by ear to be held, explained, and their vibrato measured."""
    violin = opened(write_set(tmp_path / "violin", make=bowed, scores=line))
    found = tracked("violin", violin.split("train"), violin.split("validation"), threads=1, cache_dir=tmp_path / "tracked")
    assert found.source.inharmonicity.max() == 0
    assert found.figures["source_explains_db"] > 15
    assert abs(found.source.vibrato.rate_hz - 5.5) < 0.4 and 12 < found.source.vibrato.cents < 26
    without = tracked("violin", violin.split("train"), violin.split("validation"), sustained=False, stretched=False, threads=1, cache_dir=tmp_path / "plain")
    assert found.figures["table_explains_db"] > without.figures["table_explains_db"]


@pytest.mark.parametrize("least", [0.0, 1e-12, 1e-8])
def test_what_no_note_had_to_itself_is_not_loud(least):
    """Attacks of high partials that others covered came out near 0 dB: a click before every note of an instrument of few notes."""
    survey = Survey()
    weight = np.full((levels.MOST_PARTIALS, N_AGES), 1.0)
    weight[10, :3] = weight[11:] = least
    survey.sums[0, 64], survey.sums[1, 64] = weight, weight * -70.0
    survey.heard[64] = 1
    found = survey.levels().level_db[64]
    np.testing.assert_allclose(found[:11], -70.0, atol=0.01)
    assert (found[11:] == levels.QUIETEST_DB).all()
