"""``orchestrion compare``: does the audio follow the score?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orchestrion.cli.options import INSTRUMENT, PATH, SCORE, json_option, seed_option, temperature_option
from orchestrion.cli.output import output_folder, printable, write_settings
from orchestrion.cli.sources import arranging_options, read_arranged
from orchestrion.shipped import DEFAULT_INSTRUMENT


@click.command(short_help="Does the audio follow the score? A report.")
@click.argument("score", type=SCORE, metavar="SCORE")
@click.option("-i", "--instrument", type=INSTRUMENT, default=DEFAULT_INSTRUMENT, show_default=True, metavar="NAME|PATH",
              help="Shipped instrument or weights file.")
@click.option("--unconditioned", type=INSTRUMENT, metavar="NAME|PATH",
              help="The instrument trained without notes.  [default: the shipped one; else another tune is played]")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to write in; made if need be.")
@arranging_options
@seed_option
@temperature_option
@json_option
@click.pass_context  # fmt: skip
def compare(ctx: click.Context, score: str, instrument: str, output: Path, as_json: bool, **_: Any) -> None:
    """Play SCORE with and without its notes, beside a reference, and measure which one follows them.

    Writes the audio (conditioned, unconditioned, reference), the measures in report.json, the spectrograms in
    report.png, and report.html, a page with players that needs no other file.

    \b
    Examples:
      orchestrion compare ode-to-joy --instrument violin -o compare
      orchestrion compare song.mid --end 20 --json -o compare | jq .measures
    """
    arranged = read_arranged(score, ctx)
    with output_folder(output):
        from orchestrion import api

        playing = {name: ctx.params[name] for name in ("seed", "temperature", "unconditioned")}
        result = api.compare(arranged, instrument, output, **playing)
        write_settings(output / "settings", ctx, {"score": printable(score)})
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    click.echo(f"{'':<14} {'notes right (F1)':>17} {'within 100 ms':>14} {'pitch':>6}")
    for take, measures in result["measures"].items():
        pitch = measures.get("pitch_accuracy", measures.get("multipitch_accuracy"))
        shown = "" if pitch is None else f"{pitch:.2f}"
        click.echo(f"{take:<14} {measures['note_f1_50ms']:>17.2f} {measures['note_f1_100ms']:>14.2f} {shown:>6}")
    click.echo(f"{printable(output / 'report.html')}  open it in a browser")
