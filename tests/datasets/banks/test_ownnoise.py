"""Noise along a recording's own phases: its levels are the table's, its course is the recording's."""

import numpy as np
import pytest

from orchestrion.bridge.noise import FINE_EDGES_HZ, N_FINE
from orchestrion.datasets.banks.ownnoise import own_noise

RATE, HOP = 24000, 96


@pytest.mark.parametrize("louder_db", [-20.0, 0.0, 12.0])
def test_white_noise_is_followed_at_the_levels_asked_for(louder_db):
    rest = 0.01 * np.random.default_rng(0).standard_normal(500 * HOP)
    power = np.tile(1e-4 * np.diff(FINE_EDGES_HZ) / (RATE / 2), (500, 1))
    made = own_noise(rest, power * 10 ** (louder_db / 10), HOP, RATE)
    assert made.shape == rest.shape
    assert np.corrcoef(made, rest)[0, 1] > 0.94
    assert 10 * np.log10(np.mean(made**2) / np.mean(rest**2)) == pytest.approx(louder_db, abs=0.3)


def test_each_band_has_its_own_level():
    rest = np.random.default_rng(1).standard_normal(1000 * HOP)
    power = np.full((1000, N_FINE), 1e-12)
    power[:, 20] = 1e-4  # of 1,300 to 1,450 Hz or so
    made = own_noise(rest, power, HOP, RATE)
    assert 10 * np.log10(np.mean(made**2) / 1e-4) == pytest.approx(0.0, abs=1.0)
    spectrum = np.abs(np.fft.rfft(made)) ** 2
    hz = np.fft.rfftfreq(len(made), 1 / RATE)
    near = (hz > FINE_EDGES_HZ[20] - 130) & (hz < FINE_EDGES_HZ[21] + 130)  # a window's bins are 62.5 Hz apart
    assert spectrum[near].sum() > 0.95 * spectrum.sum()


def test_a_last_frame_may_be_short_and_silence_stays_silent():
    assert own_noise(np.zeros(950), np.full((10, N_FINE), 1e-30), HOP, RATE).shape == (950,)
    assert not own_noise(np.zeros(960), np.zeros((10, N_FINE)), HOP, RATE).any()
