"""Writing files so that a final name never holds half a file."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orchestrion.errors import OrchestrionError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and rename it to ``path`` once the block ends well.

    The temporary file lies in the same folder (a rename across file systems is not atomic), keeps the suffix of
    ``path`` (libraries choose formats by it), is flushed to disk before the rename, and is removed when the block
    raises, Ctrl-C included. What stood at ``path`` before then still stands.

    Raises:
        OrchestrionError: the folder does not exist or cannot be written, ``path`` is a folder, or the disk is full.
    """
    target = Path(path)
    if target.is_dir():
        raise OrchestrionError(f"Cannot write {target}: it is a folder; name a file.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem[:64]}-", suffix=target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise OrchestrionError(f"Cannot write {target}: {error.strerror or error}.") from error
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise OrchestrionError(f"Cannot write {target}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], content: Mapping[str, object]) -> None:
    """Write ``content`` as indented JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def lock(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock file ``path`` (made if it is not there): other processes that ask for it wait.

    The lock ends with the process that holds it, however that ends; the empty file stays.

    Raises:
        OrchestrionError: the file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o666)
    except OSError as error:
        raise OrchestrionError(f"Cannot write {path}: {error.strerror or error}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _flush(path: Path) -> None:
    with open(path, "rb+") as handle:
        os.fsync(handle.fileno())


def _umask() -> int:
    # mkstemp makes files private (0600); the umask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
