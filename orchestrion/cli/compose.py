"""``orchestrion compose``: write a new piece."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from orchestrion.cli.composing import composing_options_with_given, heard, model_option
from orchestrion.cli.options import PATH, json_option
from orchestrion.cli.output import check_names, numbered, refuse_inputs, report, say_what_is_replaced, write_settings
from orchestrion.options import Composing
from orchestrion.suffixes import SCORES_WRITTEN
from orchestrion.terminal import plural


@click.command(short_help="Compose a new piece.")
@click.option("-o", "--output", type=PATH, required=True, metavar="OUT", help="OUT.mid or OUT.musicxml.")
@model_option
@composing_options_with_given
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Pieces: OUT-1.mid, OUT-2.mid, …")
@json_option
@click.pass_context  # fmt: skip
def compose(ctx: click.Context, output: Path, model: str, composing: Composing, count: int, as_json: bool) -> None:
    """Compose a new piece and write it as MIDI or MusicXML, with every setting in OUT.mid.json.

    \b
    Examples:
      orchestrion compose -o tune.mid
      orchestrion compose --bars 16 --meter 3/4 --key "G major" --seed 7 -o waltz.mid
      orchestrion compose --prime hum.wav --bars 8 -o more.mid
      orchestrion compose --form "A A' B A" --key "D major" -o song.mid
      orchestrion compose --keep ode-to-joy --fill 5-8 --count 5 -o other.mid
      orchestrion compose --model chorales --melody ode-to-joy -o chorale.musicxml
    """
    targets = numbered(output, count)
    check_names(targets, SCORES_WRITTEN)
    refuse_inputs(targets, (*(ctx.params[name] for name in ("prime", "keep", "melody", "bass")), model))

    from orchestrion.composer.compose import compose as write

    pieces = write(model, replace(heard(composing), count=count), checked=partial(say_what_is_replaced, targets))
    for target, piece in zip(targets, pieces, strict=True):
        piece.write(target)
        facts = {"notes": len(piece.notes), "duration_s": round(piece.duration_s, 6)}
        summary = f"{plural(len(piece.notes), 'note')}, {piece.duration_s:.1f} s"
        report(target, write_settings(target, ctx, facts), summary, as_json)
