"""Weights on disk: safetensors with provenance in the header, checked before any use, never a pickle.

File layout (https://github.com/huggingface/safetensors): eight bytes of little-endian header length, a JSON header,
raw tensors. Our header's ``__metadata__`` holds one key, ``orchestrion``, a JSON object: ``architecture``, ``config``,
and whatever provenance, licence and metrics the writer adds.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from orchestrion.errors import OrchestrionError
from orchestrion.files import atomic_write

FORMAT_KEY = "orchestrion"
MAX_BYTES = 4 << 30
MAX_HEADER_BYTES = 16 << 20


def save(path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, object]) -> None:
    """Write ``tensors`` and ``metadata`` (JSON-able) atomically, with a checksum of the tensors in the header."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    header = dict(metadata) | {"sha256": checksum(stored)}
    with atomic_write(path) as temporary:
        save_file(stored, temporary, metadata={FORMAT_KEY: json.dumps(header, sort_keys=True)})


def load(
    path: str | os.PathLike[str], *, architecture: str | None = None, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, torch.Tensor], dict]:
    """Read ``(tensors, metadata)``.

    Raises:
        OrchestrionError: missing, too large, truncated, altered (checksum), not safetensors (a pickle, say), not ours,
            of another architecture, or holding NaN or infinite values.
    """
    source = Path(path)
    _check_file(source, max_bytes)
    try:
        with safe_open(source, framework="pt") as handle:
            header = handle.metadata() or {}
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        raise OrchestrionError(f"{source} is not a readable safetensors file ({error}); download or train it again.") from error
    metadata = _parse_header(source, header)
    found = metadata.get("architecture")
    if architecture is not None and found != architecture:
        raise OrchestrionError(f"{source} holds a model of architecture {found!r}; this command needs {architecture!r}.")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise OrchestrionError(f"{source} holds values in {name} that are not finite; download or train it again.")
    if metadata.get("sha256") != checksum(tensors):
        raise OrchestrionError(f"{source} was altered after it was written (its checksum differs); download or train it again.")
    return tensors, metadata


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
        raise OrchestrionError(f"The weights in {path} do not fit their own config (first difference: {names[0]}).")


def checksum(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _check_file(source: Path, max_bytes: int) -> None:
    try:
        size = source.stat().st_size
        with open(source, "rb") as handle:
            head = handle.read(8)
    except OSError as error:
        raise OrchestrionError(f"Cannot read weights {source}: {error.strerror or error}.") from error
    if size > max_bytes:
        raise OrchestrionError(f"{source} has {size:,} bytes, more than the {max_bytes:,} that weights may have.")
    header_bytes = int.from_bytes(head, "little")
    if len(head) < 8 or header_bytes > min(MAX_HEADER_BYTES, size - 8):
        raise OrchestrionError(f"{source} is not a safetensors file, or is cut short; pickled weights are never loaded.")


def _parse_header(source: Path, header: Mapping[str, str]) -> dict:
    try:
        metadata = json.loads(header[FORMAT_KEY])
    except (KeyError, json.JSONDecodeError) as error:
        raise OrchestrionError(f"{source} was not written by Orchestrion: its header has no {FORMAT_KEY!r} entry.") from error
    if not isinstance(metadata, dict):
        raise OrchestrionError(f"{source} has a header that is not an object.")
    return metadata
