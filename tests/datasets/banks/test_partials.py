"""Partials of notes whose partials are known."""

import numpy as np
import pytest

from orchestrion.bridge.source import AGES_S, N_AGES
from orchestrion.datasets.banks import partials
from orchestrion.datasets.banks.fitting import fit_note, vibrato_of
from tests.datasets.banks.notes import RATE, bar, bowed, plucked


def db(rest: np.ndarray, x: np.ndarray) -> float:
    return float(10 * np.log10((rest**2).sum() / (x**2).sum()))


@pytest.mark.parametrize(("pitch", "cents"), [(33, -20.0), (57, 8.0), (69, 0.0), (88, 25.0)])
def test_tuning_and_inharmonicity_are_found(pitch, cents):
    found = partials.struck(plucked(pitch, cents=cents).astype(float), pitch, RATE)
    f1 = found.fundamental_hz(RATE)[0]
    assert abs(1200 * np.log2(f1 / (440 * 2 ** ((pitch - 69) / 12))) - cents) < 0.5
    assert found.inharmonicity == pytest.approx(2e-4, rel=0.1)


@pytest.mark.parametrize("stiff", [0.0, 1e-5, 8e-5])
def test_the_highest_partials_of_a_string_are_found(stiff):
    """A guitar's low string has 80 of them, the last many a window's width beside where a piano's string would have it."""
    x = plucked(45, inharmonicity=stiff, n=80).astype(float)
    found = partials.struck(x, 45, RATE)
    low, high = int(0.05 * RATE), int(0.15 * RATE)
    treble = np.fft.rfft(np.stack([x, x - found.samples(len(x))])[:, low:high] * np.hanning(high - low))[:, (high - low) * 6000 // RATE :]
    ours, rest = (np.abs(treble) ** 2).sum(1)
    assert 10 * np.log10(rest / ours) < -20


@pytest.mark.parametrize("ratios", [(1.0, 2.76, 5.4, 8.93), (1.0, 1.5, 2.0, 2.5)])
def test_modes_beside_the_series_are_found(ratios):
    x = bar(72, ratios, noise=1e-4).astype(float)
    series, found = (partials.struck(x, 72, RATE, aside=aside) for aside in (False, True))
    assert db((x - series.samples(len(x)))[2400:], x[2400:]) > -15
    assert db((x - found.samples(len(x)))[2400:], x[2400:]) < -35
    aside = found.ratios[len(series.ratios) :]
    assert all(np.abs(found.ratios - ratio).min() < 0.01 for ratio in ratios) and len(aside) <= 8


def test_noise_is_no_mode():
    noisy = plucked(57, noise=0.02).astype(float)
    found = partials.struck(noisy, 57, RATE, aside=True)
    assert len(found.ratios) == len(partials.struck(noisy, 57, RATE).ratios)
    assert np.array_equal(*(partials.sustained(bowed(57).astype(float), 57, RATE, aside=aside).ratios for aside in (False, True)))


def test_modes_stand_in_the_tables_of_a_note():
    fit = fit_note(bar(72, (1.0, 2.76, 5.4)), 72, RATE, sustained=False, stretched=True, aside=True)
    place = int(np.argmin(np.abs(fit.ratios - 2.76)))
    assert len(fit.ratios) == len(fit.level_db) == len(fit.phase) == len(fit.modulation_share)
    np.testing.assert_allclose(fit.level_db[place][(AGES_S > 0.05) & (AGES_S < 1.0)], -20 - 20 * AGES_S[(AGES_S > 0.05) & (AGES_S < 1.0)], atol=1.0)


@pytest.mark.parametrize("pitch", [33, 57, 81])
def test_the_partials_of_a_struck_note_are_nearly_all_of_it(pitch):
    x = plucked(pitch).astype(float)
    found = partials.struck(x, pitch, RATE)
    assert db((x - found.samples(len(x)))[2400:], x[2400:]) < -35


def test_a_pitch_contour_is_followed():
    x = bowed(64).astype(float)
    along = partials.sustained(x, 64, RATE)
    assert db((x - along.samples(len(x)))[2400:], x[2400:]) < -30
    cents = 1200 * np.log2(along.fundamental_hz(RATE)[300:600] / (440 * 2 ** (-5 / 12)))
    assert np.ptp(cents) == pytest.approx(24, abs=3)


def test_amplitudes_stand_in_the_table_at_their_ages():
    fit = fit_note(plucked(57), 57, RATE, sustained=False, stretched=True)
    known = (AGES_S > 0.05) & (AGES_S < 1.2)
    for k in (1, 2, 5):
        expected = 20 * np.log10(0.2 / k) - (20 + 6 * k) * AGES_S
        assert np.abs(fit.level_db[k - 1] - expected)[known].max() < 1.0
    assert fit.level_db.shape == (len(fit.phase), N_AGES)


def test_a_struck_note_goes_on_falling_beyond_its_recording():
    fit = fit_note(plucked(57, seconds=1.0), 57, RATE, sustained=False, stretched=True)
    beyond = AGES_S > 1.2
    falling = np.diff(fit.level_db[0][beyond]) / np.diff(AGES_S[beyond])
    assert falling[0] == pytest.approx(-26, abs=2) and np.all(falling <= 0)


def test_noise_is_measured_apart_from_the_partials():
    quiet, noisy = (fit_note(plucked(57, noise=level), 57, RATE, sustained=False, stretched=True) for level in (0.0, 0.02))
    assert np.all(noisy.noise_db[6:, 4] > quiet.noise_db[6:, 4] + 20)


def test_vibrato_is_found():
    fits = [fit_note(bowed(pitch), pitch, RATE, sustained=True, stretched=False) for pitch in (60, 67)]
    found = vibrato_of([fit.contour_cents for fit in fits], RATE / partials.HOP)
    assert found.cents == pytest.approx(12, rel=0.25) and found.rate_hz == pytest.approx(5.5, abs=0.3)
    straight = fit_note(bowed(60, cents=0.0), 60, RATE, sustained=True, stretched=False)
    assert vibrato_of([straight.contour_cents], RATE / partials.HOP).cents == 0
