"""What moves the partials of a bowed note beside their levels."""

import numpy as np
import pytest

from orchestrion.bridge.source import Vibrato
from orchestrion.datasets.banks.fitting import fit_note, tables
from orchestrion.datasets.banks.modulation import (
    NOISE,
    STRUCK,
    SUSTAINED,
    modulation,
    moved_db,
    noise_modulation,
    resolution_of,
)
from tests.datasets.banks.notes import RATE

HOP, KNOTS = 96, 700


@pytest.mark.parametrize("resolution", [STRUCK, SUSTAINED])
def test_partials_that_move_together_are_one_course(resolution):
    t = np.arange(KNOTS) * HOP / RATE
    course, share = 4 * np.sin(2 * np.pi * 5 * t), np.array([1.0, 0.5, -0.75, 0.0])
    table = np.tile(0.1 / np.arange(1, 5), (KNOTS, 1))
    courses, shares = modulation(table * 10 ** (np.outer(course, share) / 20), table, RATE, resolution)
    assert courses.shape[0] == resolution.courses and shares.shape == (4, resolution.courses) and np.abs(shares).max() == pytest.approx(1.0)
    assert not courses[1:].any() and not shares[:, 1:].any()
    kept = slice(10, min(KNOTS, round(courses.shape[1] * resolution.knot_s * RATE / HOP)) - 10)
    found = moved_db(courses, shares, KNOTS, RATE, resolution.knot_s)
    np.testing.assert_allclose(found[kept], np.outer(course, share)[kept], atol=0.5)


def test_the_loudest_partial_does_not_move_as_many_soft_ones_do():
    """Thirty soft partials flutter, each in its own way, and the loudest sways slowly: it would flutter with them, by some tenths of a decibel."""
    rng = np.random.default_rng(0)
    t = np.arange(KNOTS) * HOP / RATE
    kernel = np.hanning(9) / np.hanning(9).sum()
    flutter = np.stack([np.convolve(rng.standard_normal(KNOTS + 8), kernel, "valid") for _ in range(30)], 1)
    moves = np.concatenate([2 * np.sin(2 * np.pi * 2 * t)[:, None], 4 * flutter / flutter.std()], 1)
    table = np.tile(np.concatenate([[0.3], np.full(30, 0.003)]), (KNOTS, 1))
    courses, shares = modulation(table * 10 ** (moves / 20), table, RATE, SUSTAINED)
    kept = slice(10, 490)
    error = (moved_db(courses, shares, KNOTS, RATE, SUSTAINED.knot_s) - moves)[kept, 0]
    assert error.std() < 0.1
    assert np.diff(moved_db(courses, shares, KNOTS, RATE, SUSTAINED.knot_s)[kept, 0]).std() < 1.1 * np.diff(moves[kept, 0]).std()


def test_partials_that_hardly_move_have_no_course():
    t, table = np.arange(KNOTS) * HOP / RATE, np.full((KNOTS, 3), 0.1)
    wave = np.sin(2 * np.pi * 5 * t)[:, None]
    for depth_db, moves in ((0.3, False), (0.45, True)):  # .21 and .32 in the mean square
        courses, _ = modulation(table * 10 ** (depth_db * wave / 20), table, RATE, SUSTAINED)
        assert courses.any() == moves


def test_noise_that_swells_is_a_course_of_its_bands():
    rng = np.random.default_rng(0)
    t = np.arange(KNOTS) * HOP / RATE
    swell = 5 * np.sin(2 * np.pi * 3 * t)
    table = np.tile(10 ** rng.uniform(-7, -5, 52), (KNOTS, 1))
    power = table * 10 ** (swell[:, None] / 10) * rng.gamma(20, 1 / 20, (KNOTS, 52))
    courses, shares = noise_modulation(power, table, RATE)
    found = moved_db(courses[:1], shares[:, :1], KNOTS, RATE, NOISE.knot_s).mean(1)
    assert np.corrcoef(found, swell)[0, 1] > 0.97 and found.std() == pytest.approx(swell.std(), rel=0.15)


def test_what_is_silent_or_short_moves_by_nothing_that_is_no_number():
    for amplitude in (np.zeros((50, 3)), np.full((2, 1), 1e-9)):
        courses, shares = modulation(amplitude, np.zeros_like(amplitude), RATE, STRUCK)
        assert np.all(np.isfinite(courses)) and np.all(np.isfinite(shares)) and np.abs(courses).max(initial=0.0) < 1e-6


def test_a_tremolo_is_in_the_source_of_a_bowed_note():
    t = np.arange(3 * RATE) / RATE
    phase = 2 * np.pi * 330 * t
    x = (1 + 0.4 * np.sin(2 * np.pi * 5 * t)) * sum(0.2 / k * np.cos(k * phase + k) for k in range(1, 7))
    fit = fit_note(x, 64, RATE, sustained=True, stretched=False)
    error = (fit.source - x)[RATE // 4 : -RATE // 4]
    assert 10 * np.log10(np.mean(error**2) / np.mean(x**2)) < -25


def test_beats_of_a_struck_note_are_in_its_source_and_its_noise_stays_with_the_tables():
    t = np.arange(3 * RATE) / RATE
    beats = (1 + 0.5 * np.cos(2 * np.pi * 1.7 * t)) * np.exp(-1.5 * t)
    x = beats * sum(0.2 / k * np.cos(2 * np.pi * 330 * k * t + k) for k in range(1, 7))
    fit = fit_note(x, 64, RATE, sustained=False, stretched=False)
    error = (fit.source - x)[RATE // 8 : 2 * RATE]
    assert 10 * np.log10(np.mean(error**2) / np.mean(x[RATE // 8 : 2 * RATE] ** 2)) < -25
    assert fit.modulation_db.shape[0] == STRUCK.courses and fit.noise_modulation_db.shape[1] == 0


def test_tables_hold_no_courses_that_no_note_has():
    t = np.arange(RATE) / RATE
    tremolo = (1 + 0.4 * np.sin(2 * np.pi * 5 * t)) * sum(0.2 / k * np.cos(2 * np.pi * 330 * k * t + k) for k in range(1, 7))
    fit = fit_note(tremolo, 64, RATE, sustained=True, stretched=False)
    n = int(fit.modulation_db.any(axis=1).sum())
    source = tables([(64, 80.0, fit)], RATE, np.full(128, 100.0), 64, 64, vibrato=Vibrato(), recorded={64}, exponent=2.0, modulation_s=0.008)
    assert 0 < n < SUSTAINED.courses and source.modulation_db.shape[1] == source.modulation_share.shape[1] == n


@pytest.mark.parametrize("sustained", [True, False])
def test_partials_that_move_each_in_its_own_way_are_as_loud_as_they_were(sustained):
    rng = np.random.default_rng(0)
    n, k = 3 * RATE, np.arange(1, 31)
    smooth = np.hanning(RATE // 20)
    waves = [np.convolve(rng.standard_normal(n + len(smooth) - 1), smooth, "valid") for _ in k]
    x = sum(0.1 / one * (wave / wave.std()) * np.cos(2 * np.pi * 330 * one * np.arange(n) / RATE) for one, wave in zip(k, waves, strict=True))
    fit = fit_note(x, 64, RATE, sustained=sustained, stretched=False)
    held = slice(RATE // 4, RATE)
    assert 10 * np.log10(np.mean(fit.source[held] ** 2) / np.mean(x[held] ** 2)) == pytest.approx(0, abs=0.5)
    assert fit.modulation_db.any() and resolution_of(sustained) is (SUSTAINED if sustained else STRUCK)
