"""Compiled functions with a cache on disk: ``@compiled()`` is numba's ``@njit``, with files that are checked.

numba's own cache notices changes of the file that holds a function, but not of the modules that the function calls. Here the
cache folder's name has a hash of that file and of every module of ours that it imports, directly or not. Any edit or new version
compiles anew; folders that are unused for some months are deleted.

The cache lies in the user's cache folder, else beside the sources, else in a folder of the user's under the temporary files. The
first of these is taken that can be written and that nobody else can write to, since its content is executed. Every file is
checked again when it is loaded (`compiledfiles`). Without such a folder, functions are compiled in every run.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

from orchestrion.cachefolder import NotPrivateError, cache_root, forget_old, private_folder
from orchestrion.compiledfiles import CheckedCache
from orchestrion.errors import OrchestrionError
from orchestrion.version import VERSION

PACKAGE = Path(__file__).parent
VERSIONS = (VERSION, numba.__version__, llvmlite.__version__, np.__version__, str(sys.implementation.cache_tag))


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function as ``numba.njit(**options)`` does, cached in `folder`."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher: Any = numba.njit(**options)(function)
        place = folder(Path(function.__code__.co_filename))
        if place is not None:
            dispatcher._cache = CheckedCache(function, place, _tell)  # as enable_caching() does with numba's own
        return dispatcher

    return decorate


def part(function: Callable[..., Any]) -> Any:
    """Decorates what compiled functions alone call: it becomes part of each. Compiled by itself it would take twice as long in all."""
    return numba.njit(nogil=True, inline="always")(function)


def shared_part(function: Callable[..., Any]) -> Any:
    """As `part`, but one copy for all that call it, without a way in from Python: for what is large, and called often."""
    return compiled(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


@lru_cache
def folder(source: Path) -> Path | None:
    """Where compiled code of ``source`` is kept; None where nothing can be written."""
    root = _root()
    if root is None:
        return None
    try:
        place = private_folder(root / f"{source.stem}-{fingerprint(source)}")
        os.utime(place)
    except (NotPrivateError, OSError) as error:
        _tell(_reason(error, root))
        return None
    return place


def fingerprint(source: Path, package: Path = PACKAGE) -> str:
    """A hash of our version, the compiler's and its like, ``source`` and what it imports of ``package``, directly or not."""
    digest = hashlib.sha256(" ".join(VERSIONS).encode())
    seen, waiting = {source}, [source]
    while waiting:
        for file in _imports(waiting.pop(), package):
            if file not in seen:
                seen.add(file)
                waiting.append(file)
    for file in sorted(seen):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _imports(source: Path, package: Path) -> Iterator[Path]:
    """The files of ``package`` that ``source`` imports anywhere, also inside functions."""
    for module, names in _statements(source, package.name):
        for name in ("", *_NAME.findall(names)):
            file = package.joinpath(*module, name).with_suffix(".py") if module or name else package
            if file.is_file():
                yield file


# Parsing the sources takes ten times as long as all else here. What only looks like an import, in a text, does no harm.
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]*))", re.MULTILINE)
_NAME = re.compile(r"\w+")


@cache
def _statements(source: Path, package: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """What ``source`` imports of ``package``: ``(parts of the module's name, text that holds names from it)``."""
    found = []
    for module, names, modules in _IMPORT.findall(source.read_text(encoding="utf-8")):
        for name in [module] if module else re.findall(r"[\w.]+", modules):
            first, *rest = name.split(".")
            if first == package:
                found.append((tuple(rest), names))
    return tuple(found)


@lru_cache
def _root() -> Path | None:
    """The first of `_roots` that is private and can be written; says so where that is not the very first."""
    failed: list[str] = []
    for root in _roots():
        try:
            place = private_folder(root)
            if not os.access(place, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(root))
        except (NotPrivateError, OSError) as error:
            failed.append(_reason(error, root))
            continue
        if failed:
            _tell(failed[0], f"compiled code is kept in {place}")
        forget_old(place)
        return place
    _tell(failed[0])
    return None


def _roots() -> list[Path]:
    """Where compiled code may lie, best first."""
    roots = []
    if asked := os.environ.get("NUMBA_CACHE_DIR"):
        roots.append(Path(asked) / "orchestrion")
    with suppress(OrchestrionError):  # without a home there are still the other places
        roots.append(cache_root() / "compiled")
    temporary = Path(os.environ.get("TMPDIR") or "/tmp") / f"orchestrion-{os.geteuid()}"
    return [*roots, PACKAGE / "__pycache__" / "compiled", temporary / "compiled"]


def _reason(error: NotPrivateError | OSError, root: Path) -> str:
    return str(error) if isinstance(error, NotPrivateError) else f"{root} cannot be used ({error.strerror or error})"


def _tell(reason: str, outcome: str = "functions are compiled anew in this run") -> None:
    """Warn, once in a process, that compiled code is not kept where it was to be."""
    if not _told:
        _told.append(reason)
        warnings.warn(f"{reason}; {outcome}.", stacklevel=1)


_told: list[str] = []
