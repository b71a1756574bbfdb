"""Numbers as people write them, for functions that come from within: ``evaluate.notes("violin", bank, step="3")``."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from orchestrion.errors import OrchestrionError
from orchestrion.values import Number, Whole

P = ParamSpec("P")
R = TypeVar("R")
LOWEST = -(2**63)


def takes_texts(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, whose whole and decimal numbers may also be given as text.

    Raises:
        OrchestrionError: a text is no such number; the sentence names the argument.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        hints = typing.get_type_hints(function)
        for name, given in bound.arguments.items():
            kinds = {hints.get(name), *typing.get_args(hints.get(name))}
            if isinstance(given, str) and str not in kinds and kinds & {int, float}:
                kind, parser = ("a number", Number()) if float in kinds else ("a whole number", Whole(LOWEST))
                try:
                    bound.arguments[name] = parser(given)
                except OrchestrionError:  # whose bounds are not the function's
                    raise OrchestrionError(f"{name}: give {kind}, not {given!r}.") from None
        return function(*bound.args, **bound.kwargs)

    return called
