"""Settling: constants, tones and repeated blocks come to rest; noise, music and dying notes do not."""

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.evaluation.meters.settling import likeness, measure_settling

RATE = 8000
T = np.arange(5 * RATE) / RATE
RNG = np.random.default_rng(0)
BLOCK = RNG.standard_normal(400)
RESTING = {
    "silence": np.zeros(5 * RATE),
    "a constant": np.full(5 * RATE, 0.3),
    "a tone": 0.2 * np.sin(2 * np.pi * 313.7 * T),
    "a block again and again": 0.1 * np.tile(BLOCK, 100),
}
MOVING = {
    "noise": 0.1 * RNG.standard_normal(5 * RATE),
    "a block with new noise of a tenth": 0.1 * np.tile(BLOCK, 100) + 0.01 * RNG.standard_normal(5 * RATE),
    "a glide": 0.2 * np.sin(2 * np.pi * (200 * T + 30 * T**2)),
    "two notes that follow each other": 0.2 * np.where(T % 1.3 < 0.7, np.sin(2 * np.pi * 220 * T), np.sin(2 * np.pi * 329 * T)),
}


def sound(samples: np.ndarray) -> Waveform:
    return Waveform(np.clip(samples, -1, 1).astype(np.float32), RATE)


@pytest.mark.parametrize("name", RESTING)
def test_what_comes_to_rest_is_found(name):
    assert measure_settling(sound(RESTING[name])).found


@pytest.mark.parametrize("name", MOVING)
def test_what_goes_on_is_not_accused(name):
    assert not measure_settling(sound(MOVING[name])).found


def test_the_period_is_the_blocks():
    found = measure_settling(sound(RESTING["a block again and again"]))
    assert found.period_s * RATE % 400 == pytest.approx(0, abs=1e-6)


def test_clips_are_alike_whatever_the_lag_and_level():
    noise = MOVING["noise"]
    assert likeness(sound(noise), sound(0.3 * np.roll(noise, 500))) > 0.9
    assert likeness(sound(noise), sound(RNG.standard_normal(5 * RATE) * 0.1)) < 0.1
    assert likeness(sound(np.zeros(RATE)), sound(np.zeros(RATE))) == 1 and likeness(sound(np.zeros(RATE)), sound(noise)) == 0
