"""The options that ``compose`` and ``perform`` share, and how musical values are written on a command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from orchestrion.cli.options import COMPOSER, SCORE, Number, strict_option
from orchestrion.errors import OrchestrionError
from orchestrion.shipped import DEFAULT_COMPOSER


def parse_meter(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``"3/4"`` → ``(3, 4)``."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})", value)
    if not match:
        raise click.BadParameter(f"{value!r} is not a meter; write for example 3/4.")
    return int(match[1]), int(match[2])


def parse_range(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``"C4-C6"`` or ``"60-84"`` → MIDI numbers, both included."""
    if value is None:
        return None
    low_name, separator, high_name = value.partition("-")
    low, high = midi_number(low_name), midi_number(high_name)
    if not separator or not 0 <= low <= high <= 127:
        raise click.BadParameter(f"{value!r} is not a range of pitches within MIDI's 0 to 127; write for example C4-C6.")
    return low, high


def midi_number(name: str) -> int:
    """``"C4"`` → 60, ``"60"`` → 60.

    Raises:
        click.BadParameter: neither a pitch's name nor a number.
    """
    if name.isascii() and name.isdigit():
        return int(name)
    from orchestrion.score.notes import parse_pitch

    try:
        return parse_pitch(name)
    except OrchestrionError as error:
        raise click.BadParameter(f"{name!r} is not a pitch; write for example C4, F#5, Bb3 or 60.") from error


_OPTIONS = (
    click.option("--model", type=COMPOSER, default=DEFAULT_COMPOSER, show_default=True, metavar="NAME|PATH",
                 help="Shipped composer or weights file."),
    click.option("--bars", type=click.IntRange(1, 10_000), metavar="N", help="Length in bars.  [default: 8]"),
    click.option("--seconds", type=Number(0.5, 21_600), metavar="S", help="Length in seconds, instead of --bars."),
    click.option("--tempo", type=Number(10, 500), metavar="BPM",
                 help="Quarter notes a minute.  [default: the prime's, or the model's own]"),
    click.option("--meter", callback=parse_meter, metavar="N/D",
                 help="Such as 3/4.  [default: the prime's, or the model's own]"),
    click.option("--key", metavar="KEY", help='Keep to a scale: "G major", "A minor".'),
    click.option("--range", "pitch_range", callback=parse_range, metavar="LOW-HIGH", help="Keep to pitches: C4-C6 or 60-84."),
    click.option("--polyphony", type=click.IntRange(1, 88), metavar="N", help="At most so many notes at once."),
    click.option("--prime", type=SCORE, metavar="SCORE", help="Continue this score (file or built-in tune)."),
    click.option("--temperature", type=Number(0.0, 4.0, min_open=True), default=1.0, show_default=True, metavar="X",
                 help="Below 1 surer choices, above 1 more adventurous ones."),
    click.option("--conservativity", type=Number(0.0, 10.0), default=1.0, show_default=True, metavar="X",
                 help="Johnson's control: the chance of a note is raised to this power, so above 1 fewer notes."),
)  # fmt: skip
NAMES = ("model", "bars", "seconds", "tempo", "meter", "key", "pitch_range", "polyphony", "prime", "temperature",
         "conservativity")  # fmt: skip


def composing_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options called ``NAMES``."""
    for option in reversed((*_OPTIONS, strict_option)):
        command = option(command)
    return command


def composing(ctx: click.Context) -> dict[str, Any]:
    """The values of ``NAMES`` as given.

    Raises:
        click.UsageError: both --bars and --seconds.
    """
    if ctx.params["bars"] is not None and ctx.params["seconds"] is not None:
        raise click.UsageError("Give --bars or --seconds, not both.")
    options = {name: ctx.params[name] for name in NAMES}
    if options["prime"] is not None and ctx.params["strict"]:
        from orchestrion.score import Score

        options["prime"] = Score.read(options["prime"], strict=True)
    return options
