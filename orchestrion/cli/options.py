"""Options that several subcommands share, and the types of arguments that complete in the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from orchestrion import shipped

Command = TypeVar("Command", bound=Callable[..., Any])

TUNES = ("ode-to-joy", "happy-birthday", "twinkle-twinkle", "frere-jacques", "greensleeves", "minuet-in-g")
PATH = click.Path(path_type=Path)


class NameOrPath(click.ParamType):
    """A built-in name or a path; completes both."""

    name = "name or path"

    def __init__(self, names: Callable[[], list[str]]):
        self._names = names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        named = [CompletionItem(name) for name in self._names() if name.startswith(incomplete)]
        return [*named, CompletionItem(incomplete, type="file")]


class Seed(click.IntRange):
    """A whole number from 0 to 2**63 - 1 (what torch, numpy and the counter-based numbers all take)."""

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
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
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to play: auto takes a GPU that passes its check. Same seed, same bytes on one device.",
)
temperature_option = click.option(
    "--temperature",
    type=click.FloatRange(0.0, 4.0, min_open=True),
    metavar="X",
    help="Below 1 is purer and safer, above 1 is noisier.  [default: the instrument's own]",
)
