"""What moves the partials of a bowed note beside their levels."""

import numpy as np
import pytest

from orchestrion.datasets.banks.fitting import fit_note
from orchestrion.datasets.banks.modulation import COURSES, modulation, moved_db, noise_modulation
from tests.datasets.banks.notes import RATE

HOP, KNOTS = 96, 700


def test_partials_that_move_together_are_one_course():
    t = np.arange(KNOTS) * HOP / RATE
    course, share = 4 * np.sin(2 * np.pi * 5 * t), np.array([1.0, 0.5, -0.75, 0.0])
    table = np.tile(0.1 / np.arange(1, 5), (KNOTS, 1))
    courses, shares = modulation(table * 10 ** (np.outer(course, share) / 20), table, RATE)
    assert courses.shape[0] == COURSES and shares.shape == (4, COURSES) and np.abs(shares).max() == pytest.approx(1.0)
    assert np.abs(courses[1:]).max() < 0.05
    found = moved_db(courses, shares, KNOTS, RATE)
    np.testing.assert_allclose(found[10:-10], np.outer(course, share)[10:-10], atol=0.5)


def test_noise_that_swells_is_a_course_of_its_bands():
    rng = np.random.default_rng(0)
    t = np.arange(KNOTS) * HOP / RATE
    swell = 5 * np.sin(2 * np.pi * 3 * t)
    table = np.tile(10 ** rng.uniform(-7, -5, 52), (KNOTS, 1))
    power = table * 10 ** (swell[:, None] / 10) * rng.gamma(20, 1 / 20, (KNOTS, 52))
    courses, shares = noise_modulation(power, table, RATE)
    found = moved_db(courses[:1], shares[:, :1], KNOTS, RATE).mean(1)
    assert np.corrcoef(found, swell)[0, 1] > 0.97 and found.std() == pytest.approx(swell.std(), rel=0.15)


def test_what_is_silent_or_short_moves_by_nothing_that_is_no_number():
    for amplitude in (np.zeros((50, 3)), np.full((2, 1), 1e-9)):
        courses, shares = modulation(amplitude, np.zeros_like(amplitude), RATE)
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
    assert fit.modulation_db.shape[0] == COURSES and fit.noise_modulation_db.shape[1] == 0
