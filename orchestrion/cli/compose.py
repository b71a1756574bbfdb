"""``orchestrion compose``: write a new piece."""

from __future__ import annotations

import re
from pathlib import Path

import click

from orchestrion.cli.options import MODEL, PATH, SCORE, device_option, json_option, seed_option
from orchestrion.cli.output import SCORE_SUFFIXES, check_output_file, numbered, report, write_settings

METER = re.compile(r"(\d{1,3})/(\d{1,2})")
RANGE = re.compile(r"(\d{1,3}|[A-G][#b]?-?\d)[-:](\d{1,3}|[A-G][#b]?-?\d)")


def parse_meter(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """``"3/4"`` → ``(3, 4)``."""
    match = METER.fullmatch(value)
    if not match:
        raise click.BadParameter(f"{value!r} is not a meter; write for example 3/4.")
    return int(match[1]), int(match[2])


def parse_range(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``"C4-C6"`` or ``"60-84"`` → MIDI numbers, both included."""
    if value is None:
        return None
    match = RANGE.fullmatch(value)
    if not match:
        raise click.BadParameter(f"{value!r} is not a range of pitches; write for example C4-C6 or 60-84.")
    low, high = midi_number(match[1]), midi_number(match[2])
    if not 0 <= low <= high <= 127:
        raise click.BadParameter(f"{value!r} must go upwards within MIDI's 0 to 127.")
    return low, high


def midi_number(name: str) -> int:
    """``"C4"`` → 60, ``"60"`` → 60."""
    if name.isdigit():
        return int(name)
    match = re.fullmatch(r"([A-G])([#b]?)(-?\d)", name)
    if not match:
        raise click.BadParameter(f"{name!r} is not a pitch; write for example C4 or 60.")
    step = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[match[1]]
    return 12 * (int(match[3]) + 1) + step + {"": 0, "#": 1, "b": -1}[match[2]]


def composing_options(command):
    """The options that ``compose`` and ``perform`` share."""
    for option in reversed(_COMPOSING):
        command = option(command)
    return command


_COMPOSING = (
    click.option("--model", type=MODEL, default="melodies", show_default=True, help="Shipped composer or a file."),
    click.option("--bars", type=click.IntRange(1, 10_000), help="Length in bars.  [default: 8]"),
    click.option("--seconds", type=click.FloatRange(0.5, 21_600), help="Length in seconds, instead of --bars."),
    click.option("--tempo", type=click.FloatRange(10, 500), default=120.0, show_default=True, help="Quarter notes a minute."),
    click.option("--meter", default="4/4", show_default=True, callback=parse_meter, help="Such as 3/4."),
    click.option("--key", help='Keep to a scale: "G major", "A minor".'),
    click.option("--range", "pitch_range", callback=parse_range, metavar="LOW-HIGH", help="Such as C4-C6 or 60-84."),
    click.option("--polyphony", type=click.IntRange(1, 88), help="At most so many notes at once."),
    click.option("--prime", type=SCORE, metavar="SCORE", help="A score to continue (file or built-in tune)."),
    click.option(
        "--temperature",
        "--conservativity",
        "temperature",
        type=click.FloatRange(0.0, 4.0, min_open=True),
        default=1.0,
        show_default=True,
        help="Below 1 is more conservative, above 1 more adventurous.",
    ),
)


@click.command()
@click.option("-o", "--output", type=PATH, required=True, help="OUT.mid or OUT.musicxml; settings go to OUT.json.")
@composing_options
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, help="Pieces; OUT-1.mid, OUT-2.mid, …")
@seed_option
@device_option
@json_option
@click.pass_context
def compose(ctx: click.Context, output: Path, count: int, as_json: bool, **options: object) -> None:
    """Compose a new piece and write it as MIDI or MusicXML.

    \b
    Examples:
      orchestrion compose -o tune.mid
      orchestrion compose --bars 16 --meter 3/4 --key "G major" --seed 7 -o waltz.mid
      orchestrion compose --model chorales --prime ode-to-joy --seconds 30 -o more.musicxml
    """
    targets = numbered(output, count)
    for target in targets:
        check_output_file(target, SCORE_SUFFIXES)

    from orchestrion import api

    pieces = api.compose(count=count, **options)
    for target, piece in zip(targets, pieces if isinstance(pieces, list) else [pieces], strict=True):
        piece.write(target)
        facts = {"notes": len(piece.notes), "duration_s": round(piece.duration_s, 6)}
        report(target, write_settings(target, ctx, facts), f"{len(piece.notes)} notes, {piece.duration_s:.1f} s", as_json)
