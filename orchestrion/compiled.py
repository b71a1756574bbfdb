"""Compiled functions, kept on disk between runs: ``@compiled()`` is numba's ``@njit(cache=True)``, never with old code.

numba looks at the file a function stands in, but not at those it calls into. So the folder of compiled code carries a
hash of that file and of all of ours that it imports, near or far: an edit or another version compiles anew, and old
folders go after some months. It lies in the user's cache, or beside the sources where there is none to write to; where
neither can be written (and never in a place that others can write to), functions are compiled in every run.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import numba

from orchestrion.version import VERSION

PACKAGE = Path(__file__).parent
KEPT_S = 90 * 86400.0


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function as ``numba.njit(**options)`` does, cached in `folder`."""

    def decorate(function: Callable[..., Any]) -> Any:
        place = folder(Path(function.__code__.co_filename))
        if place is None:
            return numba.njit(**options)(function)
        settings: Any = numba.config
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(place)  # read once, when a function is decorated
        try:
            return numba.njit(cache=True, **options)(function)
        finally:
            settings.CACHE_DIR = before

    return decorate


@lru_cache
def folder(source: Path) -> Path | None:
    """Where compiled code of ``source`` is kept; None where nothing can be written."""
    name = f"{source.stem}-{fingerprint(source)}"
    for root in _roots():
        place = root / name
        try:
            place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK | os.X_OK):
                os.utime(place)
                _forget_old(root)
                return place
        except OSError:
            continue
    return None


def fingerprint(source: Path, package: Path = PACKAGE) -> str:
    """A hash of the version, the compiler's version, ``source`` and what it imports of ``package``, directly or not."""
    digest = hashlib.sha256(f"{VERSION} {numba.__version__} {llvmlite.__version__}".encode())
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
    for node in ast.walk(_parsed(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            file = package.joinpath(*parts[1:]).with_suffix(".py")
            if parts[0] == package.name and len(parts) > 1 and file.exists():
                yield file


@lru_cache
def _parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_bytes(), str(source))


def _roots() -> list[Path]:
    asked = os.environ.get("NUMBA_CACHE_DIR")
    if asked:
        return [Path(asked) / "orchestrion"]
    own = os.environ.get("ORCHESTRION_CACHE")
    users = Path(own) if own else Path(os.path.expanduser("~")) / ".cache" / "orchestrion"
    return [users / "compiled", PACKAGE / "__pycache__" / "compiled"]


def _forget_old(root: Path) -> None:
    for place in root.iterdir():
        if place.is_dir() and place.stat().st_mtime < time.time() - KEPT_S:
            shutil.rmtree(place, ignore_errors=True)
