"""The header of a weights file: what the file says of itself, under a checksum of its own; read without torch.

File layout (https://github.com/huggingface/safetensors): eight bytes of little-endian header length, a JSON header, raw
tensors. The header's ``__metadata__`` holds one entry::

    "orchestrion-2": TEXT     a JSON object: architecture, config, provenance, licence, metrics; ``sha256`` of the
                              tensors; ``header_sha256`` of the object without itself
    "orchestrion":   TEXT     the same without ``header_sha256``, as versions up to 0.1.0 wrote it; still read

The names differ by more than damage can do, so that a file of the first form never passes for one of the second.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeGuard

from orchestrion.errors import OrchestrionError

KEY, UNSIGNED_KEY = "orchestrion-2", "orchestrion"
CHECKSUM = "header_sha256"
MAX_BYTES = 4 << 20
CHECKPOINT = "training-checkpoint"  # the architecture of a training's checkpoint, which ``holds`` a model under ``average.``
LONGEST_NUMBER = 30  # digits of a whole number; none of ours has more than 20
LONGEST_LINE, LONGEST_CONFIG = 1000, 4096  # characters


def encode(metadata: Mapping[str, object]) -> dict[str, str]:
    """``metadata`` (JSON-able) as safetensors' ``__metadata__``."""
    plain = json.loads(json.dumps(metadata))  # as it will be read
    return {KEY: _text(plain | {CHECKSUM: _checksum(plain)})}


def decode(source: str | os.PathLike[str], stored: Mapping[str, object]) -> dict[str, object]:
    """The inverse of `encode`; ``source`` is the file's name for the messages.

    Raises:
        OrchestrionError: not ours, altered since it was written, or a field that is not what it should be.
    """
    text = stored.get(KEY, stored.get(UNSIGNED_KEY))
    if not isinstance(text, str):
        raise OrchestrionError(f"{source} was not written by Orchestrion: its header has no entry of that name.")
    metadata = _parsed(source, text)
    if not isinstance(metadata, dict):
        raise OrchestrionError(f"{source} has a header that is not an object.")
    if KEY in stored and not _is_unaltered(metadata, text):
        raise OrchestrionError(f"{source} was altered after it was written (its header's checksum differs); download or train it again.")
    metadata.pop(CHECKSUM, None)
    return checked(source, metadata)


def checked(source: str | os.PathLike[str], metadata: dict[str, object]) -> dict[str, object]:
    """``metadata`` itself.

    Raises:
        OrchestrionError: a field is not what it should be.
    """
    for name, (kind, fits) in _FIELDS.items():
        if name in metadata and not fits(metadata[name]):
            raise OrchestrionError(f"{source} has a header whose {name!r} is not {kind}; download or train it again.")
    return metadata


def read(path: str | os.PathLike[str]) -> dict[str, object]:
    """What the weights file ``path`` says of itself; tensors are not read.

    Raises:
        OrchestrionError: unreadable, cut short, or as `decode`.
    """
    header = _parsed(path, _header_bytes(Path(path)))
    stored = header.get("__metadata__") if isinstance(header, dict) else None
    return decode(path, stored if isinstance(stored, dict) else {})


def _header_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        with open(path, "rb") as handle:
            head = handle.read(8)
            n_bytes = int.from_bytes(head, "little")
            if len(head) < 8 or n_bytes > min(MAX_BYTES, size - 8):
                raise OrchestrionError(f"{path} is not a safetensors file, or is cut short; pickled weights are never loaded.")
            return handle.read(n_bytes)
    except OSError as error:
        raise OrchestrionError(f"Cannot read weights {path}: {error.strerror or error}.") from error


def _parsed(source: str | os.PathLike[str], text: str | bytes) -> object:
    try:
        return json.loads(text, parse_int=whole_number)
    except (ValueError, RecursionError) as error:
        raise OrchestrionError(f"{source} has a header that cannot be read; download or train it again.") from error


def whole_number(digits: str) -> int:
    """For ``json.loads``: a whole number that a float can hold.

    Raises:
        ValueError: of more than `LONGEST_NUMBER` digits.
    """
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _is_unaltered(metadata: Mapping[str, object], text: str) -> bool:
    """Whether ``text`` is, to the byte, what `encode` made of ``metadata``."""
    return metadata.get(CHECKSUM) == _checksum(metadata) and _text(metadata) == text


def _checksum(metadata: Mapping[str, object]) -> str:
    return hashlib.sha256(_text({name: value for name, value in metadata.items() if name != CHECKSUM}).encode()).hexdigest()


def _text(metadata: Mapping[str, object]) -> str:
    return json.dumps(metadata, sort_keys=True)


def is_number(value: object, low: float, high: float) -> TypeGuard[int | float]:
    """Whether ``value`` is a number, not text or true, from ``low`` to ``high``."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def is_whole(value: object, low: int, high: int) -> TypeGuard[int]:
    """Whether ``value`` is a whole number from ``low`` to ``high``."""
    return isinstance(value, int) and is_number(value, low, high)


def _is_pitch_range(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not all(is_whole(pitch, 0, 127) for pitch in value):
        return False
    result: bool = value[0] <= value[1]
    return result


def _are_defaults(value: object) -> bool:
    return isinstance(value, dict) and is_whole(value.get("polyphony", 1), 1, 128) and _is_line(value.get("name", ""))


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_LINE


# Fields that are read by more than a person: what they are, and whether a value is that.
_FIELDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "architecture": ("a name", _is_line),
    "backend": ("a name", _is_line),
    "config": ("an object of some dozens of settings", lambda value: isinstance(value, dict) and len(_text(value)) <= LONGEST_CONFIG),
    "sha256": ("a checksum", lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None),
    "temperature": ("a number above 0 and up to 100", lambda value: is_number(value, 1e-6, 100)),
    "trust": ("a number above 0 and up to 1", lambda value: is_number(value, 1e-6, 1)),
    "gain_db": ("a number of decibels from -200 to 200", lambda value: is_number(value, -200, 200)),
    "pitch_range": ("a lowest and a highest MIDI pitch", _is_pitch_range),
    "program": ("a General MIDI program", lambda value: is_whole(value, 0, 127)),
    "notice": ("a line of text", _is_line),
    "defaults": ("an object of polyphony (1 to 128) and name", _are_defaults),
}
