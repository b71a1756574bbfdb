import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.kernels import packing
from tests.renderer.reference import TINY, random_tensors


def test_gates_come_in_64s():
    assert np.array_equal(packing.gate_order(32), np.arange(64))
    assert np.array_equal(packing.gate_order(96)[:130], [*range(64), *range(96, 160), 64, 65])
    assert sorted(packing.gate_order(96)) == list(range(192))


def test_unknown_storage_is_refused():
    with pytest.raises(OrchestrionError, match="float16"):
        packing.pack(TINY, random_tensors(TINY), "float16")


def test_bytes_follow_the_storage():
    sizes = [packing.pack(TINY, random_tensors(TINY), storage).n_bytes for storage in ("float32", "bfloat16", "int8")]
    assert sizes[0] == 2 * sizes[1] == 4 * sizes[2]
