"""Probabilistic YIN: tones come out at their frequency, noise and silence unvoiced, the equations hold."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.labelling import pyin as module
from orchestrion.labelling.phantoms import without_phantoms
from orchestrion.labelling.pitchtrack import PitchTrack
from orchestrion.labelling.pyin import MAX_LAG, WINDOW, candidates, normalised_difference, pyin
from tests.labelling.sounds import RATE, tone_of


def cents(hz: np.ndarray, true_hz: float) -> np.ndarray:
    return 1200 * np.log2(hz / true_hz)


@pytest.mark.parametrize("pitch", [33, 45, 57.3, 69, 81, 94])
def test_tones_are_found_within_a_fifth_of_a_semitone(pitch):
    tone = tone_of(pitch, 0.6, decay=0.0)
    tone = 0.2 * tone + np.random.default_rng(1).standard_normal(len(tone)) * 1e-3
    track = pyin(tone.astype(np.float32))
    inside = slice(10, 50)
    assert track.voiced[inside].all()
    assert np.abs(cents(track.hz[inside], 440 * 2 ** ((pitch - 69) / 12))).max() < 20


def test_noise_and_silence_are_no_melody():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    assert pyin(noise).voiced.mean() < 0.1
    assert not pyin(np.zeros(RATE, dtype=np.float32)).voiced.any()


def test_difference_is_yins_equation():
    frame = np.random.default_rng(0).standard_normal((2, WINDOW + MAX_LAG + 1)).astype(np.float32)
    difference = normalised_difference(frame)
    x = frame[1].astype(float)
    plain = np.array([np.sum((x[:WINDOW] - x[lag : lag + WINDOW]) ** 2) for lag in range(MAX_LAG + 1)])
    for lag in (1, 7, 50, MAX_LAG):
        assert difference[1, lag] == pytest.approx(plain[lag] * lag / plain[1 : lag + 1].sum(), rel=1e-4)
    assert (difference[:, 0] == 1).all()


def test_probabilities_are_those_of_a_sum_over_thresholds():
    """Mauch and Dixon's sum over thresholds, done the long way with ten thousand of them."""
    rng = np.random.default_rng(3)
    difference = np.clip(np.convolve(rng.uniform(0, 1.2, MAX_LAG + 5), np.ones(5) / 5, "valid"), 0, 1)[None]
    probability, _ = candidates(difference)
    depths = {lag: difference[0, lag] for lag in range(1, MAX_LAG) if probability[0, lag - 1] > 0}
    thresholds = (np.arange(10000) + 0.5) / 10000
    weights = thresholds * (1 - thresholds) ** 17
    weights /= weights.sum()
    first = np.zeros(len(difference[0]))
    for threshold, weight in zip(thresholds, weights, strict=True):
        below = [lag for lag, depth in depths.items() if depth < threshold]
        if below:
            first[min(below)] += weight
    found = {lag: probability[0, lag - 1] for lag in depths}
    # The depth of a minimum is the parabola's, a little below that of its sample.
    for lag, share in found.items():
        assert share == pytest.approx(first[lag], abs=0.02)


def test_blocks_join_without_a_seam(monkeypatch):
    tone = (0.2 * tone_of(60, 3.0, decay=0.3)).astype(np.float32)
    whole = pyin(tone)
    monkeypatch.setattr(module, "BLOCK_FRAMES", 120)
    monkeypatch.setattr(module, "OVERLAP_FRAMES", 40)
    np.testing.assert_array_equal(pyin(tone).voiced, whole.voiced)
    np.testing.assert_allclose(pyin(tone).hz[whole.voiced], whole.hz[whole.voiced], rtol=1e-6)


@pytest.mark.parametrize("lower, upper", [(57, 64), (62, 67), (62, 66), (55, 59)])
def test_the_common_period_of_a_chord_is_moved_to_one_of_its_notes(lower, upper):
    chord = (0.2 * (tone_of(lower, 1.0, 0.0) + tone_of(upper, 1.0, 0.0))).astype(np.float32)
    ratio = {7: 2, 5: 3, 4: 4}[upper - lower]  # the lower note is this partial of the common fundamental
    phantom = np.full(101, 440 * 2 ** ((lower - 69) / 12) / ratio)
    voiced = np.zeros(101, dtype=bool)
    voiced[10:90] = True
    moved = without_phantoms(PitchTrack(phantom, voiced), chord).midi()[voiced]
    assert np.abs(moved[:, None] - [lower, upper, lower + 12, upper + 12]).min(axis=1).max() < 0.5


@pytest.mark.parametrize("pitch", [36, 48, 67, 88])
def test_notes_stay_where_they_are(pitch):
    tone = (0.2 * tone_of(pitch, 1.0, 0.0)).astype(np.float32)
    track = PitchTrack(np.full(101, 440 * 2 ** ((pitch - 69) / 12)), np.ones(101, dtype=bool))
    np.testing.assert_array_equal(without_phantoms(track, tone).hz[10:90], track.hz[10:90])


def test_a_track_that_sounds_nowhere_is_refused():
    with pytest.raises(OrchestrionError, match="no frequency"):
        PitchTrack(np.zeros(3), np.array([False, True, False]))
