"""Weights on disk: safetensors with provenance in the header (see `orchestrion.header`), checked before any use, never a pickle."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from orchestrion import header
from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write, refusal, why_unwritable

MAX_BYTES = 4 << 30
MAX_PARAMETERS = 1 << 30
TYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)
Model = TypeVar("Model", bound=torch.nn.Module)


def save(path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, object]) -> None:
    """Write ``tensors`` and ``metadata`` (JSON-able) atomically, with checksums of both in the header.

    Raises:
        OrchestrionError: the file cannot be written, as where the disk is full.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    entries = header.encode(dict(metadata) | {"sha256": checksum(stored)})
    with atomic_write(path) as temporary:
        try:
            save_file(stored, temporary, metadata=entries)
        except SafetensorError as error:
            raise refusal(path, why_unwritable(temporary) or OSError(str(error))) from error


def load(
    path: str | os.PathLike[str], *, architecture: str | None = None, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, torch.Tensor], dict]:
    """Read ``(tensors, metadata)``.

    Raises:
        OrchestrionError: missing, too large, truncated, altered (checksums), not safetensors (a pickle, say), not ours,
            of another architecture, or holding NaN or infinite values.
    """
    source = Path(path)
    _check_size(source, max_bytes)
    metadata = header.read(source)
    found = metadata.get("architecture")
    if architecture is not None and found != architecture:
        raise OrchestrionError(f"{source} holds a model of architecture {found!r}; this command needs {architecture!r}.")
    try:
        with safe_open(source, framework="pt") as handle:
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise OrchestrionError(f"{source} is not a readable safetensors file ({error}); download or train it again.") from error
    for name, tensor in tensors.items():
        if tensor.dtype not in TYPES:
            raise OrchestrionError(f"{source} holds {name[:80]} as {tensor.dtype}, which no model of ours has.")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise OrchestrionError(f"{source} holds values in {name[:80]} that are not finite; download or train it again.")
    if metadata.get("sha256") != checksum(tensors):
        raise OrchestrionError(f"{source} was altered after it was written (its checksum differs); download or train it again.")
    return tensors, metadata


def build(make: Callable[[], Model], tensors: Mapping[str, torch.Tensor], path: str | os.PathLike[str]) -> Model:
    """The model that ``make`` makes, with ``tensors`` in it; no memory is taken before they are known to fit.

    Raises:
        OrchestrionError: names or shapes differ, or the model would have more than `MAX_PARAMETERS`.
    """
    with torch.device("meta"):
        sized = make()
    if sum(tensor.numel() for tensor in sized.state_dict().values()) > MAX_PARAMETERS:
        raise OrchestrionError(f"{path} carries a config for more than {MAX_PARAMETERS:,} parameters; it is refused.")
    check_fit(sized, tensors, path)
    model = make()
    model.load_state_dict(dict(tensors))
    return model


def load_into(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: str | os.PathLike[str]) -> None:
    """Copy ``tensors`` into ``model`` after checking that names and shapes agree exactly."""
    check_fit(model, tensors, path)
    model.load_state_dict(dict(tensors))


def check_fit(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: str | os.PathLike[str]) -> None:
    """Check that names and shapes agree exactly; a model on the meta device will do.

    Raises:
        OrchestrionError: they do not.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if expected != found:
        names = sorted(set(expected) ^ set(found)) or sorted(n for n in expected if expected[n] != found[n])
        raise OrchestrionError(f"The weights in {path} do not fit their own config (first difference: {names[0][:80]}).")


def checksum(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _check_size(source: Path, max_bytes: int) -> None:
    try:
        size = source.stat().st_size
    except OSError as error:
        raise OrchestrionError(f"Cannot read weights {source}: {error.strerror or error}.") from error
    if size > max_bytes:
        raise OrchestrionError(f"{source} has {size:,} bytes, more than the {max_bytes:,} that weights may have.")
