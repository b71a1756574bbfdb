"""µ-law companding: the inverse, the ends, the twins."""

import numpy as np
import pytest

from orchestrion.renderer.mulaw import decode, decode_table, encode


@pytest.mark.parametrize("levels", [16, 256, 1024])
def test_every_level_survives_decoding_and_encoding(levels):
    codes = np.arange(levels)
    assert (encode(decode(codes, levels), levels) == codes).all()


def test_amplitude_error_is_at_most_half_a_step_of_the_companded_scale():
    samples = np.linspace(-1, 1, 10001)
    table = decode_table(256)
    widest = np.abs(np.diff(table)).max()
    assert np.abs(decode(encode(samples)) - samples).max() <= widest / 2 * 1.01
    quiet = samples[np.abs(samples) < 0.01]
    assert np.abs(decode(encode(quiet)) - quiet).max() < 2.5e-4


def test_ends_and_silence():
    assert encode(np.array([-1.0, -7.0, 1.0, 7.0, 0.0])).tolist() == [0, 0, 255, 255, 128]
    assert abs(float(decode(np.array(128)))) < 1e-4
