import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.bridge import GROUPS, ConditioningSeries, FrameNotes
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, Score
from tests.strategies import notes

CLOCKS = st.sampled_from([(16000, 64), (16000, 1), (44100, 100), (22050, 256), (8000, 80)])


def brute_force(played, sample_rate, hop, n_frames):
    """The definition, note by note and frame by frame: a dict of the groups."""
    rate = sample_rate / hop
    rows = {}
    for note in played:
        onset = math.floor(note.onset_s * rate + 0.5)
        offset = max(math.floor(note.offset_s * rate + 0.5), onset + 1)
        before = rows.setdefault((note.pitch, onset), [0, 0])
        rows[note.pitch, onset] = [max(before[0], offset), max(before[1], note.velocity)]
    dense = {name: np.zeros((n_frames, 128), np.float32) for name in GROUPS}
    for (pitch, onset), (offset, velocity) in sorted(rows.items()):
        # The latest attack wins, and once it is over so is the note that it replaced.
        for held in ("sounding", "velocity", "decay"):
            dense[held][onset:, pitch] = 0
        dense["sounding"][onset:offset, pitch] = 1
        dense["velocity"][onset:offset, pitch] = np.float32(velocity) / np.float32(127)
        dense["onset"][onset : onset + 1, pitch] = np.float32(velocity) / np.float32(127)
        for frame in range(onset, min(offset, n_frames)):
            dense["decay"][frame, pitch] = velocity / 127 * math.exp(-(frame - onset) / rate / 0.4)
    return dense


@settings(max_examples=60, deadline=None)
@given(st.lists(notes(longest_s=1.0, latest_s=2.0), max_size=20), CLOCKS)
def test_values_follow_the_definition(played, clock):
    sample_rate, hop = clock
    if hop == 1:
        played = played[:3]
    series = ConditioningSeries.from_notes(played, sample_rate=sample_rate, hop=hop, tail_s=0.25)
    expected = brute_force(played, sample_rate, hop, series.n_frames)
    for name in ("sounding", "onset", "velocity"):
        assert np.array_equal(series.block(groups=(name,)), expected[name]), name
    np.testing.assert_allclose(series.block(groups=("decay",)), expected["decay"], rtol=1e-5, atol=1e-30)
    assert np.array_equal(series.values, np.hstack([expected[name] for name in series.groups]))


@settings(max_examples=50, deadline=None)
@given(st.lists(notes(longest_s=1.0, latest_s=2.0), max_size=20), st.integers(0, 400), st.integers(0, 400))
def test_a_block_is_a_slice_of_the_whole(played, start, length):
    series = ConditioningSeries.from_notes(played, sample_rate=16000, hop=64)
    start = min(start, series.n_frames)
    stop = min(start + length, series.n_frames)
    assert np.array_equal(series.block(start, stop), series.values[start:stop])
    first, last = start * 64 + 5, max(stop * 64 - 7, start * 64 + 5)
    last = min(last, series.n_samples)
    first = min(first, last)
    assert np.array_equal(series.upsample(first, last, ("onset",)), series.upsample(groups=("onset",))[first:last])
    if start < stop:
        cropped = series.crop_frames(start, stop)
        assert np.array_equal(cropped.values, series.values[start:stop])


@settings(max_examples=50, deadline=None)
@given(st.lists(notes(longest_s=1.0, latest_s=2.0), max_size=20))
def test_notes_are_recovered_from_values(played):
    series = ConditioningSeries.from_notes(played)
    again = ConditioningSeries.from_values(series.values)
    assert again.notes == series.notes
    cut = series.crop_frames(series.n_frames // 3, series.n_frames)
    assert np.array_equal(ConditioningSeries.from_values(cut.values).values, cut.values)
    for group in ("sounding", "velocity", "onset"):
        alone = replace(series, groups=(group,))
        assert np.array_equal(ConditioningSeries.from_values(alone.values, groups=(group,)).values, alone.values)


def test_values_that_no_notes_have_are_refused():
    silent = np.zeros((10, 384), np.float32)
    for row, column, value in ((3, 60, 0.5), (3, 60, np.nan), (3, 128 + 60, 1.0), (3, 60, 1.0), (3, 60, -1.0)):
        values = silent.copy()
        values[row, column] = value
        with pytest.raises(OrchestrionError):
            ConditioningSeries.from_values(values)
    with pytest.raises(OrchestrionError, match="shape"):
        ConditioningSeries.from_values(silent[:, :100])


def an_hour(n_notes=100_000, seed=0):
    random = np.random.default_rng(seed)
    onsets = np.sort(random.uniform(0.0, 3599.0, n_notes))
    lengths = random.uniform(0.001, 0.9, n_notes)
    pitches, velocities = random.integers(0, 128, n_notes), random.integers(1, 128, n_notes)
    return [
        Note(float(a), float(a + b), int(pitch), int(velocity))
        for a, b, pitch, velocity in zip(onsets, lengths, pitches, velocities, strict=True)
    ]


def test_an_hour_of_100_000_notes_has_every_boundary_on_the_rounded_absolute_time():
    played = an_hour()
    series = ConditioningSeries.from_notes(played)
    attacks, ends = {}, {}
    for note in played:
        # Exact rational arithmetic on the very number that the float holds.
        onset = math.floor(Fraction(note.onset_s) * 250 + Fraction(1, 2))
        offset = max(math.floor(Fraction(note.offset_s) * 250 + Fraction(1, 2)), onset + 1)
        attacks[onset, note.pitch] = max(attacks.get((onset, note.pitch), 0), note.velocity)
        ends[onset, note.pitch] = max(ends.get((onset, note.pitch), 0), offset)
    table = series.notes
    found = list(zip(table.onset_frame.tolist(), table.pitch.tolist(), strict=True))
    assert found == sorted(attacks)
    assert table.velocity.tolist() == [attacks[key] for key in found]
    following = {}
    by_pitch = sorted((pitch, onset) for onset, pitch in found)
    for (pitch, onset), (next_pitch, next_onset) in pairwise(by_pitch):
        following[onset, pitch] = next_onset if next_pitch == pitch else math.inf
    expected = [min(ends[key], following.get(key, math.inf)) for key in found]
    assert table.offset_frame.tolist() == expected


def test_an_hour_is_read_in_blocks_of_little_memory():
    series = ConditioningSeries.from_notes(an_hour())
    assert series.n_frames >= 900_000
    held = sum(getattr(series.notes, name).nbytes for name in ("onset_frame", "offset_frame", "pitch", "velocity"))
    assert held < 4_000_000
    assert series.block(450_000, 451_000).shape == (1000, 384)


def test_two_hours_cannot_be_asked_for_in_one_piece_by_accident():
    series = ConditioningSeries.from_notes([Note(0.0, 7200.0, 60, 80)])
    with pytest.raises(OrchestrionError, match="fewer at a time"):
        series.upsample()
    with pytest.raises(OrchestrionError, match="fewer at a time"):
        _ = series.values
    assert series.block(1_799_999, 1_800_001, ("sounding",)).sum() == 1.0


def test_the_paper_s_series_is_binary_and_at_audio_rate():
    # Manzelli et al. 2018, section 3: 128 binary channels at 16 kHz.
    series = ConditioningSeries.from_notes([Note(0.5, 1.0, 60, 33), Note(0.75, 1.5, 64, 99)], hop=1, tail_s=0.0)
    audio_rate = series.upsample(groups=("sounding",))
    assert audio_rate.shape == (24_000, 128) and audio_rate.dtype == np.float32
    assert set(np.unique(audio_rate)) == {0.0, 1.0}
    assert np.array_equal(np.flatnonzero(audio_rate[:, 60]), np.arange(8_000, 16_000))
    assert np.array_equal(np.flatnonzero(audio_rate[:, 64]), np.arange(12_000, 24_000))
    assert audio_rate.sum() == 8_000 + 12_000


def test_upsampling_repeats_each_frame():
    series = ConditioningSeries.from_notes([Note(0.1, 0.3, 60, 100)], hop=64)
    assert np.array_equal(series.upsample()[::64], series.values)
    assert np.array_equal(series.upsample()[63::64], series.values)
    assert len(series.upsample()) == series.n_samples == series.n_frames * 64


def test_lengths_and_tails():
    held = [Note(0.0, 2.0, 60, 80)]
    assert ConditioningSeries.from_notes(held).n_frames == 750
    assert ConditioningSeries.from_notes(held, tail_s=0.0).n_frames == 500
    assert ConditioningSeries.from_notes(held, tail_s=0.001).n_frames == 501
    # 1.1 + 1.0 seconds are 525 frames; binary fractions must not make it 526.
    assert ConditioningSeries.from_notes([Note(0.0, 1.1, 60, 80)]).n_frames == 525
    shorter = ConditioningSeries.from_notes(held, duration_s=1.0, tail_s=0.5)
    assert shorter.n_frames == 375 and shorter.block(groups=("sounding",)).sum() == 250
    assert ConditioningSeries.from_notes([], tail_s=1.0).values.sum() == 0.0


def test_later_attacks_take_over():
    table = ConditioningSeries.from_notes([Note(0.0, 4.0, 60, 80), Note(1.0, 2.0, 60, 40)]).notes
    assert table.onset_frame.tolist() == [0, 250]
    assert table.offset_frame.tolist() == [250, 500]
    assert table.velocity.tolist() == [80, 40]


def test_a_crop_holds_but_does_not_strike_what_began_before():
    series = ConditioningSeries.from_notes([Note(0.0, 1.0, 60, 127)]).crop_frames(100, 300)
    assert series.notes.onset_frame.tolist() == [-100]
    assert series.block(groups=("onset",)).sum() == 0 and series.block(groups=("velocity",)).sum() == 150
    assert series.crop_frames(50, 100).notes.onset_frame.tolist() == [-150]


def test_scores_leave_their_drums_out():
    score = Score((Part("a", 0, (Note(0, 1, 60, 80),)), Part("d", 0, (Note(0, 1, 38, 80),), is_drum=True)))
    assert ConditioningSeries.from_score(score).notes.pitch.tolist() == [60]


def test_impossible_series_are_refused():
    table = FrameNotes.from_notes([Note(0.0, 1.0, 60, 80)], 250.0)
    for settings_ in (
        {"n_frames": 0},
        {"n_frames": 10, "sample_rate": 0},
        {"n_frames": 10, "hop": 0},
        {"n_frames": 250 * 6 * 3600 + 2},
        {"n_frames": 10, "groups": ("sounding", "sounding")},
        {"n_frames": 10, "groups": ("loudness",)},
        {"n_frames": 10, "groups": ()},
    ):
        with pytest.raises(OrchestrionError):
            ConditioningSeries(table, **settings_)
    series = ConditioningSeries(table, 300)
    for ask in (
        lambda: series.block(groups=("loudness",)),
        lambda: series.block(-1, 5),
        lambda: series.block(5, 4),
        lambda: series.crop_frames(5, 5),
        lambda: series.crop_frames(0, 301),
        lambda: ConditioningSeries(np.zeros((3, 384)), 3),
        lambda: ConditioningSeries.from_notes([], duration_s=math.nan),
        lambda: ConditioningSeries.from_notes([], tail_s=-1.0),
    ):
        with pytest.raises(OrchestrionError):
            ask()


@pytest.mark.parametrize(
    "columns",
    [
        ([0, 5], [10, 15], [60, 60], [80, 80]),
        ([5, 0], [10, 5], [60, 62], [80, 80]),
        ([0], [0], [60], [80]),
        ([-5], [0], [60], [80]),
        ([0], [1], [128], [80]),
        ([0], [1], [60], [0]),
        ([0, 1], [1], [60], [80]),
    ],
)
def test_impossible_note_tables_are_refused(columns):
    with pytest.raises(OrchestrionError):
        FrameNotes(*map(np.array, columns))


def test_note_tables_are_equal_by_content_and_read_only():
    table = FrameNotes.from_notes([Note(0.0, 1.0, 60, 80)], 250.0)
    same = FrameNotes.from_notes([Note(0.0, 1.0, 60, 80)], 250.0)
    assert table == same and hash(table) == hash(same)
    with pytest.raises(ValueError, match="read-only"):
        table.pitch[0] = 3
