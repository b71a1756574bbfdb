"""Options of a command that reach it as one dataclass of `orchestrion.options`: types, ranges and defaults stand there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps

import click

from orchestrion import values
from orchestrion.cli.options import NumberRange, ParamType, Seed
from orchestrion.errors import OrchestrionError
from orchestrion.options import SEED, Options, Parser, parser_of

Command = Callable[..., object]


class Parsed(ParamType):
    """What a parser of `orchestrion.values` takes."""

    name = "value"

    def __init__(self, parser: Parser):
        self._parser = parser

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        try:
            return self._parser(value)
        except OrchestrionError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True)
class Flag:
    """An option for the field of a dataclass: the field that click calls the parameter after.

    Args:
        declarations: as click's, separated by blanks: "--range pitch_range".
        kind: a type instead of what follows from the field's parser, for completion.
        callback: as click's.
    """

    declarations: str
    metavar: str | None
    help: str
    kind: ParamType | None = None
    callback: Callable[[click.Context, click.Parameter, object], object] | None = None

    @property
    def name(self) -> str:
        """Of the field."""
        return str(click.Option(self.declarations.split()).name)

    def decorate(self, options: type[Options], command: Command) -> Command:
        """Add the option to ``command``, with the field's type and default."""
        found = next(each for each in fields(options) if each.name == self.name)
        parser = parser_of(found)
        several, is_flag = isinstance(parser, values.Several) or parser is values.models, parser is values.flag and self.kind is None
        default = None if several or self.callback else found.default
        return click.option(
            *self.declarations.split(), type=self.kind or type_of(parser), default=default, multiple=several, is_flag=is_flag or None,
            show_default=default is not None and default is not False and not isinstance(default, tuple), metavar=self.metavar,
            help=f"{self.help}{_shown(default)}", callback=self.callback,
        )(command)  # fmt: skip


def options_of(kind: type[Options], name: str, *flags: Flag) -> Callable[[Command], Command]:
    """A decorator: the options come to the command as one ``kind``, its argument ``name``."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def gathering(*args: object, **given: object) -> object:
            chosen = {flag.name: given.pop(flag.name) for flag in flags}
            try:
                made = kind.of(**chosen)
            except OrchestrionError as error:
                raise click.UsageError(str(error)) from error
            return command(*args, **given, **{name: made})

        decorated: Command = gathering
        for flag in reversed(flags):
            decorated = flag.decorate(kind, decorated)
        return decorated

    return decorate


def type_of(parser: Parser) -> ParamType:
    """The type of an option whose text ``parser`` reads: click's own where there is one, whose help shows the range."""
    match parser:
        case values.Several(one):
            return type_of(one)
        case values.Number(low, high, above):
            return NumberRange(_bound(low), _bound(high), min_open=above)
        case values.Whole(low, high):
            return Seed() if parser == SEED else click.IntRange(low, None if high == values.Whole.high else high)  # which is for the computer, not for the help
        case values.Choice(names):
            return click.Choice(names)
    if parser is values.models:
        return click.STRING  # of several, which are parsed together
    return click.BOOL if parser is values.flag else Parsed(parser)


def _shown(default: object) -> str:
    """What the help says of a default that click would put into parentheses: a meter's."""
    return f"  [default: {'/'.join(map(str, default))}]" if isinstance(default, tuple) and default else ""


def _bound(value: float) -> float | None:
    return None if math.isinf(value) else value
