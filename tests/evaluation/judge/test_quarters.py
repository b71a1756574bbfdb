"""The level of a long note, with and without the room that it was recorded in."""

import numpy as np

from orchestrion.evaluation.judge.fidelity import quarter_level_errors
from orchestrion.score import Note

RATE = 24000


def _falling(db_a_second: float) -> np.ndarray:
    t = np.arange(8 * RATE) / RATE
    return 0.1 * 10 ** (-db_a_second * t / 20) * np.sin(2 * np.pi * 261.6 * t)


def test_noise_under_a_note_counts_in_all_but_not_at_its_partials():
    note, hz = Note(0.0, 8.0, 60, 80), 261.6 * np.arange(1, 10)
    noise = 3e-4 * np.random.default_rng(0).standard_normal(8 * RATE)
    errors = quarter_level_errors(_falling(8.0), _falling(8.0) + noise, note, RATE)
    at_partials = quarter_level_errors(_falling(8.0), _falling(8.0) + noise, note, RATE, hz)
    assert errors[-1] < -5 and np.abs(at_partials).max() < 1


def test_a_partial_that_dies_too_early_is_heard_by_both():
    note, hz = Note(0.0, 8.0, 60, 80), 261.6 * np.arange(1, 10)
    for partials in (None, hz):
        errors = quarter_level_errors(_falling(7.0), _falling(5.0), note, RATE, partials)
        assert np.all(np.diff(errors) < -3) and abs(errors[0]) < 4
