"""Options that several subcommands share, and the types of arguments that complete in the shell."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from click.shell_completion import CompletionItem

from orchestrion import shipped
from orchestrion.processors import usable_processors

Command = TypeVar("Command", bound=Callable[..., object])
if TYPE_CHECKING:
    ParamType = click.ParamType[object]
else:
    ParamType = click.ParamType  # which older versions of click do not let be parametrised

TUNES = ("ode-to-joy", "happy-birthday", "twinkle-twinkle", "frere-jacques", "greensleeves", "minuet-in-g")
PATH = click.Path(path_type=Path)


class NameOrPath(ParamType):
    """A built-in name or a path; completes both."""

    name = "name or path"

    def __init__(self, names: Callable[[], list[str]]):
        self._names = names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        named = [CompletionItem(name) for name in self._names() if name.startswith(incomplete)]
        return [*named, CompletionItem(incomplete, type="file")]


class NumberRange(click.FloatRange):
    """A finite number in a range: every option that takes a decimal has this type (NaN passes any comparison)."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class Threads(click.IntRange):
    """A number of processor threads; more than there are processors would only slow each other down, which is said."""

    def __init__(self) -> None:
        super().__init__(min=1)

    def convert(self, value: int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number, most = super().convert(value, param, ctx), usable_processors()
        if number > most:
            warnings.warn(f"--threads {number} is more than the processors there are; {most} it is.", stacklevel=2)
        return min(number, most)


class Seed(click.IntRange):
    """A whole number from 0 to 2**63 - 1 (what torch, numpy and the counter-based numbers all take)."""

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = super().convert(value, param, ctx)
        if number >= 2**63:
            self.fail(f"{number} is too large; seeds go up to 2**63 - 1.", param, ctx)
        return number


SCORE = NameOrPath(lambda: list(TUNES))
INSTRUMENT = NameOrPath(shipped.instruments)
COMPOSER = NameOrPath(shipped.composers)
MODEL = NameOrPath(shipped.names)

seed_option = click.option(
    "--seed", type=Seed(), default=0, show_default=True, metavar="N", help="Same seed, same bytes."
)


def _only_one(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> str | None:
    if len(value) > 1:
        raise click.BadParameter(
            f"{ctx.command.name} takes one instrument, and {len(value)} were given; for an ensemble: orchestrion render."
        )
    return value[0] if value else None


def instrument_option(default: str | None = None, otherwise: str | None = None) -> Callable[[Command], Command]:
    """``-i``, once: a second one is refused, as elsewhere it means a second player (click would silently drop the first).

    Without ``default`` it must be given, unless ``otherwise`` says who plays then.
    """
    return click.option(
        "-i",
        "--instrument",
        type=INSTRUMENT,
        multiple=True,
        callback=_only_one,
        metavar="NAME|PATH",
        help="Shipped instrument or weights file." + (f"  [default: {otherwise}]" if otherwise else ""),
        required=default is None and otherwise is None,
        default=None if default is None else (default,),
        show_default=True,
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
temperature_option = click.option(
    "--temperature",
    type=NumberRange(0.0, 4.0, min_open=True),
    metavar="X",
    help="Below 1 is purer and safer, above 1 is noisier.  [default: the instrument's own]",
)
