"""Values as people write them, in a shell or in Python: one parser for both, which leaves parsed values as they are.

>>> Number(10, 1000)("90"), meter("3/4"), meter((3, 4)), pitch_range("C4-C6")
(90.0, (3, 4), (3, 4), (60, 84))
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, SupportsFloat, SupportsIndex, TypeVar, runtime_checkable

from orchestrion.errors import OrchestrionError

MOST_SECTIONS = 64
T = TypeVar("T")
Parser = Callable[[object], T]
"""Gives the value that is meant, or raises an `OrchestrionError` that says what to give."""


@runtime_checkable
class _Array(Protocol):
    """A numpy scalar or array."""

    def tolist(self) -> object: ...


@dataclass(frozen=True)
class Number:
    """A finite number from ``low`` to ``high``; ``above``: not ``low`` itself."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False

    def __call__(self, given: object) -> float:
        try:
            number = float(given) if isinstance(given, str | SupportsFloat) else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or not self.low <= number <= self.high or (self.above and number == self.low):
            raise OrchestrionError(f"give a number{self._span()}, not {given!r}.")
        return number

    def _span(self) -> str:
        low = "" if self.low == -math.inf else f"{' above' if self.above else ' from'} {self.low:g}"
        return low + ("" if self.high == math.inf else f"{' and' if self.above else ''} up to {self.high:g}")


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``."""

    low: int = 0
    high: int = 2**63 - 1

    def __call__(self, given: object) -> int:
        number = None
        if isinstance(given, str) and re.fullmatch(r"\s*[+-]?\d{1,30}\s*", given, re.ASCII):
            number = int(given)
        elif isinstance(given, SupportsIndex):
            number = given.__index__()
        if number is None or not self.low <= number <= self.high:
            upper = f" to {self.high}" if self.high < 2**63 - 1 else " on, below 2**63"
            raise OrchestrionError(f"give a whole number from {self.low}{upper}, not {given!r}.")
        return number


@dataclass(frozen=True)
class Choice:
    """One of ``names``."""

    names: tuple[str, ...]

    def __call__(self, given: object) -> str:
        if given not in self.names:
            raise OrchestrionError(f"choose one of {', '.join(self.names)}, not {given!r}.")
        return str(given)


@dataclass(frozen=True)
class Several:
    """Any number of values, each parsed by ``one``; a single value stands for itself."""

    one: Parser[object]

    def __call__(self, given: object) -> tuple[object, ...]:
        if isinstance(given, _Array):
            given = given.tolist()
        items = given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
        return tuple(map(self.one, items))


@dataclass(frozen=True)
class Listed:
    """Values separated by commas, ``"4,8"``, or a sequence of them, each parsed by ``one``."""

    one: Parser[object]

    def __call__(self, given: object) -> tuple[object, ...]:
        items = [item for item in given.split(",") if item] if isinstance(given, str) else given
        return Several(self.one)(items)


def flag(given: object) -> bool:
    """True or False, nothing else."""
    if not isinstance(given, bool):
        raise OrchestrionError(f"give True or False, not {given!r}.")
    return given


def text(given: object) -> str:
    """Text as it is."""
    if not isinstance(given, str):
        raise OrchestrionError(f"give text, not {given!r}.")
    return given


def path(given: object) -> str:
    """A path or a name, as text."""
    return text(os.fspath(given) if isinstance(given, os.PathLike) else given)


def source(given: object) -> object:
    """A path or a name as text; what is loaded already as it is."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def part(given: object) -> int | str:
    """A part's name, or its number from 0."""
    return given if isinstance(given, str) else Whole()(given)


def bits(given: object) -> int:
    """Bits a sample: 16, 24 or 32."""
    number = Whole()(given)
    if number not in (16, 24, 32):
        raise OrchestrionError(f"give 16, 24 or 32 bits a sample, not {given!r}.")
    return number


def tempo(given: object) -> float | None:
    """Quarter notes a minute, 10 to 1000; ``"auto"`` → None."""
    return None if given == "auto" else Number(10, 1000)(given)


def meter(given: object) -> tuple[int, int]:
    """``"3/4"`` → ``(3, 4)``: 1 to 64 over 1, 2, 4, 8 or 16."""
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})", given) if isinstance(given, str) else None
    pair = (int(match[1]), int(match[2])) if match else _pair(given)
    if pair is None:
        raise OrchestrionError(f"{given!r} is not a meter; write for example 3/4.")
    if not 1 <= pair[0] <= 64 or pair[1] not in (1, 2, 4, 8, 16):
        raise OrchestrionError(f"a meter of {pair[0]}/{pair[1]} is impossible here: give 1 to 64 over 1, 2, 4, 8 or 16.")
    return pair


def pitch_range(given: object) -> tuple[int, int]:
    """``"C4-C6"`` or ``"60-84"`` → MIDI numbers, both included."""
    if isinstance(given, str):
        low, separator, high = given.partition("-")
        pair = (pitch(low), pitch(high)) if separator else None
    else:
        pair = _pair(given)
    if pair is None or not 0 <= pair[0] <= pair[1] <= 127:
        raise OrchestrionError(f"{given!r} is not a range of pitches within MIDI's 0 to 127; write for example C4-C6.")
    return pair


def pitch(name: str) -> int:
    """``"C4"`` → 60, ``"60"`` → 60."""
    if name.isascii() and name.isdigit():
        return int(name[:4])
    from orchestrion.score.notes import parse_pitch

    return parse_pitch(name)


def key(given: object) -> str:
    """``"G major"``, ``"A minor"``, ``"D dorian"`` …: the name of a key, which stays text."""
    from orchestrion.score.keys import parse_key

    parse_key(text(given))
    return str(given)


def stages(given: object) -> tuple[tuple[int, int], ...]:
    """``"32,64@300"`` → ``((0, 32), (300, 64))``: (first epoch, batch size) of every stage, the first from epoch 0."""
    wrong = f"{given!r} is no batch size; write for example 16, or 32,64@300 to double it after 300 epochs."
    if isinstance(given, str):
        parts = [part.partition("@") for part in given.split(",")]
        pairs: list[object] = [(epoch or "0", size) for size, _, epoch in parts]
    else:
        pairs = list(given) if isinstance(given, Iterable) else [(0, given)]
    try:
        found = [(Whole()(epoch), Whole(1, 65536)(size)) for epoch, size in map(_two, pairs)]
    except OrchestrionError as error:
        raise OrchestrionError(wrong) from error
    epochs = [epoch for epoch, _ in found]
    if not found or epochs[0] != 0 or epochs != sorted(set(epochs)):
        raise OrchestrionError(wrong)
    return tuple(found)


def _two(given: object) -> tuple[object, object]:
    if not isinstance(given, Sequence) or len(given) != 2:
        raise OrchestrionError(f"{given!r} is no pair.")
    return given[0], given[1]


def form(given: object) -> str:
    """``auto``, ``free``, or sections: ``"AABA"``, ``"A A' B A"``."""
    if given not in ("auto", "free"):
        sections(text(given))
    return str(given)


def sections(given: str) -> list[tuple[str, int]]:
    """``"A A' B A"`` → [("A", 0), ("A", 1), ("B", 0), ("A", 0)]."""
    plain = re.sub(r"[\s|-]", "", given.replace("’", "'"))
    found = [(letter, len(primes)) for letter, primes in re.findall(r"([A-Z])('*)", plain)]
    if not found or "".join(letter + "'" * primes for letter, primes in found) != plain:
        raise OrchestrionError(f"{given[:40]!r} is not a form; write sections as capital letters, such as AABA or \"A A' B A\".")
    if len(found) > MOST_SECTIONS:
        raise OrchestrionError(f"A form of {len(found)} sections is longer than the {MOST_SECTIONS} allowed.")
    return found


def chords(given: object) -> str:
    """Chord symbols bar by bar: ``"| C | Am | F G7 | C |"``."""
    from orchestrion.score.chords import parse_chords

    parse_chords(text(given))
    return str(given)


def bar_spans(given: object) -> tuple[tuple[int, int], ...]:
    """``"5-8,12"`` or ``((5, 8), (12, 12))`` → the first and last of each run of bars."""
    if isinstance(given, str):
        found = [re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", span) for span in given.split(",")]
        spans = [(int(match[1]), int(match[2] or match[1])) for match in found if match]
        if len(spans) != len(found):
            raise OrchestrionError(f"{given[:40]!r} are no bars; write for example 5-8 or 3,5-8.")
    else:
        pairs = [_pair(each) for each in given] if isinstance(given, Sequence) else [None]
        spans = [pair for pair in pairs if pair is not None]
        if len(spans) != len(pairs):
            raise OrchestrionError(f"{given!r} are no bars; give pairs of first and last.")
    if any(first > last for first, last in spans):
        raise OrchestrionError("Bars run from the first to the last, such as 5-8.")
    return tuple(spans)


def models(given: object) -> Mapping[str, str]:
    """``("tcn=runs/tcn",)``, or the same as a mapping → ``{"tcn": "runs/tcn"}``."""
    if isinstance(given, Mapping):
        return {str(backend): os.fspath(model) for backend, model in given.items()}
    pairs = [str(each).partition("=") for each in Several(text)(given)]
    if not all(backend and model for backend, _, model in pairs):
        raise OrchestrionError("write NAME=RUN, for example tcn=runs/tcn.")
    return {backend: model for backend, _, model in pairs}


def _pair(given: object) -> tuple[int, int] | None:
    if isinstance(given, Sequence) and len(given) == 2 and all(isinstance(item, SupportsIndex) for item in given):
        return given[0].__index__(), given[1].__index__()
    return None
