"""Cache files of compiled code: one file for each set of argument types of a function, verified before use.

    magic (8 bytes) | SHA-256 of the rest (32) | pickle of (key, what numba needs to link the function)

numba's own files have no checksum: a damaged one is executed or ends in a traceback. They also share an index, in which two
processes that write at once lose or swap entries. Here every file stands alone, is renamed into place when complete, and is used
only if its key is the one numba asks for. The pickle is loaded only if the file belongs to the user or root, nobody else can
write to it, and its checksum is right.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps

from orchestrion.cachefolder import NotPrivateError, check_private_file

if TYPE_CHECKING:
    from numba.core.cpu import CPUContext

MAGIC = b"ORCHNB1\n"
DIGEST_BYTES = 32
MOST_BYTES = 64 << 20  # the largest of ours has less than 1 MiB
ABANDONED_S = 3600.0  # age of a temporary file that a killed process left
# What the pickle module says may be raised for a well-formed file made with other versions of what it refers to.
OUTDATED = (pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError, KeyError, TypeError, ValueError)


class CheckedCache(FunctionCache):
    """numba's cache of one function, with the files of this module in ``folder``, which must be private to the user.

    Args:
        function: the function that is compiled.
        folder: where its files lie; see `cachefolder.private_folder`.
        tell: called with a sentence when a file must not be loaded or cannot be written.
    """

    def __init__(self, function: Callable[..., object], folder: Path, tell: Callable[[str], None]) -> None:
        # Not super().__init__(), which would choose and make a folder by numba's rules.
        self._py_func = function
        self._folder = folder
        self._tell = tell
        self._prefix = f"{function.__qualname__}-{function.__code__.co_firstlineno}-"
        self.enable()

    @property
    def cache_path(self) -> str:
        return str(self._folder)

    def flush(self) -> None:
        for file in self._folder.glob(f"{self._prefix}*"):
            file.unlink(missing_ok=True)

    def load_overload(self, sig: object, target_context: CPUContext) -> CompileResult | None:
        # Not super().load_overload(), which first imports all that numba knows how to compile: half a second, and only
        # compiling needs it, which sees to it itself. What compiled code calls is the one thing that is needed.
        rtsys.initialize(target_context)
        if not self._enabled:
            return None
        key = self._index_key(sig, target_context.codegen())
        try:
            content = read(self._file(key))
        except NotPrivateError as error:
            self._tell(f"{error}: it is not loaded")
            return None
        except OSError:
            return None
        payload = None if content is None else _unpacked(content, key)
        return None if payload is None else CompileResult._rebuild(target_context, *payload)

    def _save_overload(self, sig: object, data: Any) -> None:
        if not self._enabled or data.library.has_dynamic_globals or not all(part.can_cache for part in data.lifted):
            return
        key = self._index_key(sig, data.codegen)
        try:
            write(self._file(key), dumps((key, data._reduce())))
        except OSError as error:
            self.disable()
            self._tell(f"{self._folder} cannot be written ({error.strerror or error})")

    def _file(self, key: tuple[object, ...]) -> Path:
        return self._folder / f"{self._prefix}{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.compiled"


def read(path: Path) -> bytes | None:
    """What `write` wrote to ``path``; None where it is not there whole.

    The file is opened once: what is checked is what is read.

    Raises:
        NotPrivateError: somebody else could have written it; nothing was read.
        OSError: it cannot be opened or read, or is a symbolic link.
    """
    # Not blocking: a named pipe would be waited for.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
        if check_private_file(path, handle.fileno()) > MOST_BYTES:
            return None
        head, content = handle.read(len(MAGIC) + DIGEST_BYTES), handle.read(MOST_BYTES)
    return content if head == MAGIC + hashlib.sha256(content).digest() else None


def write(path: Path, content: bytes) -> None:
    """Write ``content`` with its checksum under a temporary name, and rename that to ``path``.

    Nothing is flushed to disk: what a power cut spoils is found by its checksum.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(MAGIC + hashlib.sha256(content).digest() + content)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    _sweep(path.parent)


def _unpacked(content: bytes, key: tuple[object, ...]) -> tuple[object, ...] | None:
    try:
        found, payload = pickle.loads(content)
    except OUTDATED:
        return None
    return payload if found == key else None


def _sweep(folder: Path) -> None:
    with suppress(OSError):
        for file in folder.glob(".*.tmp"):
            if file.stat().st_mtime < time.time() - ABANDONED_S:
                file.unlink()
