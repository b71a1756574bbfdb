"""Weights on disk: the round trip, and every way a file can be wrong."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from orchestrion import weights
from orchestrion.errors import OrchestrionError

TENSORS = {"a": torch.arange(6, dtype=torch.float32).reshape(2, 3), "b": torch.tensor(3), "c": torch.ones(2, dtype=torch.float16)}


@pytest.fixture
def path(tmp_path):
    weights.save(tmp_path / "w.safetensors", TENSORS, {"architecture": "toy", "licence": "CC0"})
    return tmp_path / "w.safetensors"


def test_round_trip(path):
    tensors, metadata = weights.load(path, architecture="toy")
    assert metadata["licence"] == "CC0" and tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) and tensors[name].dtype == TENSORS[name].dtype for name in TENSORS)


def test_same_content_same_bytes(path, tmp_path):
    weights.save(tmp_path / "again.safetensors", dict(reversed(TENSORS.items())), {"licence": "CC0", "architecture": "toy"})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_any_flipped_tensor_bit_is_noticed(path):
    whole = path.read_bytes()
    data = 8 + int.from_bytes(whole[:8], "little")
    for position in range(data, len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(OrchestrionError):
            weights.load(path)


def test_any_truncation_is_noticed(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(OrchestrionError):
            weights.load(path)


def test_a_pickle_is_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle ran",))

    for content in (pickle.dumps(Trap()), b"\x80\x04" + bytes(100)):
        (tmp_path / "w.safetensors").write_bytes(content)
        with pytest.raises(OrchestrionError):
            weights.load(tmp_path / "w.safetensors")


def test_another_architecture_foreign_files_and_nan_are_refused(path, tmp_path):
    with pytest.raises(OrchestrionError, match="'toy'"):
        weights.load(path, architecture="wavenet")
    save_file(TENSORS, tmp_path / "foreign.safetensors")
    with pytest.raises(OrchestrionError, match="not written by Orchestrion"):
        weights.load(tmp_path / "foreign.safetensors")
    weights.save(tmp_path / "nan.safetensors", {"a": torch.tensor([float("nan")])}, {"architecture": "toy"})
    with pytest.raises(OrchestrionError, match="not finite"):
        weights.load(tmp_path / "nan.safetensors")
    with pytest.raises(OrchestrionError, match="Cannot read"):
        weights.load(tmp_path / "missing.safetensors")


def test_names_and_shapes_must_fit_the_model(path):
    with pytest.raises(OrchestrionError, match="do not fit"):
        weights.load_into(torch.nn.Linear(2, 2), weights.load(path)[0], path)
