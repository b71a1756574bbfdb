import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.kernels import packing
from tests.renderer.reference import TINY, random_tensors


def test_gates_come_in_64s():
    assert np.array_equal(packing.gate_order(32), np.arange(64))
    assert np.array_equal(packing.gate_order(96)[:130], [*range(64), *range(96, 160), 64, 65])
    assert sorted(packing.gate_order(96)) == list(range(192))


def test_the_last_networks_are_remembered_by_their_weights():
    tensors = random_tensors(TINY)
    first = packing.pack(TINY, tensors, "int8")
    assert packing.pack(TINY, {name: value.copy() for name, value in tensors.items()}, "int8") is first
    assert packing.pack(TINY, tensors, "float32") is not first
    tensors["b_out"][3] += 1
    changed = packing.pack(TINY, tensors, "int8")
    assert changed is not first and changed.out_bias[3] == first.out_bias[3] + 1
    for seed in range(packing.REMEMBERED):
        packing.pack(TINY, random_tensors(TINY, seed + 1))
    assert len(packing._remembered) == packing.REMEMBERED
    assert packing.pack(TINY, random_tensors(TINY), "int8") is not first


def test_unknown_storage_is_refused():
    with pytest.raises(OrchestrionError, match="float16"):
        packing.pack(TINY, random_tensors(TINY), "float16")


def test_bytes_follow_the_storage():
    sizes = [packing.pack(TINY, random_tensors(TINY), storage).n_bytes for storage in ("float32", "bfloat16", "int8")]
    assert sizes[0] == 2 * sizes[1] == 4 * sizes[2]
