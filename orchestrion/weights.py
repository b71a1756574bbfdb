"""Weights on disk: safetensors with provenance in the header (see `orchestrion.header`), checked before any use, never a pickle.

Arrays are numpy's, so that playing need not wait for torch; ``load`` and what fills models hand out its tensors.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from orchestrion import header
from orchestrion.errors import OrchestrionError, said_by
from orchestrion.files import atomic_write, refusal, why_unwritable

if TYPE_CHECKING:
    import torch

    Model = TypeVar("Model", bound=torch.nn.Module)

MAX_BYTES = 4 << 30
MAX_PARAMETERS = 1 << 30
# As a file says them; there is no array of numpy's for others, such as bfloat16.
TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}


def save(
    path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor | np.ndarray], metadata: Mapping[str, object]
) -> None:
    """Write ``tensors`` and ``metadata`` (JSON-able) atomically, with checksums of both in the header.

    Raises:
        OrchestrionError: the file cannot be written, as where the disk is full.
    """
    stored = {name: np.ascontiguousarray(as_array(tensor)).reshape(tuple(tensor.shape)) for name, tensor in sorted(tensors.items())}
    entries = header.encode(dict(metadata) | {"sha256": checksum(stored)})
    with atomic_write(path) as temporary:
        try:
            save_file(stored, temporary, metadata=entries)
        except SafetensorError as error:
            raise refusal(path, why_unwritable(temporary) or OSError(str(error))) from error


def as_array(tensor: torch.Tensor | np.ndarray) -> np.ndarray:
    """A tensor's numbers as numpy's, in the same memory where that is the processor's."""
    return tensor if isinstance(tensor, np.ndarray) else tensor.detach().cpu().numpy()


def load(
    path: str | os.PathLike[str], *, architecture: str | None = None, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    """As `load_arrays`, but torch's tensors."""
    import torch

    arrays, metadata = load_arrays(path, architecture=architecture, max_bytes=max_bytes)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, metadata


def load_arrays(
    path: str | os.PathLike[str], *, architecture: str | None = None, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Read ``(arrays, metadata)``.

    Raises:
        OrchestrionError: missing, too large, truncated, altered (checksums), not safetensors (a pickle, say), not ours,
            of another architecture, or holding NaN or infinite values.
    """
    source = Path(path)
    _check_size(source, max_bytes)
    metadata = header.read(source)
    found = metadata.get("architecture")
    if architecture is not None and found != architecture:
        raise OrchestrionError(f"{source} holds a model of architecture {repr(found)[:60]}; this command needs {architecture!r}.")
    arrays = {}
    try:
        with safe_open(source, framework="np") as handle:
            for name in handle.keys():
                kind = handle.get_slice(name).get_dtype()
                if kind not in TYPES:
                    raise OrchestrionError(f"{source} holds {name[:80]} as {kind}, which no model of ours has.")
                arrays[name] = handle.get_tensor(name)
    except (SafetensorError, OSError, ValueError) as error:
        raise OrchestrionError(f"{source} is not a readable safetensors file ({said_by(error)}); download or train it again.") from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise OrchestrionError(f"{source} holds values in {name[:80]} that are not finite; download or train it again.")
    if metadata.get("sha256") != checksum(arrays):
        raise OrchestrionError(f"{source} was altered after it was written (its checksum differs); download or train it again.")
    return arrays, metadata


def build(
    make: Callable[[], Model], tensors: Mapping[str, torch.Tensor], path: str | os.PathLike[str], younger: Collection[str] = ()
) -> Model:
    """The model that ``make`` makes, with ``tensors`` in it; no memory is taken before they are known to fit.

    Args:
        younger: tensors that files of earlier versions lack; then they are as in a fresh model.

    Raises:
        OrchestrionError: see `check_shapes`.
    """
    import torch

    with torch.device("meta"):
        sized = make()
    missing = {name: tensor for name, tensor in sized.state_dict().items() if name in younger and name not in tensors}
    check_fit(sized, {**tensors, **missing}, path)
    model = make()
    model.load_state_dict(dict(tensors), strict=not missing)
    return model


def load_into(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: str | os.PathLike[str]) -> None:
    """Copy ``tensors`` into ``model`` after checking that names and shapes agree exactly."""
    check_fit(model, tensors, path)
    model.load_state_dict(dict(tensors))


def check_fit(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: str | os.PathLike[str]) -> None:
    """`check_shapes` of a model; one on the meta device will do."""
    check_shapes({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}, tensors, path)


def check_shapes(
    expected: Mapping[str, tuple[int, ...]], tensors: Mapping[str, torch.Tensor | np.ndarray], path: str | os.PathLike[str]
) -> None:
    """Check that names and shapes are those expected.

    Raises:
        OrchestrionError: they are not, or are of more than `MAX_PARAMETERS` numbers.
    """
    if sum(map(math.prod, expected.values())) > MAX_PARAMETERS:
        raise OrchestrionError(f"{path} carries a config for more than {MAX_PARAMETERS:,} parameters; it is refused.")
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if expected != found:
        names = sorted(set(expected) ^ set(found)) or sorted(n for n in expected if expected[n] != found[n])
        raise OrchestrionError(f"The weights in {path} do not fit their own config (first difference: {names[0][:80]}).")


def checksum(tensors: Mapping[str, torch.Tensor | np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        array = as_array(tensor)
        digest.update(f"{name} torch.{array.dtype} {array.shape}".encode())  # as torch says them: older files do
        digest.update(array.tobytes())
    return digest.hexdigest()


def _check_size(source: Path, max_bytes: int) -> None:
    try:
        size = source.stat().st_size
    except OSError as error:
        raise OrchestrionError(f"Cannot read weights {source}: {error.strerror or error}.") from error
    if size > max_bytes:
        raise OrchestrionError(f"{source} has {size:,} bytes, more than the {max_bytes:,} that weights may have.")
