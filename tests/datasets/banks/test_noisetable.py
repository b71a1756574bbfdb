"""The noise of a recorded note: levels over age, and a shape within the bands."""

import numpy as np
import pytest

from orchestrion.bridge.noise import FINE_EDGES_HZ, N_FINE, N_SHAPE, SHAPE_HZ, NoiseSpectra
from orchestrion.bridge.source import AGES_S, N_AGES
from orchestrion.bridge.sourcesignal import at_ages
from orchestrion.datasets.banks.noisetable import noise_tables

RATE, HOP, FRAMES = 24000, 96, 1500


def played(level_db: np.ndarray, shape_db: np.ndarray, key: int) -> np.ndarray:
    spectra = NoiseSpectra(0, FRAMES, HOP, RATE)
    power = 10 ** (at_ages(level_db, (np.arange(FRAMES) + 0.5) * HOP / RATE) / 10)
    spectra.add(0, power, key, 10 ** (shape_db / 10))
    return spectra.samples()


def test_what_is_played_by_the_tables_measures_as_they_say():
    rng = np.random.default_rng(0)
    level = np.repeat(rng.uniform(-60, -45, (N_FINE, 1)), N_AGES, axis=1) - 3 * AGES_S
    shape = np.repeat(rng.uniform(-3, 3, N_SHAPE // 6 + 1), 6)[:N_SHAPE]
    first = noise_tables(played(level, shape, 1), RATE)
    once_db, once_shape = first.level_db, first.shape_db
    again = noise_tables(played(once_db, once_shape, 2), RATE)
    late = (AGES_S > 0.3) & (AGES_S < 5)
    assert np.abs(again.level_db - once_db)[1:, late].mean() < 1.0
    assert np.abs(again.shape_db - once_shape)[2:].mean() < 1.0
    falling = once_db[:, late].mean(0) - level[:, late].mean(0)
    np.testing.assert_allclose(falling, falling.mean(), atol=1.0)  # 3 dB a second


def test_a_line_within_a_band_is_found_where_it_lies():
    t = np.arange(FRAMES * HOP) / RATE
    rest = 0.01 * np.sin(2 * np.pi * 5000 * t) + 1e-4 * np.random.default_rng(1).standard_normal(len(t))
    found = noise_tables(rest, RATE)
    level_db, shape_db = found.level_db, found.shape_db
    band = int(np.searchsorted(FINE_EDGES_HZ, 5000, side="right")) - 1
    assert level_db[band, 10] == pytest.approx(20 * np.log10(0.01) - 3.01, abs=0.5)
    inside = np.arange(int(FINE_EDGES_HZ[band] / SHAPE_HZ) + 1, int(FINE_EDGES_HZ[band + 1] / SHAPE_HZ) + 1)
    assert inside[np.argmax(shape_db[inside])] == 5000 / SHAPE_HZ
    assert np.ptp(shape_db[inside]) > 25


def test_silence_has_no_level_and_no_shape_that_is_no_number():
    silent, short = noise_tables(np.zeros(2400), RATE), noise_tables(np.ones(30), RATE)
    assert silent.level_db.max() <= -139 and np.all(np.isfinite(silent.shape_db)) and np.abs(silent.shape_db).max() <= 60
    assert np.all(np.isfinite(short.level_db)) and np.all(np.isfinite(short.shape_db))


def test_rumble_that_cannot_be_heard_is_not_played_as_if_it_could():
    t, rng = np.arange(FRAMES * HOP) / RATE, np.random.default_rng(2)
    quiet = 1e-3 * rng.standard_normal(len(t))
    clean, rumbling = (noise_tables(rest, RATE) for rest in (quiet, quiet + 0.02 * np.sin(2 * np.pi * 15 * t)))
    heard = [np.abs(np.fft.rfft(played(one.level_db, one.shape_db, 1))) ** 2 for one in (clean, rumbling)]
    hz = np.fft.rfftfreq(FRAMES * HOP, 1 / RATE)
    band = (hz > 60) & (hz < 250)
    assert 10 * np.log10(heard[1][band].sum() / heard[0][band].sum()) == pytest.approx(0, abs=1.5)
