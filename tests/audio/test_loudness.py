"""Integrated loudness against the standard's own cases, and of what is shorter than its block."""

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.audio.loudness import integrated_loudness
from tests.sinusoids import tone


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_loudness_is_that_of_the_standard(rate):
    # BS.1770-4: a 997 Hz sine at full scale in one channel has -3.01 LUFS.
    assert integrated_loudness(tone(997, 1.0, rate=rate)) == pytest.approx(-3.01, abs=0.1)
    assert integrated_loudness(tone(997, 0.1, rate=rate)) == pytest.approx(-23.01, abs=0.1)
    # EBU Tech 3341, case 3 in one channel: quiet ends are gated away.
    parts = [tone(1000, 10 ** (db / 20), s, rate).samples for db, s in ((-36, 10.0), (-23, 60.0), (-36, 10.0))]
    assert integrated_loudness(Waveform(np.concatenate(parts), rate)) == pytest.approx(-26.0, abs=0.15)


def test_bass_counts_less_than_treble():
    assert integrated_loudness(tone(30, 0.5)) < integrated_loudness(tone(300, 0.5)) - 4
    assert integrated_loudness(tone(4000, 0.5)) > integrated_loudness(tone(300, 0.5)) + 3


@pytest.mark.parametrize("n", [100, 3001, 6399])
def test_a_clip_shorter_than_a_block_is_one_block(n):
    clip = tone(997, 1.0, rate=16000).samples[:n]
    # The mean power of a short clip depends on where in its period it ends, its filtered beginning on nothing else.
    assert integrated_loudness(Waveform(clip, 16000)) == pytest.approx(-3.01, abs=0.5)
    assert integrated_loudness(Waveform(0.1 * clip, 16000)) == pytest.approx(integrated_loudness(Waveform(clip, 16000)) - 20, abs=0.01)


@pytest.mark.parametrize("n", [1, 100, 20000])
def test_silence_has_no_loudness(n):
    assert integrated_loudness(Waveform(np.zeros(n), 16000)) == -np.inf
