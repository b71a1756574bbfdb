"""Folders of what takes minutes to make and is kept between runs: decoded audio, fits of single notes, followed partials, made sets.

Who finds something there says so (`cachefolder.used`). What nobody has used for some months is deleted by the next process that
asks for its folder, unless another holds it: each holds its folders as long as it lives.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

from orchestrion.cachefolder import NotPrivateError, cache_root, forget_old, private_folder
from orchestrion.errors import OrchestrionError
from orchestrion.temporary import provided

LOCK = ".lock"


def kept_folder(name: str) -> Path:
    """The folder ``name`` of the cache, made; where the cache cannot be written, one of the user's alone among the temporary files.

    The latter is said in one line, once in a process.

    Raises:
        OrchestrionError: neither can be made and written; the sentence says what to set.
    """
    try:
        return _held(_writable(cache_root() / name))
    except (OSError, OrchestrionError) as error:
        reason = _reason(error)
    try:
        # Anybody could have made a folder of this name among the temporary files.
        place = _writable(private_folder(Path(tempfile.gettempdir()) / f"orchestrion-{os.geteuid()}" / name))
    except (OSError, NotPrivateError) as error:
        raise OrchestrionError(f"{reason} Nor can a temporary folder ({_reason(error)}): set ORCHESTRION_CACHE to a folder that can be written.") from error
    if not _told:
        _told.append(reason)
        outcome = "What is usually kept between runs is made anew in each." if provided else f"What is kept between runs goes to {place.parent}."
        warnings.warn(f"{reason} {outcome}", stacklevel=1)
    return _held(place)


def _writable(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(folder))
    return folder


def _held(folder: Path) -> Path:
    """``folder``, which no other process tidies up from now on; tidied up before, if no other holds it."""
    if folder not in _locks:
        with suppress(OSError):  # without locks nothing is deleted
            _locks[folder] = descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                forget_old(folder, but=LOCK)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
    return folder


def _reason(error: OSError | OrchestrionError | NotPrivateError) -> str:
    return f"{error.filename} cannot be made or written ({error.strerror})." if isinstance(error, OSError) else str(error)


_told: list[str] = []
_locks: dict[Path, int] = {}
