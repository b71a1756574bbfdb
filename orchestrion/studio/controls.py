"""The page's forms, made of the dataclasses of options, so that no control is forgotten; and the words of the command line."""

from __future__ import annotations

import inspect
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields

from orchestrion import values
from orchestrion.options import Composing, Options, Playing, parser_of

# Without an option of the command line: they change no note, only how fast it is written.
UNTOLD = {Composing: {"storage", "threads"}, Playing: {"threads"}}
# Fields that the page asks for elsewhere: in the list of parts, and in the choice of a version.
ELSEWHERE = {Composing: set[str](), Playing: {"gains_db", "pans", "only_source"}}
# Where an option is not called after its field.
FLAGS = {"pitch_range": "--range", "gains_db": "--gain", "pans": "--pan", "length_s": "--end"}
ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\w|\Z)", re.MULTILINE | re.DOTALL)


def form(kind: type[Options]) -> list[dict[str, object]]:
    """A control for each field: ``{name, kind, default, help}`` and what limits it."""
    told = _help(kind)
    hidden = UNTOLD[kind] | ELSEWHERE[kind]
    return [
        {"name": each.name, "default": _default(each), "help": told.get(each.name, ""), **_widget(each)}
        for each in fields(kind)
        if each.name not in hidden
    ]


def _help(kind: type[Options]) -> dict[str, str]:
    """What the docstring says of each attribute."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    return {name: " ".join(said.split()).replace("``", "").replace("None", "empty") for name, said in ATTRIBUTE.findall(text)}


def _default(each: Field[object]) -> object:
    found = None if each.default is MISSING else each.default
    return None if isinstance(found, tuple) else found


def _widget(each: Field[object]) -> dict[str, object]:
    parser = parser_of(each)
    match parser:
        case values.Number(low, high, above):
            return {"kind": "number", "low": _finite(low), "high": _finite(high), "above": above}
        case values.Whole(low, high):
            return {"kind": "whole", "low": low, "high": high if high < 2**53 else None}
        case values.Choice(names):
            return {"kind": "choice", "choices": list(names)}
    if parser is values.flag:
        return {"kind": "flag" if isinstance(each.default, bool) else "maybe"}
    return {"kind": "score" if parser is values.source else "text"}


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def words(options: Options, replaced: Mapping[str, str] | None = None) -> list[str]:
    """Of the command line: what of ``options`` is not the default, and the seed.

    Args:
        replaced: what stands for a score: the name of its file, or of a built-in tune.
    """
    found: list[str] = []
    for each in fields(options):
        value = getattr(options, each.name)
        if each.name in UNTOLD[type(options)] or (value == each.default and each.name != "seed") or value is None:
            continue
        found += _option(each.name, (replaced or {}).get(each.name, value))
    return found


def _option(name: str, value: object) -> Sequence[str]:
    flag = FLAGS.get(name, "--" + name.replace("_", "-"))
    match name, value:
        case "parallel", bool():
            return ["--parallel" if value else "--exact"]
        case "only_source", True:
            return ["--only", "source"]
        case "pitch_range", (low, high):
            return [f"{flag}={low}-{high}"]
        case "meter", (numerator, denominator):
            return [flag, f"{numerator}/{denominator}"]
        case "fill", tuple():
            return [flag, ",".join(f"{a}-{b}" if a != b else str(a) for a, b in value)]
        case _, tuple():
            return [f"{flag}={_text(one)}" for one in value]
        case _, True:
            return [flag]
        case _, False:
            return []
    return [f"{flag}={_text(value)}"] if str(value).startswith("-") else [flag, _text(value)]


def _text(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def command(*given: str) -> str:
    """As it is typed in a shell."""
    return shlex.join(["orchestrion", *given])
