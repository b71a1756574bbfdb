"""Temporary files with locks: what a killed process left is removed when the same file is next written.

And a folder for them where the system has none.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

MOST_WRITERS = 16  # of one file at a time, by names that are found again


def provide(output: Path) -> None:
    """Where no folder for temporary files can be written, have those of this process in a hidden one near ``output``; it goes with the process.

    Libraries ask for one when they are imported.
    """
    try:
        tempfile.gettempdir()
        return
    except FileNotFoundError:
        near = next(folder for folder in (output, *output.absolute().parents) if folder.is_dir())
    try:
        tempfile.tempdir = tempfile.mkdtemp(prefix=".orchestrion-", dir=near.absolute())
    except OSError:
        return  # whoever writes the output says so
    provided.append(tempfile.tempdir)
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)


provided: list[str] = []
"""The folder that `provide` has made."""


def is_empty(folder: Path) -> bool:
    """Whether nothing lies in ``folder`` but what `provide` has made there."""
    return all(os.fspath(path.absolute()) in provided for path in folder.iterdir())


def claim(target: Path) -> tuple[int, Path]:
    """A new temporary file beside ``target``, open and locked; what killed processes left of it is removed.

    Names are numbered, so that they are found again; a lock ends with the process that holds it, however that ends. Closing
    the descriptor frees it.

    Raises:
        OSError: the folder cannot be written.
    """
    # 16 characters have 64 bytes at most; names may have 255.
    prefix = f".{target.stem[:16]}-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"
    claimed = None
    for number in range(MOST_WRITERS):
        path = target.with_name(f"{prefix}{number}.part{target.suffix}")
        if claimed and not path.exists():
            break
        if _remove_abandoned(path) and not claimed:
            claimed = _create(path)
    if claimed:
        return claimed
    # A file system without locks, where nobody can tell what is abandoned.
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=f".part{target.suffix}", dir=target.parent)
    return descriptor, Path(name)


def _create(path: Path) -> tuple[int, Path] | None:
    """``path``, made, open and locked; None where another process was quicker, or there are no locks."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(path, descriptor):
            return descriptor, path
    except BlockingIOError:
        pass  # held by one that takes it for abandoned and removes it; by now the name may be a third one's
    except OSError:
        path.unlink(missing_ok=True)
    os.close(descriptor)
    return None


def _remove_abandoned(path: Path) -> bool:
    """Whether nothing is left at ``path`` once what no living process holds is removed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        if _try_lock(descriptor) and _is_still(path, descriptor):
            path.unlink()
            return True
        return False
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether ``path`` still names the open file: another process may have removed it before it was locked."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
