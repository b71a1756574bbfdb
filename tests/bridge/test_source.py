"""The harmonic source against tables whose sound is known: partials, levels, velocities, release, vibrato, noise, blocks."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import hilbert

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.noise import BAND_EDGES_HZ, FINE_EDGES_HZ, N_BANDS, N_FINE, N_SHAPE, SHAPE_HZ, refined
from orchestrion.bridge.source import (
    AGES_S,
    CONTOUR_S,
    N_AGES,
    SILENT_DB,
    HarmonicSource,
    Vibrato,
    going_on,
    plain_source,
    stretched_ratios,
)
from orchestrion.bridge.sourcesignal import SourceSignal
from orchestrion.score import Note
from tests.bridge.sources import HOP, RATE, tables


def series(*notes, **options) -> ConditioningSeries:
    return ConditioningSeries.from_notes([Note(*note) for note in notes], sample_rate=RATE, hop=HOP, **options)


def audio(source, *notes, vibrato=1.0, **options) -> np.ndarray:
    piece = series(*notes, **options)
    return SourceSignal(piece, source, vibrato=vibrato).samples(0, piece.n_frames)


def amplitudes(x, hz) -> np.ndarray:
    """Of sinusoids at ``hz`` in the samples from 0.1 s on, by least squares."""
    t = np.arange(len(x)) / RATE
    waves = np.concatenate([np.cos(2 * np.pi * np.outer(t, hz)), np.sin(2 * np.pi * np.outer(t, hz))], 1)[2400:]
    found = np.linalg.lstsq(waves, x[2400:].astype(np.float64), rcond=None)[0]
    return np.hypot(*found.reshape(2, -1))


def db(x) -> np.ndarray:
    return 20 * np.log10(x)


def test_partials_have_the_pitch_and_level_of_the_tables():
    stretch = 3e-4
    source = tables(inharmonicity=np.array([stretch]))
    x = audio(source, (0.0, 1.0, 60, 100), tail_s=0.0)
    f1 = 440 * 2 ** (-9 / 12)
    hz = f1 * stretched_ratios(stretch, 3)
    assert hz[2] == pytest.approx(3 * f1 * np.sqrt((1 + 9 * stretch) / (1 + stretch)))
    np.testing.assert_allclose(db(amplitudes(x, hz)), [-20, -26, -32], atol=0.02)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    peaks = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:]) & (spectrum[1:-1] > 0.01 * spectrum.max())) + 1
    np.testing.assert_allclose(peaks * RATE / len(x), hz, atol=1.0)


def test_partials_may_lie_anywhere():
    ratio = np.array([1.0, 1.501, 2.76], np.float32)
    x = audio(tables(ratio=ratio), (0.0, 1.0, 60, 100), (1.0, 2.0, 62, 100), tail_s=0.0)
    for second, pitch in ((0, 60), (1, 62)):  # the other pitch by its neighbour's row
        part = x[second * RATE : (second + 1) * RATE]
        np.testing.assert_allclose(db(amplitudes(part, 440 * 2 ** ((pitch - 69) / 12) * ratio)), [-20, -26, -32], atol=0.05)


def test_partials_fall_with_age_as_the_table_says_and_start_with_their_phase():
    falling = np.float32(-20 - 10 * AGES_S)[None, None]
    source = tables(levels_db=((-20.0,),), level_db=falling, phase=np.array([1.0], np.float32))
    x = audio(source, (0.2, 2.2, 60, 100), tail_s=0.0)
    onset = int(0.2 * RATE)
    assert not x[:onset].any() and x[onset] == pytest.approx(0.1 * np.cos(1.0), rel=1e-4)
    envelope = db(np.abs(hilbert(x[onset:])))
    for age in (0.5, 1.0, 1.5):
        assert envelope[int(age * RATE)] == pytest.approx(-20 - 10 * age, abs=0.1)


def test_with_one_layer_amplitude_goes_with_the_square_of_the_velocity():
    f1 = np.array([440 * 2 ** (-9 / 12)])
    for velocity in (10, 50, 100, 127):
        x = audio(tables(levels_db=((-20.0,),)), (0.0, 0.5, 60, velocity), tail_s=0.0)
        assert db(amplitudes(x, f1))[0] == pytest.approx(-20 + 40 * np.log10(velocity / 100), abs=0.02)


def test_between_layers_and_beyond_them():
    source, f1 = tables(levels_db=((-40.0,), (-10.0,)), velocities=(40, 80)), np.array([440 * 2 ** (-9 / 12)])

    def level(velocity):
        return db(amplitudes(audio(source, (0.0, 0.5, 60, velocity), tail_s=0.0), f1))[0]

    assert level(40) == pytest.approx(-40, abs=0.02) and level(80) == pytest.approx(-10, abs=0.02)
    rising = [level(v) for v in (45, 60, 75)]
    assert -40 < rising[0] < rising[1] < rising[2] < -10
    assert level(20) == pytest.approx(-40 + 40 * np.log10(20 / 40), abs=0.02)
    assert level(120) == pytest.approx(-10 + 40 * np.log10(120 / 80), abs=0.02)


def test_a_released_note_falls_in_a_straight_line_and_ends():
    source = tables(levels_db=((-20.0,),), release_db_s=np.array([100.0], np.float32))
    x = audio(source, (0.0, 0.5, 60, 100), tail_s=1.0)
    envelope = db(np.abs(hilbert(x)) + 1e-12)
    for since in (0.1, 0.3, 0.5):
        assert envelope[int((0.5 + since) * RATE)] == pytest.approx(-20 - 100 * since, abs=0.3)
    assert x[int(1.1 * RATE) :].any() and not x[int(1.21 * RATE) :].any()  # 70 dB down it is left out


def test_a_pitch_without_a_row_sounds_as_the_nearest_transposed():
    source = tables(pitches=(60, 72), levels_db=((-20.0, -26.0),))
    for pitch in (58, 63, 70, 75):
        f1 = 440 * 2 ** ((pitch - 69) / 12)
        x = audio(source, (0.0, 0.5, pitch, 100), tail_s=0.0)
        np.testing.assert_allclose(db(amplitudes(x, f1 * np.array([1, 2]))), [-20, -26], atol=0.05)


def test_no_partial_lies_above_half_the_rate_of_whatever_clock():
    source = tables(pitches=(100,), levels_db=((-20.0,) * 6,))
    piece = ConditioningSeries.from_notes([Note(0.0, 0.5, 108, 100)], sample_rate=16000, hop=64)
    x = SourceSignal(piece, source).samples(0, 125)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)))) / len(x) * 4
    loud = np.flatnonzero(spectrum > 0.01) * 16000 / len(x)
    assert np.all(np.abs(loud - 4186) < 20)  # its first partial alone fits under 8 kHz


def test_vibrato_has_the_depth_rate_and_delay_asked_for():
    source = tables(levels_db=((-20.0,),), vibrato=Vibrato(30.0, 5.0, 0.5, 0.0))
    x = audio(source, (0.0, 4.0, 69, 100), tail_s=0.0)
    phase = np.unwrap(np.angle(hilbert(x.astype(np.float64))))
    cents = 1200 * np.log2((phase[100:] - phase[:-100]) / 100 * RATE / (2 * np.pi) / 440)  # over four thousandths of a second
    assert np.abs(cents[2400 : int(0.48 * RATE)]).max() < 0.5
    bent = cents[int(0.6 * RATE) : int(3.8 * RATE)]
    assert np.percentile(np.abs(bent), 99.9) == pytest.approx(30, rel=0.05)
    spectrum = np.abs(np.fft.rfft(bent * np.hanning(len(bent)), 1 << 19))
    assert np.argmax(spectrum) * RATE / (1 << 19) == pytest.approx(5.0, abs=0.05)
    straight = audio(source, (0.0, 4.0, 69, 100), tail_s=0.0, vibrato=0.0)
    assert np.array_equal(straight, audio(tables(levels_db=((-20.0,),)), (0.0, 4.0, 69, 100), tail_s=0.0))


def test_a_contour_is_followed_and_goes_on_beyond_its_end():
    knots = 100  # 1.6 s, of which .6 are gone back and forth along
    contour = 20 * np.sin(2 * np.pi * 4 * np.arange(knots) * CONTOUR_S)
    source = tables(levels_db=((-20.0,),), contour_cents=contour[None].astype(np.float32), vibrato=Vibrato(30.0, 5.0, 0.0, 0.0))
    x = audio(source, (0.0, 6.0, 69, 100), tail_s=0.0)
    phase = np.unwrap(np.angle(hilbert(x.astype(np.float64))))
    cents = 1200 * np.log2((phase[96:] - phase[:-96]) / 96 * RATE / (2 * np.pi) / 440)
    t = (np.arange(len(cents)) + 48) / RATE
    expected = np.interp(t, np.arange(400) * CONTOUR_S, going_on(contour, 400))
    assert np.abs(cents - expected)[2400:-2400].max() < 1.5  # at the kinks where it turns, .1 elsewhere
    assert np.abs(np.diff(going_on(contour, 4000))).max() <= np.abs(np.diff(contour)).max() + 1e-9  # no leap where it turns
    assert np.array_equal(going_on(contour, 4000)[:250], going_on(contour, 250))
    assert np.array_equal(audio(source, (0.0, 1.0, 69, 100), vibrato=0.0), audio(tables(levels_db=((-20.0,),)), (0.0, 1.0, 69, 100)))


def test_an_attack_sounds_as_it_was_recorded_and_as_loud_as_its_note():
    click = np.zeros((2, 1, 1440), np.float32)
    click[0, 0, :200], click[1, 0, :200] = 0.1, 0.3
    layers = {"levels_db": ((-30.0,), (-20.0,)), "velocities": (40, 100)}
    source, bare = tables(attack=click, **layers), tables(**layers)

    def added(*note) -> np.ndarray:
        return audio(source, note) - audio(bare, note)

    assert added(0.1, 0.5, 60, 100)[2400:2600] == pytest.approx(0.3, abs=1e-4) and np.abs(added(0.1, 0.5, 60, 100)[2600:]).max() < 1e-6
    assert added(0.0, 0.5, 60, 50)[:200] == pytest.approx(0.1 * (50 / 40) ** 2, abs=1e-4)  # the nearest layer, by the velocity's law
    assert not added(0.0, 0.5, 61, 100).any()  # sounds as pitch 60 transposed, whose attack is at another pitch
    short = added(0.0, 0.004, 60, 100)  # falls with its note: 120 dB a second
    assert short[190] / short[50] == pytest.approx(10 ** (-120 * 94 / RATE / 20), rel=0.01)
    again = HarmonicSource.from_tensors(source.tensors())
    assert np.abs(again.attack - click).max() < 0.01 and "attack" not in bare.tensors()


def test_noise_comes_in_as_the_attack_goes():
    noise = np.full((1, 1, N_FINE, N_AGES), -60, np.float32)
    loud = {"levels_db": ((SILENT_DB,),), "noise_db": noise}
    with_attack = audio(tables(attack=np.zeros((1, 1, 10), np.float32), **loud), (0.0, 1.0, 60, 100))
    without = audio(tables(**loud), (0.0, 1.0, 60, 100))
    assert np.abs(with_attack[: int(0.02 * RATE)]).max() < 1e-3 * np.abs(without).max()
    assert np.array_equal(with_attack[int(0.08 * RATE) :], without[int(0.08 * RATE) :])


def test_notes_add_up():
    source = tables(pitches=(60, 64))
    notes = (0.0, 0.3, 60, 90), (0.1, 0.5, 64, 40)
    both = audio(source, *notes, duration_s=0.8)
    alone = sum(audio(source, note, duration_s=0.8) for note in notes)
    np.testing.assert_allclose(both, alone, atol=1e-6)


def test_noise_is_40_db_a_unit_adds_up_and_falls_in_the_release():
    even = refined(np.full((1, 1, N_BANDS, N_AGES), -60, np.float32))
    source = tables(release_db_s=np.array([100.0], np.float32), noise_db=even)
    piece = series((0.1, 0.5, 60, 100), duration_s=1.0)
    noise = SourceSignal(piece, source).noise(-3, piece.n_frames)
    rate = RATE / HOP
    assert noise.shape == (piece.n_frames + 3, N_BANDS) and not noise[: 3 + int(0.1 * rate)].any()
    at = 3 + int(0.3 * rate)
    np.testing.assert_allclose(noise[at], (110 - 60) / 40, atol=1e-5)
    assert noise[3 + int(0.7 * rate), 0] == pytest.approx((110 - 60 - 20) / 40, abs=0.02)
    twice = SourceSignal(series((0.1, 0.5, 60, 100), (0.1, 0.5, 61, 100), duration_s=1.0), source).noise(0, 100)
    assert twice[int(0.3 * rate), 0] == pytest.approx((110 - 60 + 10 * np.log10(2)) / 40, abs=1e-5)
    softer = SourceSignal(series((0.1, 0.5, 60, 50), duration_s=1.0), source).noise(0, 100)
    assert softer[int(0.3 * rate), 0] == pytest.approx((110 - 60 + 40 * np.log10(0.5)) / 40, abs=1e-5)


def test_noise_sounds_as_loud_in_every_band_as_its_table_says():
    rng = np.random.default_rng(0)
    levels = np.interp(np.arange(N_FINE), np.linspace(0, N_FINE, 7), rng.uniform(-70, -50, 7)).astype(np.float32)[None, None, :, None]
    source = tables(levels_db=((SILENT_DB,),), noise_db=np.repeat(levels, N_AGES, axis=3))
    x = audio(source, (0.0, 20.0, 60, 100))[RATE : 20 * RATE].astype(np.float64)
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2 / (len(x) ** 2 * 3 / 16)
    hz = np.fft.rfftfreq(len(x), 1 / RATE)
    for low, high in itertools.pairwise(BAND_EDGES_HZ):
        fine = (FINE_EDGES_HZ[:-1] >= low) & (FINE_EDGES_HZ[:-1] < high)
        wanted = 10 * np.log10((10 ** (levels[0, 0, fine, 0] / 10)).sum())
        assert 10 * np.log10(power[(hz >= low) & (hz < high)].sum()) == pytest.approx(wanted, abs=1.0)


def test_noise_has_its_shape_within_a_band():
    shape = np.full((1, 1, N_SHAPE), -60.0, np.float32)
    levels = np.full((1, 1, N_FINE, N_AGES), SILENT_DB, np.float32)
    band = int(np.searchsorted(FINE_EDGES_HZ, 96 * SHAPE_HZ, side="right")) - 1
    levels[:, :, band] = -40
    shape[..., 96] = 10 * np.log10(np.diff(FINE_EDGES_HZ)[band] / SHAPE_HZ)  # one bin has all of its band
    x = audio(tables(levels_db=((SILENT_DB,),), noise_db=levels, noise_shape_db=shape), (0.0, 10.0, 60, 100))[RATE : 10 * RATE].astype(np.float64)
    power, hz = np.abs(np.fft.rfft(x)) ** 2, np.fft.rfftfreq(len(x), 1 / RATE)
    assert power[np.abs(hz - 96 * SHAPE_HZ) < 130].sum() > 0.95 * power.sum()
    assert 10 * np.log10(np.mean(x**2)) == pytest.approx(-40, abs=1.0)


def test_partials_go_along_what_modulates_them_each_by_its_share():
    knots = np.arange(250) * CONTOUR_S
    course = 6 * np.sin(2 * np.pi * 2 * knots)
    moving = {"modulation_db": course[None, None].astype(np.float32), "modulation_share": np.array([[1.0], [0.0], [-0.5]], np.float32)}
    source = tables(**moving)
    for at, db_of in ((0.625, 6.0), (0.875, -6.0)):  # a quarter and three quarters of the third period
        x = audio(source, (0.0, 2.0, 60, 100))[int((at - 0.02) * RATE) : int((at + 0.02) * RATE)]
        t = (np.arange(len(x)) + int((at - 0.02) * RATE)) / RATE
        hz = 440 * 2 ** (-9 / 12) * np.arange(1, 4)
        waves = np.concatenate([np.cos(2 * np.pi * np.outer(t, hz)), np.sin(2 * np.pi * np.outer(t, hz))], 1)
        found = np.hypot(*np.linalg.lstsq(waves, x.astype(np.float64), rcond=None)[0].reshape(2, -1))
        np.testing.assert_allclose(db(found), [-20 + db_of, -26, -32 - db_of / 2], atol=0.3)
    still = audio(tables(), (0.0, 2.0, 60, 100))
    blown = dataclasses.replace(source, vibrato=Vibrato(10.0))
    assert np.array_equal(audio(blown, (0.0, 2.0, 60, 100), vibrato=0.0), still)
    assert np.array_equal(audio(source, (0.0, 2.0, 60, 100), vibrato=0.0), audio(source, (0.0, 2.0, 60, 100)))  # a struck note's beats are no vibrato


def test_what_moves_partials_may_have_knots_of_its_own():
    swell = np.zeros((1, 1, 250), np.float32)
    swell[..., 95:106] = 12
    moving = {"modulation_db": swell, "modulation_share": np.ones((3, 1), np.float32)}
    for knot_s, at in ((CONTOUR_S, 1.6), (CONTOUR_S / 2, 0.8)):
        x = audio(tables(**moving, modulation_s=knot_s), (0.0, 1.9, 60, 100))
        levels = [db(x[int((t - 0.03) * RATE) : int((t + 0.03) * RATE)].std()) for t in (at, 2.4 - at)]
        assert levels[0] - levels[1] == pytest.approx(12, abs=0.5)


def test_noise_goes_along_what_modulates_it():
    knots = np.arange(250) * CONTOUR_S
    course = (9 * np.sin(2 * np.pi * knots)).astype(np.float32)[None, None]
    even = np.full((1, 1, N_FINE, N_AGES), -50, np.float32)
    moving = {"noise_modulation_db": course, "noise_modulation_share": np.ones((1, N_FINE, 1), np.float32)}
    source = tables(levels_db=((SILENT_DB,),), noise_db=even, **moving)
    x, still = (audio(one, (0.0, 2.0, 60, 100)) for one in (source, tables(levels_db=((SILENT_DB,),), noise_db=even)))
    for at, more_db in ((0.25, 9.0), (0.75, -9.0), (1.5, 0.0)):
        part = slice(int((at - 0.05) * RATE), int((at + 0.05) * RATE))
        assert db(x[part].std() / still[part].std()) == pytest.approx(more_db, abs=0.7)
    blown = dataclasses.replace(source, vibrato=Vibrato(10.0))
    assert np.array_equal(audio(blown, (0.0, 2.0, 60, 100), vibrato=0.0), still)


def test_noise_begins_with_its_note_and_pitches_have_noise_of_their_own():
    source = tables(pitches=(60, 64), levels_db=((SILENT_DB,),), noise_db=np.full((1, 2, N_FINE, N_AGES), -50, np.float32))
    low, high, both = (audio(source, *notes, duration_s=0.8) for notes in [[(0.2, 0.5, 60, 90)], [(0.2, 0.5, 64, 90)], [(0.2, 0.5, 60, 90), (0.2, 0.5, 64, 90)]])
    assert not low[: int(0.195 * RATE)].any() and low[int(0.21 * RATE) : int(0.45 * RATE)].std() > 1e-3
    np.testing.assert_allclose(both, low + high, atol=1e-7)
    held = slice(int(0.21 * RATE), int(0.45 * RATE))
    assert abs(np.corrcoef(low[held], high[held])[0, 1]) < 0.1


def test_a_louder_instrument_tells_its_network_what_it_has_learnt():
    source = tables(noise_db=np.full((1, 1, N_FINE, N_AGES), -60, np.float32))
    louder = dataclasses.replace(source, noise_db=source.noise_db + 6, louder_db=6.0)
    piece = series((0.0, 0.5, 60, 90))
    np.testing.assert_allclose(SourceSignal(piece, louder).noise(0, 50), SourceSignal(piece, source).noise(0, 50), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 80), st.integers(0, 127), st.integers(1, 127)), max_size=12),
    st.integers(-10, 320), st.integers(-10, 320), st.floats(0, 4), st.booleans(),
)  # fmt: skip
def test_blocks_are_bit_for_bit_the_whole(notes, a, b, vibrato, contoured):
    noisy = np.full((1, 128, N_FINE, N_AGES), -60, np.float32)
    source = dataclasses.replace(plain_source(RATE), vibrato=Vibrato(15.0, 5.5, 0.05, 0.1), noise_db=noisy)
    if contoured:
        contours = np.random.default_rng(0).uniform(-30, 30, (128, 9)).astype(np.float32)
        source = dataclasses.replace(
            source, contour_cents=contours, attack=np.tile(contours[None] / 100, (1, 1, 150)), noise_shape_db=np.tile(contours[None], (1, 1, 22))[..., :N_SHAPE],
            modulation_db=contours[:, None, :7], modulation_share=np.linspace(-1, 1, int(source.n_partials.sum()), dtype=np.float32)[:, None],
            noise_modulation_db=contours[:, None, 2:], noise_modulation_share=np.tile(np.linspace(-1, 1, N_FINE, dtype=np.float32)[None, :, None], (128, 1, 1)),
        )  # fmt: skip
    piece = series(*[(s * 0.004, (s + d) * 0.004, p, v) for s, d, p, v in notes], duration_s=1.2)
    a, b = sorted((a, b))
    whole, part = SourceSignal(piece, source, vibrato=vibrato), SourceSignal(piece, source, vibrato=vibrato)
    assert np.array_equal(part.samples(a, b), whole.samples(-10, 320)[(a + 10) * HOP : (b + 10) * HOP])
    assert np.array_equal(part.noise(a, b), whole.noise(-10, 320)[a + 10 : b + 10])


def test_an_hour_on_a_note_is_as_in_tune_as_a_second():
    """Phases are taken from absolute time in every frame: nothing adds up."""
    source = tables(levels_db=((-20.0,),))
    piece = series((0.0, 3600.0, 69, 100), tail_s=0.0)
    start = 3599 * RATE // HOP
    x = SourceSignal(piece, source).samples(start, start + 250)
    t = np.arange(len(x)) + start * HOP
    expected = 0.1 * np.cos(2 * np.pi * (440.0 * t / RATE % 1.0))
    assert np.abs(x - expected).max() < 1e-4
