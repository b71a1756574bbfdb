import mmap
from pathlib import Path

import numpy as np
import pytest

from orchestrion.matrices.arithmetic import ROWS, STORAGES
from orchestrion.matrices.matrix import pack_matrix, unpack_matrix
from orchestrion.matrices.memory import aligned, aligned_zeros, together


def matrix(k=21, columns=70):
    values = np.random.default_rng(1).standard_normal((k, columns)).astype(np.float32)
    values[3], values[:, 5] = 0, 0
    return values


def unpacked(values, storage):
    whole = unpack_matrix(pack_matrix(values, storage))
    return whole[: values.shape[0], : values.shape[1]]


def test_float32_is_stored_as_it_is():
    assert np.array_equal(unpacked(matrix(), "float32"), matrix())


def test_bfloat16_errs_by_half_a_step_of_eight_bits():
    values = matrix()
    error = np.abs(unpacked(values, "bfloat16") - values)
    assert np.all(error <= np.abs(values) * 2.0**-8 + 1e-29)


def test_int8_errs_by_half_a_step_of_its_column():
    values = matrix()
    step = np.abs(values).max(axis=0) / 127
    assert np.all(np.abs(unpacked(values, "int8") - values) <= step / 2 * 1.0001)


@pytest.mark.parametrize("storage", STORAGES)
def test_padding_is_nothing(storage):
    whole = unpack_matrix(pack_matrix(matrix(), storage))
    whole[:21, :70] = 0
    assert np.abs(whole).max() < 1e-29


def test_bfloat16_words_are_normal_numbers():
    words = pack_matrix(matrix(), "bfloat16").panels.view(np.float32)
    assert np.all(np.isfinite(words)) and np.all(np.abs(words) >= np.finfo(np.float32).tiny)


@pytest.mark.parametrize("columns", [32, 64, 96, 128, 160, 320])
@pytest.mark.parametrize("storage", STORAGES)
def test_panels_lie_side_by_side_in_fours_then_two_then_one(columns, storage):
    """The first 32 columns alone, and among others: the same bytes, a step of rows further by as many panels as lie together."""
    values = matrix(32, columns)
    whole, first = pack_matrix(values, storage), pack_matrix(values[:, :32], storage)
    together = min(4, 1 << (columns // 32).bit_length() - 1)
    step = first.n_bytes // (32 // ROWS[storage])
    steps = whole.panels.reshape(-1, step)[: together * 32 // ROWS[storage] : together]
    assert np.array_equal(steps.ravel(), first.panels)
    assert np.allclose(unpack_matrix(whole), values, atol=0.02)


def test_memory_is_aligned_and_keeps_its_values():
    arrays = [np.arange(5, dtype=np.float32), np.arange(700_000, dtype=np.int16), np.ones((3, 7), dtype=np.int8)]
    for copy, array in zip([*together(arrays), aligned(arrays[1])], [*arrays, arrays[1]], strict=True):
        assert copy.ctypes.data % 64 == 0 and copy.dtype == array.dtype and np.array_equal(copy, array)
    zeros = aligned_zeros(300, 1000)
    assert zeros.ctypes.data % 64 == 0 and zeros.shape == (300, 1000) and not zeros.any()


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="no large pages to ask for")
def test_large_blocks_may_lie_on_large_pages():
    """Which only private mappings may."""
    block = aligned_zeros(1_000_000)
    address, lines = block.ctypes.data, Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    mappings = [line.split() for line in lines]
    (flags,) = [m[1] for m in mappings if int(m[0].split("-")[0], 16) <= address < int(m[0].split("-")[1], 16)]
    assert flags.endswith("p") and address % 2**21 == 0
