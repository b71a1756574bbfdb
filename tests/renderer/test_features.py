"""What the network is shown of the score: frames, and the excitation's frequency, phase and blocks."""

import dataclasses
import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.bridge import GROUPS, ConditioningSeries
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.renderer.excitation import inharmonicity
from orchestrion.renderer.features import Features, excitation, frame_features
from orchestrion.score import Note

CONFIG = UNDRIVEN["medium"]
DRIVEN = PRESETS["medium"]


def series(*notes, duration_s=None):
    return ConditioningSeries.from_notes([Note(*note) for note in notes], duration_s=duration_s)


def test_groups_of_a_note():
    config = dataclasses.replace(CONFIG, groups=("sounding", "velocity", "onset", "decay"))
    frames = frame_features(series((0.04, 0.08, 60, 127)), config).reshape(-1, 4, 88)
    key = frames[:, :, 60 - 21]
    assert key[:10].sum() == 0 and key[20:].sum() == 0
    assert (key[10:20, :2] == 1).all()
    assert key[10, 2] == 1 and key[11:, 2].sum() == 0
    np.testing.assert_allclose(key[10:20, 3], np.exp(-0.004 * np.arange(10) / 0.4), rtol=1e-5)
    assert frames.sum() == key.sum()


def test_frames_outside_the_series_are_silent():
    frames = frame_features(series((0.0, 0.5, 60, 100)), CONFIG, -5, 600)
    assert frames.shape == (605, 264) and not frames[:5].any() and frames[5].any() and not frames[200:].any()


def test_excitation_is_the_notes_harmonics_with_phase_zero_at_the_attack():
    note = series((0.1, 0.6, 69, 127))
    source = excitation(note, CONFIG)
    start = 25 * 64
    assert not source[:start].any()
    t = np.arange(4000) / 16000
    for h in range(1, CONFIG.harmonics + 1):
        np.testing.assert_allclose(source[start : start + 4000, 2 * h - 2], np.sin(2 * np.pi * 440 * h * t), atol=1e-4)
        np.testing.assert_allclose(source[start : start + 4000, 2 * h - 1], np.cos(2 * np.pi * 440 * h * t), atol=1e-4)


def test_a_pianos_harmonics_are_stretched():
    """f_h = h f sqrt((1 + B h^2) / (1 + B)); B of middle C by the published fit: 3.3e-4."""
    assert abs(inharmonicity(60) - 3.3e-4) < 1e-5
    source = excitation(series((0.0, 0.5, 60, 127)), dataclasses.replace(CONFIG, stretched=True))
    t, f, b = np.arange(6400) / 16000, 440 * 2 ** (-9 / 12), inharmonicity(60)
    for h in (1, 8):
        partial = h * f * np.sqrt((1 + b * h * h) / (1 + b))
        np.testing.assert_allclose(source[:6400, 2 * h - 2], np.sin(2 * np.pi * partial * t), atol=2e-3)
    assert partial > 1.009 * 8 * f


def test_no_harmonic_aliases():
    source = excitation(series((0.0, 0.5, 108, 127)), CONFIG)  # C8, 4186 Hz: only the fundamental fits under 8 kHz
    assert source[:, :2].any() and not source[:, 2:].any()


def test_excitation_dies_away_after_the_note_and_stops_at_the_next_attack():
    source = excitation(series((0.0, 0.2, 60, 127), (0.4, 0.5, 60, 127)), CONFIG)
    level = np.hypot(source[:, 0], source[:, 1])
    assert abs(level[3199] - 1) < 1e-3
    assert abs(level[3200 + 960] - np.exp(-1)) < 1e-2
    assert abs(level[6400] - 1) < 1e-3  # the second attack alone: nothing of the first is left over


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 80), st.integers(0, 127), st.integers(1, 127)), max_size=12),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_blocks_are_bit_for_bit_the_whole(notes, a, b):
    piece = series(*[(s * 0.004, (s + d) * 0.004, p, v) for s, d, p, v in notes], duration_s=1.2)
    a, b = sorted((a, b))
    whole, frames = excitation(piece, CONFIG, 0, 300), frame_features(piece, CONFIG, 0, 300)
    assert np.array_equal(excitation(piece, CONFIG, a, b), whole[a * 64 : b * 64])
    assert np.array_equal(frame_features(piece, CONFIG, a, b), frames[a:b])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(58, 62), st.integers(1, 127)), min_size=1, max_size=25))
def test_blocks_equal_the_whole(drawn):
    notes = [Note(0.02 * onset, 0.02 * (onset + length), pitch, velocity) for onset, length, pitch, velocity in drawn]
    item = ConditioningSeries.from_notes(notes)
    features, bounds = Features(item, CONFIG), [*range(0, item.n_frames, 37), item.n_frames]
    for name, whole in (("frames", frame_features(item, CONFIG)), ("excitation", excitation(item, CONFIG))):
        blocks = [getattr(features, name)(a, b) for a, b in itertools.pairwise(bounds)]
        assert np.array_equal(np.concatenate(blocks), whole)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 80), st.integers(0, 127), st.integers(1, 127)), max_size=12),
    st.permutations(GROUPS),
    st.integers(1, 4),
)
def test_the_network_is_shown_the_bridges_series(notes, groups, n_groups):
    """The one definition of the conditioning series, cropped to the instrument's pitches."""
    piece = series(*[(s * 0.004, (s + d) * 0.004, p, v) for s, d, p, v in notes])
    config = dataclasses.replace(CONFIG, groups=tuple(groups[:n_groups]))
    values = dataclasses.replace(piece, groups=config.groups).values.reshape(piece.n_frames, n_groups, 128)
    shown = values[:, :, config.pitch_low : config.pitch_high + 1].reshape(piece.n_frames, -1)
    assert np.array_equal(frame_features(piece, config), shown)
