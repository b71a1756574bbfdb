import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.evaluation.meters.audio_checks import check_audio, levels, noise_drift, rest_levels
from orchestrion.score import Note

RATE = 16000


def tone(duration_s: float, amplitude: float = 0.5, hz: float = 440.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(duration_s * RATE)) / RATE)


def test_levels_of_a_sinusoid():
    found = levels(Waveform(tone(1.0), RATE))
    assert found["peak"] == pytest.approx(0.5, abs=1e-3)
    assert found["rms_db"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert found["clipped_fraction"] == 0 and abs(found["dc_offset"]) < 1e-6


def test_clipping_is_counted():
    found = levels(Waveform(np.clip(tone(1.0, 2.0), -1, 1), RATE))
    # |sin| > 1/2 for two thirds of the time.
    assert found["clipped_fraction"] == pytest.approx(2 / 3, abs=0.01)


def test_rests_are_measured_after_the_release_only():
    samples = np.concatenate([tone(1.0), tone(0.4, 0.1), np.full(RATE, 1e-3), tone(1.0)])
    notes = [Note(0.0, 1.0, 69, 80), Note(2.4, 3.4, 69, 80)]
    found = rest_levels(Waveform(samples, RATE), notes)
    assert found["rests_s"] == pytest.approx(0.85)
    assert found["rests_db"] == pytest.approx(-60, abs=0.1)
    assert found["rests_below_notes_db"] == pytest.approx(found["notes_db"] + 60, abs=0.1)


def test_without_rests_there_is_no_rest_level():
    found = rest_levels(Waveform(tone(1.0), RATE), [Note(0.0, 1.0, 69, 80)])
    assert set(found) == {"notes_db"}


def test_digital_silence_has_the_lowest_level():
    found = check_audio(Waveform(np.zeros(RATE), RATE), [Note(0.0, 0.1, 69, 80)])
    assert found["rms_db"] == found["notes_db"] == -120


def test_a_steady_tone_does_not_drift():
    found = noise_drift(Waveform(tone(30.0), RATE))
    assert found["flatness_worst"] < 0.05
    assert abs(found["level_drift_db"]) < 0.1


def test_growing_noise_is_seen():
    n = 30 * RATE
    noise = np.random.default_rng(0).normal(0, 0.2, n) * np.linspace(0, 1, n) ** 2
    found = noise_drift(Waveform(np.clip(tone(30.0, 0.3) + noise, -1, 1), RATE))
    assert found["flatness_last"] > 3 * found["flatness_first"]
    assert found["flatness_worst"] == found["flatness_last"]


def test_very_short_audio_is_measured_too():
    assert noise_drift(Waveform(tone(0.01), RATE))["flatness_first"] >= 0
