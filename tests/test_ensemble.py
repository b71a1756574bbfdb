"""Mixing is plain addition; tests state the sums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.ensemble import mix, split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, Score

RATE = 16_000


def tone(seed: int, n_samples: int, peak: float = 0.3) -> Waveform:
    return Waveform(np.random.default_rng(seed).uniform(-peak, peak, n_samples).astype(np.float32), RATE, {"title": "x"})


def test_mono_mix_is_the_sum_sample_by_sample() -> None:
    long, short = tone(1, 500), tone(2, 300)
    mixed = mix([long, short])
    expected = long.samples.astype(np.float64)
    expected[:300] += short.samples
    assert mixed.samples.shape == (500, 1)
    assert np.array_equal(mixed.samples[:, 0], expected.astype(np.float32))
    assert mixed.lowered_db == 0.0


def test_gain_in_decibels() -> None:
    track = tone(3, 100)
    mixed = mix([track, track], gains_db=[0.0, -20.0])
    np.testing.assert_allclose(mixed.samples[:, 0], track.samples * 1.1, rtol=1e-6)


def test_pan_keeps_the_power_and_reaches_the_sides() -> None:
    track = tone(4, 100)
    for pan in (-1.0, -0.3, 0.0, 0.8, 1.0):
        stereo = mix([track], pans=[pan]).samples
        np.testing.assert_allclose((stereo**2).sum(axis=1), track.samples**2, rtol=1e-5)
    np.testing.assert_allclose(mix([track], pans=[-1.0]).samples, np.stack([track.samples, 0 * track.samples], 1), atol=1e-7)
    np.testing.assert_allclose(mix([track], pans=[1.0]).samples, np.stack([0 * track.samples, track.samples], 1), atol=1e-7)


def test_what_would_clip_is_turned_down_as_a_whole() -> None:
    loud = Waveform(np.array([0.9, -0.5, 0.1], dtype=np.float32), RATE)
    mixed = mix([loud, loud])
    np.testing.assert_allclose(mixed.samples[:, 0], loud.samples / 0.9, rtol=1e-6)
    assert mixed.lowered_db == pytest.approx(20 * np.log10(1.8), abs=1e-6)


def test_lower_rates_are_converted_to_the_highest() -> None:
    slow = Waveform(np.zeros(8_000, dtype=np.float32), 8_000)
    mixed = mix([tone(5, RATE), slow])
    assert mixed.sample_rate == RATE and len(mixed.samples) == RATE


def test_stereo_file_holds_both_channels(tmp_path: Path) -> None:
    import soundfile

    mixed = mix([tone(6, 200), tone(7, 200)], pans=[-1.0, 1.0])
    mixed.write(tmp_path / "two.wav")
    read, rate = soundfile.read(tmp_path / "two.wav")
    assert rate == RATE
    np.testing.assert_allclose(read, mixed.samples, atol=1 / 32767)


@pytest.mark.parametrize("arguments", [{"gains_db": [1.0]}, {"pans": [0.0, 0.0, 0.0]}, {"pans": [0.0, 1.5]}])
def test_one_value_a_part(arguments: dict) -> None:
    with pytest.raises(OrchestrionError):
        mix([tone(8, 10), tone(9, 10)], **arguments)


def test_nothing_to_mix() -> None:
    with pytest.raises(OrchestrionError, match="nothing to mix"):
        mix([])


def test_parts_keep_the_clock_and_drums_are_left_out() -> None:
    late = Part("late", 0, (Note(5.0, 6.0, 60, 80),))
    early = Part("early", 40, (Note(0.0, 1.0, 72, 80),))
    drums = Part("drums", 0, (Note(0.0, 1.0, 36, 80),), is_drum=True)
    parts = split_parts(Score((late, drums, Part("empty", 0, ()), early)))
    assert [part.parts[0].name for part in parts] == ["late", "early"]
    assert parts[0].notes[0].onset_s == 5.0
