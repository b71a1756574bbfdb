"""A harmonic source's tables: into a file and back, of older files, rows of pitches, refusals."""

import dataclasses

import numpy as np
import pytest

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.noise import N_BANDS, N_FINE, N_SHAPE, refined
from orchestrion.bridge.source import AGES_S, N_AGES, HarmonicSource, Vibrato, plain_source
from orchestrion.bridge.sourcesignal import SourceSignal, rows_of
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.fidelity import noise_between_partials
from orchestrion.score import Note
from tests.bridge.sources import tables


def test_contours_are_part_of_a_file_to_half_a_cent():
    contours = np.linspace(-60, 60, 250, dtype=np.float32)[None]
    source = tables(contour_cents=contours)
    assert np.abs(HarmonicSource.from_tensors(source.tensors()).contour_cents - contours).max() <= 0.25
    assert "contour_cents" not in tables().tensors()


def test_levels_are_kept_to_a_twentieth_of_a_decibel_and_half_a_percent_of_how_far_they_lie_below_the_loudest():
    for levels in ((-20.13, -21.37, -77.7, -120.0), (3.4, -20.0, -30.0, -115.0)):
        source = tables(pitches=(60, 64), levels_db=(levels,))
        error = np.abs(HarmonicSource.from_tensors(source.tensors()).level_db - source.level_db)[0, :, 0]
        assert np.all(error <= np.tile(0.051 + 0.0052 * (max(levels) - np.array(levels)), 2))


@pytest.mark.parametrize("last_db", [-36.0, -46.0, -76.0])
def test_a_falling_tone_is_as_pure_from_a_file_as_it_was(last_db):
    """In steps of half a decibel it has sidebands of 6 to 7 dB more."""
    levels = np.interp(AGES_S, [0, 0.1, 8], [-30.0, -20.0, last_db]).astype(np.float32)[None, None]
    source = tables(levels_db=((-20.0,),), level_db=levels)
    noise = [
        noise_between_partials(SourceSignal(piece, played).samples(0, 150), Note(0.0, 0.5, 60, 100), np.array([261.6]), 24000)
        for piece in [ConditioningSeries.from_notes([Note(0.0, 0.5, 60, 100)], sample_rate=24000, hop=96)]
        for played in (source, HarmonicSource.from_tensors(source.tensors()))
    ]
    assert noise[1] < noise[0] + 1.0


def test_levels_in_steps_of_half_a_decibel_of_older_files_are_read():
    source = tables(levels_db=((-20.0, -26.5, -77.0),))
    old = {name: table for name, table in source.tensors().items() if name != "level_top_db"}
    old["level_db"] = np.rint((source.level_db + 60) * 2).astype(np.int8)
    assert np.array_equal(HarmonicSource.from_tensors(old).level_db, source.level_db)
    old["level_db"] = source.level_db.astype(np.float16)
    assert np.array_equal(HarmonicSource.from_tensors(old).level_db, source.level_db)


def test_levels_that_do_not_fit_their_loudest_are_one_sentence():
    good = tables(pitches=(60, 64)).tensors()
    for change in (
        {"level_top_db": np.zeros((1, 3), np.float32)}, {"level_top_db": np.full((1, 2), np.nan, np.float32)}, {"level_top_db": np.full((1, 2), 1e9, np.float32)},
        {"level_db": np.zeros((1, 5, N_AGES), np.int8)}, {"level_db": good["level_db"].astype(np.float16)}, {"n_partials": np.array([-1, 7])},
        {"n_partials": np.array([1 << 62, 1 << 62])},
    ):  # fmt: skip
        with pytest.raises(OrchestrionError):
            HarmonicSource.from_tensors(good | change)


def test_a_plain_source_can_be_had_at_any_rate():
    for rate in (1000, 16000, 192_000):
        piece = ConditioningSeries.from_notes([Note(0.0, 0.2, 40, 100)], sample_rate=rate, hop=rate // 250)
        assert np.abs(SourceSignal(piece, plain_source(rate)).samples(0, 40)).max() > 0.05


def test_a_contour_that_hardly_moves_is_no_vibrato():
    still, moving = (np.full((1, 250), cents, np.float32) for cents in (0.1, 3.0))
    assert tables(contour_cents=still).is_struck and not tables(contour_cents=moving).is_struck and not tables(vibrato=Vibrato(5.0)).is_struck


def test_shape_and_modulation_go_into_a_file_and_back():
    rng = np.random.default_rng(0)
    given = {
        "noise_shape_db": rng.uniform(-30, 20, (1, 1, N_SHAPE)).astype(np.float32), "modulation_db": rng.uniform(-12, 12, (1, 4, 250)).astype(np.float32),
        "modulation_share": rng.uniform(-1, 1, (3, 4)).astype(np.float32), "noise_modulation_db": rng.uniform(-12, 12, (1, 2, 250)).astype(np.float32),
        "noise_modulation_share": rng.uniform(-1, 1, (1, N_FINE, 2)).astype(np.float32), "modulation_s": 0.008,
    }  # fmt: skip
    again = HarmonicSource.from_tensors(tables(**given).tensors())
    for name, most in (
        ("noise_shape_db", 0.25), ("modulation_db", 0.13), ("modulation_share", 0.005), ("noise_modulation_db", 0.13), ("noise_modulation_share", 0.005),
        ("modulation_s", 0.0),
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(again, name), given[name], atol=most)
    assert "noise_shape_db" not in tables().tensors() and HarmonicSource.from_tensors(tables().tensors()).modulation_db is None


def test_tables_go_into_a_file_and_back():
    source = tables(pitches=(60, 64), vibrato=Vibrato(12.0, 5.5, 0.25, 0.5), ratio=np.array([1, 1.5, 2.001, 1, 2, 3], np.float32))
    again = HarmonicSource.from_tensors(source.tensors())
    assert again.vibrato == source.vibrato
    assert all(np.array_equal(again.tensors()[name], table) for name, table in source.tensors().items())


def test_noise_in_the_bands_of_older_files_is_read():
    source = tables(noise_db=refined(np.linspace(-80, -50, N_BANDS, dtype=np.float32)[None, None, :, None] + np.zeros((1, 1, 1, N_AGES), np.float32)))
    old = {name: table for name, table in source.tensors().items() if name != "louder_db"}
    old["noise_db"] = np.repeat(np.linspace(-80, -50, N_BANDS), N_AGES).reshape(1, 1, N_BANDS, N_AGES).astype(np.float16)
    np.testing.assert_allclose(HarmonicSource.from_tensors(old).noise_db, source.noise_db, atol=0.05)


HOSTILE = {
    "no pitches": {"pitch": np.zeros(0, int)},
    "pitches not ascending": {"pitch": np.array([64, 60])},
    "a pitch above 127": {"pitch": np.array([60, 128])},
    "another number of pitches": {"heard": np.ones(3, bool)},
    "a level that is no number": {"level_db": np.full((1, 6, N_AGES), np.nan, np.float32)},
    "a deafening level": {"level_db": np.full((1, 6, N_AGES), 90, np.float32)},
    "levels of another shape": {"level_db": np.zeros((1, 6, N_AGES - 1), np.float32)},
    "levels of fewer partials": {"level_db": np.zeros((1, 5, N_AGES), np.float32)},
    "no partials": {"n_partials": np.array([0, 6])},
    "fewer than no partials": {"n_partials": np.array([-1, 7])},
    "billions of partials": {"n_partials": np.array([1 << 62, 1 << 62])},
    "an infinite phase": {"phase": np.full(6, np.inf, np.float32)},
    "noise that is no number": {"noise_db": np.full((1, 2, N_FINE, N_AGES), np.nan, np.float32)},
    "noise of another shape": {"noise_db": np.zeros((1, 2, 3, N_AGES), np.float32)},
    "deafening noise": {"noise_db": np.full((1, 2, N_FINE, N_AGES), 90, np.float32)},
    "a gain of thousands": {"louder_db": 1e4},
    "a release that never ends": {"release_db_s": np.array([1e-9, 100], np.float32)},
    "a release upwards": {"release_db_s": np.array([-50, 100], np.float32)},
    "a frequency of nothing": {"f1_hz": np.array([0.0, 300.0])},
    "an infinite frequency": {"f1_hz": np.array([np.inf, 300.0])},
    "an absurd inharmonicity": {"inharmonicity": np.array([1e300, 0.0])},
    "velocity 0": {"velocity": np.array([0.0])},
    "a shape of another size": {"noise_shape_db": np.zeros((1, 2, 5), np.float32)},
    "a shape of hundreds of decibels": {"noise_shape_db": np.full((1, 2, N_SHAPE), 400, np.float32)},
    "a shape that is no number": {"noise_shape_db": np.full((1, 2, N_SHAPE), np.nan, np.float32)},
    "modulation without shares": {"modulation_db": np.zeros((2, 1, 9), np.float32)},
    "shares without modulation": {"modulation_share": np.zeros((6, 1), np.float32)},
    "shares of other partials": {"modulation_db": np.zeros((2, 1, 9), np.float32), "modulation_share": np.zeros((5, 1), np.float32)},
    "modulation of hundreds of decibels": {"modulation_db": np.full((2, 1, 9), 400, np.float32), "modulation_share": np.zeros((6, 1), np.float32)},
    "modulation in no courses": {"modulation_db": np.zeros((2, 0, 9), np.float32), "modulation_share": np.zeros((6, 0), np.float32)},
    "modulation at knots of no time": {"modulation_s": 0.0},
    "modulation at knots of hours": {"modulation_s": 1e4},
    "modulation at knots that are no number": {"modulation_s": float("nan")},
    "endless modulation": {"modulation_db": np.zeros((2, 1, 5000), np.float32), "modulation_share": np.zeros((6, 1), np.float32)},
    "ratios of other partials": {"ratio": np.ones(5, np.float32)},
    "a ratio of nothing": {"ratio": np.zeros(6, np.float32)},
    "a ratio that is no number": {"ratio": np.full(6, np.nan, np.float32)},
    "an endless ratio": {"ratio": np.full(6, 1e9, np.float32)},
    "a velocity that is no number": {"velocity": np.array([np.nan])},
    "layers without levels": {"velocity": np.arange(1.0, 21.0)},
    "a rate of nothing": {"sample_rate": 0},
    "a vibrato that is no number": {"vibrato": Vibrato(float("nan"))},
    "a vibrato that stands still": {"vibrato": Vibrato(10.0, 0.0)},
    "a vibrato of octaves": {"vibrato": Vibrato(1e6)},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.filterwarnings("error")
def test_impossible_tables_are_one_sentence(change):
    with pytest.raises(OrchestrionError, match="do not fit together or hold impossible values"):
        tables(pitches=(60, 64), **change)


def test_attacks_of_impossible_shape_or_size_are_one_sentence():
    good = tables(attack=np.zeros((1, 1, 100), np.float32)).tensors()
    for change in ({"attack_peak": np.array([[np.nan]], np.float32)}, {"attack_peak": np.array([[1e9]], np.float32)}, {"attack_peak": np.ones(1, np.float32)}, {"attack": np.zeros((1, 2, 100), np.int8)},
                   {"attack": np.zeros((1, 1, 10**5), np.int8)}, {"attack": np.zeros(3, np.int8)}):  # fmt: skip
        with pytest.raises(OrchestrionError):
            HarmonicSource.from_tensors(good | change)
    with pytest.raises(OrchestrionError):
        HarmonicSource.from_tensors({name: table for name, table in good.items() if name != "attack_peak"})


def test_files_with_other_tables_are_refused():
    tensors = tables().tensors()
    for change in ({"smell": np.zeros(1)}, {"vibrato": np.zeros(3)}, {"pitch": np.zeros((1, 1))}, {"sample_rate": np.zeros(2)}):
        with pytest.raises(OrchestrionError):
            HarmonicSource.from_tensors(tensors | change)
    with pytest.raises(OrchestrionError):
        HarmonicSource.from_tensors({name: table for name, table in tensors.items() if name != "f1_hz"})


def test_pitches_sound_by_the_nearest_row():
    whole = plain_source(24000)
    chosen = np.array([40, 47, 52])
    source = dataclasses.replace(
        plain_source(24000), pitch=chosen, heard=whole.heard[chosen], f1_hz=whole.f1_hz[chosen], inharmonicity=whole.inharmonicity[chosen],
        n_partials=np.ones(3, np.int64), level_db=whole.level_db[:, :3], phase=whole.phase[:3], noise_db=whole.noise_db[:, chosen],
        release_db_s=whole.release_db_s[chosen],
    )  # fmt: skip
    pitches = np.arange(128)
    assert rows_of(source, pitches).tolist() == [source.row_of(int(pitch)) for pitch in pitches]
