"""Cell arrays of MATLAB 5 files: SciPy's numbers, and damage in one sentence where SciPy crashes."""

import io
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from orchestrion.datasets.untrusted import matfile
from orchestrion.datasets.untrusted.matfile import MatlabError, read_cells


def saved(compressed=True, **variables) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, variables, do_compression=compressed)
    return buffer.getvalue()


def cells(*matrices) -> np.ndarray:
    array = np.empty(len(matrices), dtype=object)
    array[:] = matrices
    return array


def rolls(kind: str) -> np.ndarray:
    draw = np.random.default_rng(0)
    return cells(*((draw.random((n, 88)) < 0.1).astype(kind) for n in (3, 1, 40)))


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_cells_are_those_that_scipy_reads(kind, compressed):
    content = saved(compressed, first=rolls("f8"), b=rolls(kind), other=np.arange(3.0))
    expected = loadmat(io.BytesIO(content))["b"].ravel()
    found = read_cells(content, "b")
    assert found is not None and len(found) == 3
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape and (one == other).all()
    assert read_cells(content, "c") is None


def test_empty_cells_and_the_other_order_of_bytes():
    found = read_cells(saved(b=cells(np.empty((0, 88)), np.ones((2, 2)))), "b")
    assert [one.shape for one in found] == [(0, 88), (2, 2)]
    swapped = b"".join([
        b"MATLAB 5.0 MAT-file".ljust(124), b"\1\0MI", *element(14, element(6, words(1, 0)), element(5, words(1, 1)), element(1, b"b"), [
            *element(14, element(6, words(9, 0)), element(5, words(1, 2)), element(1, b""), element(2, b"\1\0"))])
    ])  # fmt: skip
    assert [one.tolist() for one in read_cells(swapped, "b")] == [[[1, 0]]]


def words(*numbers: int) -> bytes:
    return np.array(numbers, ">u4").tobytes()


def element(kind: int, *parts) -> list[bytes]:
    data = b"".join(part if isinstance(part, bytes) else b"".join(part) for part in parts)
    return [words(kind, len(data)), data, bytes(-len(data) % 8)]


@pytest.mark.parametrize("content", [
    saved(b=np.ones((3, 3))), saved(b=cells("text")), saved(b=cells(np.ones((2, 2)) * 1j)), saved(b=cells(rolls("u1"))), saved(b={"x": 1}),
    b"", bytes(200), b"MATLAB 7.3".ljust(124) + b"\0\2IM",
])  # fmt: skip
def test_what_is_no_cell_array_of_numbers_is_refused(content):
    with pytest.raises(MatlabError):
        read_cells(content, "b")


@pytest.mark.parametrize("compressed", [True, False])
def test_any_byte_changed_is_read_or_refused(compressed):
    content, read = saved(compressed, b=rolls("u1")), 0
    for at in range(124, min(len(content), 700)):
        for value in (0, 0xFF, content[at] ^ 0x80):
            try:
                found = read_cells(content[:at] + bytes([value]) + content[at + 1 :], "b")
            except MatlabError:
                continue
            read += 1
            assert found is None or sum(one.nbytes for one in found) < 1 << 20
    for n in range(len(content)):
        if n > 128:
            with pytest.raises(MatlabError):
                read_cells(content[:n], "b")
    assert read


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(matfile, "MOST_BYTES", 10_000)
    good = saved(b=cells(np.zeros((40, 88), "u1")))
    assert len(read_cells(good, "b")) == 1
    for bomb in (saved(b=cells(np.zeros((400, 88), "u1"))), good[:128] + words_little(15, 10) + zlib.compress(b"")[:10]):
        with pytest.raises(MatlabError):
            read_cells(bomb, "b")


def words_little(*numbers: int) -> bytes:
    return np.array(numbers, "<u4").tobytes()
