import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.evaluation.figures.spectra import peak_frequencies, spectrogram

RATE = 16000


def tone(hz: float, amplitude: float = 1.0, duration_s: float = 1.0) -> Waveform:
    return Waveform(amplitude * np.sin(2 * np.pi * hz * np.arange(round(duration_s * RATE)) / RATE), RATE)


def test_a_full_scale_sinusoid_has_0_db_in_its_bin():
    found = spectrogram(tone(1000.0))
    k = int(np.argmin(np.abs(found.hz - 1000)))
    assert found.hz[k] == 1000
    np.testing.assert_allclose(found.db[10:50, k], 0, atol=0.01)


def test_axes():
    found = spectrogram(tone(440.0), window=1024, hop=160)
    assert found.db.shape == (100, 513) == (len(found.time_s), len(found.hz))
    assert found.time_s[1] == pytest.approx(0.01)
    assert found.hz[-1] == RATE / 2


@pytest.mark.parametrize("hz", [220.0, 441.3, 987.65, 3001.7])
def test_peak_frequencies_are_exact_between_bins(hz):
    found = peak_frequencies(tone(hz, 0.5), range_db=20)
    inside = (found.time_s > 0.2) & (found.time_s < 0.8)
    bin_hz = RATE / 4096
    np.testing.assert_allclose(found.hz[inside], hz, atol=0.05 * bin_hz)
    np.testing.assert_allclose(found.db[inside], 20 * np.log10(0.5), atol=0.3)


def test_two_tones_give_two_peaks_a_frame():
    both = Waveform(tone(440.0, 0.4).samples + tone(660.0, 0.4).samples, RATE)
    found = peak_frequencies(both, range_db=20)
    inside = (found.time_s > 0.2) & (found.time_s < 0.8)
    assert inside.sum() == 2 * len(np.unique(found.time_s[inside]))


def test_silence_has_no_peaks():
    assert len(peak_frequencies(Waveform(np.zeros(RATE), RATE)).hz) == 0
