"""The tables of a source as a file of weights holds them."""

import numpy as np
import pytest

from orchestrion import OrchestrionError, shipped, weights
from orchestrion.bridge.source import HarmonicSource
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.sourcefile import RISE, SMOOTH, SOURCE, source_tensors, tables_of


def written(source: HarmonicSource) -> dict[str, np.ndarray]:
    return {name.removeprefix(SOURCE): table for name, table in source_tensors(source).items()}


@pytest.mark.parametrize("name", ["marimba", "violin"])
def test_tables_come_back_to_the_bit_and_plain_ones_load_as_ever(name):
    source = Instrument.load(name).source
    plain = source.tensors()
    assert {each for each in written(source) if each.endswith(RISE)} == {each + RISE for each in SMOOTH if each in plain}
    for tables in (tables_of(written(source)), tables_of(plain)):
        assert tables.keys() == plain.keys() and all(np.array_equal(tables[each], plain[each]) and tables[each].dtype == plain[each].dtype for each in plain)


def test_rises_go_round():
    extremes = np.array([[-120, 120, -120, 127]], np.int8)
    rises = np.diff(extremes, axis=-1, prepend=np.int8(0))
    assert np.array_equal(tables_of({"level_db" + RISE: rises})["level_db"], extremes)


def test_an_archive_of_what_ships_is_smaller_by_the_rises():
    import zlib

    source = Instrument.load("strings").source
    sizes = [sum(len(zlib.compress(table.tobytes())) for table in tables.values()) for tables in (source.tensors(), written(source))]
    assert sizes[1] < 0.95 * sizes[0]
    arrays, _ = weights.load_arrays(shipped.find("strings"))
    assert SOURCE + "level_db" + RISE in arrays


@pytest.mark.parametrize("change", [{"pitch" + RISE: np.zeros(3, np.int8)}, {"level_db" + RISE: np.zeros((1, 2), np.float32)}, {"level_db" + RISE: np.zeros((), np.int8)}])
def test_other_rises_are_refused(change):
    with pytest.raises(OrchestrionError, match="in a way that is unknown"):
        tables_of(change)
    both = {"level_db": np.zeros((1, 2), np.int8), "level_db" + RISE: np.zeros((1, 2), np.int8)}
    with pytest.raises(OrchestrionError, match="level_db"):
        tables_of(both)
