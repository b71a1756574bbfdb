"""Files: atomic writes, locks, checksums, and finding files by suffix."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.temporary import claim

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and rename it to ``path`` once the block ends well.

    The temporary file lies in the same folder (a rename across file systems is not atomic), keeps the suffix of
    ``path`` (libraries choose formats by it), is flushed to disk before the rename, and is removed when the block
    raises, Ctrl-C included. What stood at ``path`` before then still stands. What a killed process left is removed by the
    next one that writes ``path``.

    Raises:
        OrchestrionError: the folder does not exist or cannot be written, ``path`` is a folder, or the disk is full.
    """
    target = Path(path)
    if os.path.isdir(target):
        raise OrchestrionError(f"Cannot write {target}: it is a folder; name a file.")
    with writing(target):
        descriptor, temporary = claim(target)
    try:
        with writing(target):
            yield temporary
            _flush(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
    except BaseException:
        # Only now: once renamed, the name may be another process's.
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the system's refusal to write ``path``, or a temporary file in its place, into one sentence.

    An error that names another file, one that is read meanwhile, passes through as it is.

    Raises:
        OrchestrionError: what `refusal` makes of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        if not _is_about(error, Path(path)):
            raise
        raise refusal(path, error) from error


def _is_about(error: OSError, target: Path) -> bool:
    if not isinstance(error.filename, str | bytes):
        return True
    named = Path(os.path.abspath(os.fsdecode(error.filename)))
    same_folder = str(named.parent) == os.path.abspath(target.parent)
    return same_folder and (named.name == target.name or named.name.startswith(f".{target.stem[:16]}"))


def refusal(path: str | os.PathLike[str], error: OSError) -> OrchestrionError:
    """The sentence for a file that could not be written; a full disk is named, with what is free on it."""
    reason = str(error.strerror or error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        disk = _mount(Path(path))
        free = shutil.disk_usage(disk).free / 1e6
        what = "the disk is full" if error.errno == errno.ENOSPC else "your quota is used up"
        reason = f"{what} ({disk}, {free:,.1f} MB free); make room there and try again"
    elif error.errno == errno.EFBIG:
        reason = "it would become larger than files may be here (ulimit -f, or the file system's own limit)"
    return OrchestrionError(f"Cannot write {path}: {reason}.")


def refuse_shared_fault(error: OrchestrionError) -> None:
    """Raise ``error`` where the next file of many would meet it, too: a disk that is full, or a folder that takes no files."""
    if isinstance(error.__cause__, OSError) and str(error).startswith("Cannot write"):
        raise error


def why_unwritable(path: Path) -> OSError | None:
    """The system's reason why a library could not write ``path``, found by adding to it; None where that succeeds.

    Libraries written in C or Rust tend to say "system error" and no more.
    """
    try:
        with open(path, "ab") as handle:
            handle.write(bytes(1 << 20))
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        return error
    return None


def require_space(path: str | os.PathLike[str], n_bytes: int) -> None:
    """Refuse to begin hours of work whose ``n_bytes`` would not fit the disk of ``path``.

    Raises:
        OrchestrionError: there is less room than that.
    """
    disk = _mount(Path(path))
    free = shutil.disk_usage(disk).free
    if free < n_bytes:
        raise OrchestrionError(
            f"Cannot write {path}: it needs {n_bytes / 1e6:,.1f} MB, but its disk ({disk}) has {free / 1e6:,.1f} MB free."
        )


def _mount(path: Path) -> Path:
    """Where the file system begins that holds ``path`` (which may not exist yet)."""
    place = Path(os.path.abspath(path))
    while not place.exists():
        place = place.parent
    place = place.resolve()
    while not os.path.ismount(place):
        place = place.parent
    return place


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
    with writing(path):
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the only process that works in ``folder``, until the block or the process ends. Nothing is written.

    Raises:
        OrchestrionError: another one is there, or the folder cannot be opened.
    """
    with reading(folder):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OrchestrionError(f"{folder} is in use: another process is at work in it.") from None
        except OSError:
            pass  # a file system that cannot lock folders: then nobody is held off
        yield
    finally:
        os.close(descriptor)


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an `OSError` in the block into one sentence that names ``path``.

    Raises:
        OrchestrionError: the block raised an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise OrchestrionError(f"Cannot read {path}: {error.strerror or error}.") from error


def make_folder(path: Path) -> Path:
    """Make the folder ``path`` and those above it, unless they exist; returns ``path``.

    Raises:
        OrchestrionError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OrchestrionError(f"Cannot make the folder {path}: {error.strerror or error}.") from error
    return path


def find_files(folder: Path, suffixes: Container[str], depth: int | None = None) -> list[Path]:
    """Files below ``folder`` with one of ``suffixes`` (in any case), sorted; hidden files and folders are left out.

    Args:
        depth: levels of subfolders to search, of which links are followed then; all, without links, by default.
    """
    found = []
    for parent, folders, names in os.walk(folder, followlinks=depth is not None):
        is_deepest = depth is not None and len(Path(parent).relative_to(folder).parts) >= depth
        folders[:] = [] if is_deepest else [name for name in folders if not name.startswith(".")]
        paths = [Path(parent, name) for name in names if not name.startswith(".")]
        found += [path for path in paths if path.suffix.lower() in suffixes and path.is_file()]
    return sorted(found)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file; asked again for an unchanged file, it is not computed again.

    Raises:
        OrchestrionError: the file cannot be read.
    """
    with reading(path):
        status = path.stat()
        return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _flush(path: Path) -> None:
    with open(path, "rb+") as handle:
        os.fsync(handle.fileno())


def _umask() -> int:
    # mkstemp makes files private (0600); the umask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
