"""The older MusicNet archive is read without loading a pickle, whatever protocol wrote it; hostile ones do nothing."""

from __future__ import annotations

import io
import os
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from orchestrion.datasets.dataset import initialise
from orchestrion.datasets.recordings.tracks import Selection
from orchestrion.datasets.untrusted.pickles import Call, Name, array_of, describe, integer_of
from orchestrion.errors import OrchestrionError
from tests.datasets.layouts import published


@pytest.fixture
def intervaltree(monkeypatch):
    """A module that pickles as intervaltree does: Interval(begin, end, data), IntervalTree(sorted intervals)."""
    module = types.ModuleType("intervaltree")

    class Interval:
        def __init__(self, begin, end, data):
            self.fields = (begin, end, data)

        def __reduce__(self):
            return Interval, self.fields

    class IntervalTree:
        def __init__(self, intervals):
            self.intervals = list(intervals)

        def __reduce__(self):
            return IntervalTree, (self.intervals,)

    for made in (Interval, IntervalTree):
        made.__module__, made.__qualname__ = "intervaltree", made.__name__
        setattr(module, made.__name__, made)
    monkeypatch.setitem(sys.modules, "intervaltree", module)
    return module


def member(audio: np.ndarray, tree: object, protocol: int) -> bytes:
    """A .npy file of two objects, as numpy.savez writes it (with another protocol, as other versions did)."""
    pair = np.empty(2, dtype=object)
    pair[0], pair[1] = audio, tree
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|O", "fortran_order": False, "shape": (2,)})
    buffer.write(pickle.dumps(pair, protocol=protocol))
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path, intervaltree):
    def make(protocol: int, whole=int):
        path = tmp_path / "musicnet.npz"
        labels = [
            intervaltree.Interval(whole(a * 44100), whole(b * 44100), (43, p, 1.0, 0.5, "Quarter"))
            for a, b, p in published.NOTES
        ]
        with zipfile.ZipFile(path, "w") as target:
            for identity in ("2191", "2000"):
                target.writestr(
                    f"{identity}.npy", member(published.sound(), intervaltree.IntervalTree(labels), protocol)
                )
        return path

    return make


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("whole", [int, np.int64])
def test_notes_and_audio_are_those_of_the_archive(archive, tmp_path, protocol, whole):
    path = archive(protocol, whole)
    found = {track.name: track for track in initialise("musicnet", path, Selection(instrument="cello")).tracks()}
    assert found["musicnet_2191"].split == "test" and found["musicnet_2000"].split is None
    notes = found["musicnet_2000"].read_notes()
    assert [(round(n.onset_s, 4), n.pitch) for n in notes] == [(0.1, 60), (0.3, 64), (0.6, 67)]
    made = initialise("musicnet", path).prepare(tmp_path / "set", 44100)
    np.testing.assert_allclose(made.piece("musicnet_2000").samples(), published.sound(), atol=1 / 32768)
    assert "nothing" not in str(path) and not list((tmp_path / "set").glob("musicnet-*"))


def test_a_hostile_pickle_is_described_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    described = describe(io.BytesIO(pickle.dumps(Bomb())), "bomb")
    assert isinstance(described, Call) and described.function == Name(f"{os.system.__module__}.system")
    path = tmp_path / "musicnet.npz"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("1.npy", member(np.zeros(4, np.float32), Bomb(), 4))
    with pytest.raises(OrchestrionError, match="interval tree"):
        initialise("musicnet", path).tracks()[0].read_notes()
    assert not (tmp_path / "ran").exists()


def test_arrays_and_integers_are_read_from_their_parts():
    for array in (np.arange(5, dtype="<f4"), np.arange(3, dtype=">i4"), np.arange(4, dtype="f8")):
        for protocol in (2, 3, 4):
            np.testing.assert_array_equal(array_of(describe(io.BytesIO(pickle.dumps(array, protocol)), "x")), array)
    assert integer_of(describe(io.BytesIO(pickle.dumps(np.int64(-7), 2)), "x")) == -7
    plain = {"a": [1, (2, 3)], "b": {"c": None, "d": True}}
    assert describe(io.BytesIO(pickle.dumps(plain)), "x") == plain


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"garbage", pickle.dumps([1, 2])[:-3], b"\x80\x04\x8c\xffa."])
def test_damaged_pickles_are_one_sentence(content):
    with pytest.raises(OrchestrionError):
        describe(io.BytesIO(content), "x")


def test_damaged_archives_are_one_sentence(tmp_path, archive):
    path = archive(4)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(OrchestrionError, match="not a NumPy archive"):
        initialise("musicnet", path).tracks()
