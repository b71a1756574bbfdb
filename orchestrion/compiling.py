"""Compiling when and as it pays: whether a function need be compiled first, and compiling much at once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from orchestrion.compiledfiles import CheckedCache


def at_hand(function: Callable[..., object], *arguments: object) -> bool:
    """Whether a ``@compiled()`` function can be called with ``arguments`` without being compiled first."""
    dispatcher: Any = function
    kinds, kept = tuple(map(dispatcher.typeof_pyval, arguments)), dispatcher._cache
    if kinds in dispatcher.overloads or not isinstance(kept, CheckedCache):
        return kinds in dispatcher.overloads
    return kept._file(kept._index_key(kinds, dispatcher.targetctx.codegen())).exists()


@contextmanager
def much_compiling() -> Iterator[None]:
    """While much is compiled: the garbage collector leaves alone what was there before, which takes a tenth of the time otherwise."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
