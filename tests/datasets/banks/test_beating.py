"""Partials that beat, as two tones."""

import numpy as np
import pytest

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.source import Vibrato
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.datasets.banks import partials
from orchestrion.datasets.banks.beating import with_pairs
from orchestrion.datasets.banks.fitting import fit_note, tables
from orchestrion.evaluation.judge.fidelity import noise_between_partials
from orchestrion.score import Note
from tests.datasets.banks.notes import RATE, bowed

PITCH, SECONDS = 76, 3.0
F1 = 440.0 * 2 ** ((PITCH - 69) / 12)


def reeds(*cents: float, weaker_db: float = 2.0) -> np.ndarray:
    """Reeds so far from a pitch, each of six partials, with an attack of 30 ms."""
    t = np.arange(int(SECONDS * RATE)) / RATE
    attack = np.minimum(t / 0.03, 1.0)
    rows = ((reed, k) for reed in range(len(cents)) for k in range(1, 7))
    return attack * sum(
        0.1 / k * 10 ** (-weaker_db * reed / 20) * np.cos(2 * np.pi * k * F1 * 2 ** (cents[reed] / 1200) * t + k * (1 + reed)) for reed, k in rows
    )


def paired(x: np.ndarray) -> tuple[partials.Partials, partials.Partials, np.ndarray, np.ndarray]:
    found = partials.sustained(x, PITCH, RATE, aside=True)
    return found, *with_pairs(x, found, RATE)


def played_of(fit) -> tuple[np.ndarray, Note]:
    """A second of the note by its tables."""
    source = tables([(PITCH, 80.0, fit)], RATE, np.full(128, 100.0), PITCH, PITCH, vibrato=Vibrato(), recorded={PITCH}, exponent=2.0, modulation_s=0.008)
    note = Note(0.0, 1.0, PITCH, 80)
    return SourceSignal(ConditioningSeries.from_notes([note], sample_rate=RATE, hop=96), source).samples(0, 250), note


def test_two_reeds_are_two_tones_where_each_is():
    x = reeds(-8.0, 10.0)
    _, made, amplitudes, is_tone = paired(x)
    f1 = np.median(made.fundamental_hz(RATE))
    assert len(made.ratios) == amplitudes.shape[1] == len(is_tone) and is_tone.any()
    for k in (2, 3, 4, 5):
        for reed, cents in enumerate((-8.0, 10.0)):
            hz = k * F1 * 2 ** (cents / 1200)
            place = int(np.argmin(np.abs(made.ratios * f1 - hz)))
            assert is_tone[place] and abs(made.ratios[place] * f1 - hz) < 0.3
            assert np.median(20 * np.log10(amplitudes[50:450, place])) == pytest.approx(20 * np.log10(0.1 / k) - 2 * reed, abs=0.5)


def test_an_attack_is_as_loud_as_it_was():
    """One reed speaks .08 s after the other: two slow envelopes alone were .9 dB softer before."""
    late = np.interp(np.arange(int(SECONDS * RATE)) / RATE, [0.08, 0.1], [0.0, 1.0])
    x = reeds(-5.0) + 0.8 * late * reeds(7.0)
    played, _ = played_of(fit_note(x, PITCH, RATE, sustained=True, stretched=False, aside=True))
    for begin, end in ((0.03, 0.06), (0.06, 0.1)):
        part = slice(int(begin * RATE), int(end * RATE))
        assert 10 * np.log10((played[part] ** 2).sum() / (x[part] ** 2).sum()) == pytest.approx(0, abs=0.3)


def test_the_sum_of_the_tones_is_the_note():
    x = reeds(-8.0, 10.0)
    found, made, *_ = paired(x)
    left, before = (float(np.mean((x - one.samples(len(x)))[1200:] ** 2)) for one in (made, found))
    assert left <= before and left < 1e-3 * np.mean(x[1200:] ** 2)


@pytest.mark.parametrize("x", [reeds(0.0), reeds(0.0, 10.0, weaker_db=20.0), reeds(-1.0, 1.0), bowed(PITCH).astype(float)], ids=["one", "weak", "slow", "vibrato"])
def test_one_reed_a_weak_second_one_slow_beats_and_vibrato_stay_as_they_are(x):
    found, made, amplitudes, is_tone = paired(x)
    assert made is found and not is_tone.any() and np.array_equal(amplitudes, np.abs(found.envelopes))


def test_a_note_too_short_to_tell_stays_as_it_is():
    x = reeds(-8.0, 10.0)[: RATE // 4]
    found, made, *_ = paired(x)
    assert made is found


def test_reeds_that_beat_are_played_without_sidebands():
    """By amplitudes alone there were 15 dB more between the partials than the note has."""
    x = reeds(-5.0, 7.0)
    rng = np.random.default_rng(0)
    x += 1e-4 * rng.standard_normal(len(x))
    fit = fit_note(x, PITCH, RATE, sustained=True, stretched=False, aside=True)
    played, note = played_of(fit)
    hz = F1 * np.arange(1, 7)
    ours, theirs = (noise_between_partials(samples, note, hz, RATE) for samples in (played, x))
    assert ours < theirs + 1.0
