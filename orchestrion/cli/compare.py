"""``orchestrion compare`` and ``compare-all``: does the audio follow the score? Which generator does what?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import (
    INSTRUMENT,
    PATH,
    SCORE,
    instrument_option,
    json_option,
    seed_option,
    temperature_option,
)
from orchestrion.cli.output import (
    check_format,
    output_folder,
    printable,
    say_what_is_replaced,
    write_settings,
    writing_options,
)
from orchestrion.cli.sources import arranging_options
from orchestrion.cli.streams import echo
from orchestrion.generators.table import BACKENDS
from orchestrion.options import Arranging, AudioFormat, ComparingAll
from orchestrion.shipped import DEFAULT_INSTRUMENT

output_option = click.option(
    "-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to write in; made if need be."
)


@click.command(short_help="Does the audio follow the score? A report.")
@click.argument("score", type=SCORE)
@instrument_option(default=DEFAULT_INSTRUMENT)
@click.option(
    "--unconditioned",
    type=INSTRUMENT,
    metavar="NAME|PATH",
    help="The instrument trained without notes.  [default: the instrument's where one ships, else wavenet-unconditioned]",
)
@output_option
@arranging_options
@seed_option
@temperature_option
@writing_options
@json_option
@click.pass_context  # fmt: skip
def compare(ctx: click.Context, score: str, instrument: str, unconditioned: str | None, output: Path, arranging: Arranging,
            seed: int, temperature: float | None, wanted: AudioFormat, as_json: bool) -> None:  # fmt: skip
    """Play SCORE with and without its notes, beside a reference, and measure which one follows them.

    Writes the audio (conditioned, unconditioned, reference; of an instrument with a source, that source and the
    network without it), the measures in report.json, the spectrograms in report.png, and report.html, a page with
    players that needs no other file.

    \b
    Examples:
      orchestrion compare ode-to-joy --instrument violin -o compare
      orchestrion compare song.mid --end 20 --json -o compare | jq .measures
    """
    from orchestrion.api.comparing import compare as run
    from orchestrion.arranging import arranged

    check_format(output / "conditioned.wav", wanted)
    told = arranged(score, arranging)
    with output_folder(output):
        say_what_is_replaced([output / "report.html"])
        result = run(told, instrument, output, unconditioned=unconditioned, seed=seed, temperature=temperature,
                                  length_s=arranging.length_s, wanted=wanted)  # fmt: skip
        write_settings(output / "settings", ctx, {"score": printable(score)})
    if as_json:
        echo(json.dumps(result.to_json(), indent=2))
        return
    echo(f"{'':<14} {'notes right (F1)':>17} {'within 100 ms':>14} {'pitch':>6}")
    for take, measures in result.measures.items():
        pitch = measures.get("pitch_accuracy", measures.get("multipitch_accuracy"))
        shown = "" if pitch is None else f"{pitch:.2f}"
        echo(f"{take:<14} {measures['note_f1_50ms']:>17.2f} {measures['note_f1_100ms']:>14.2f} {shown:>6}")
    echo(f"{printable(output / 'report.html')}  open it in a browser")


@click.command(short_help="Every generator, side by side. A report.")
@click.argument("score", type=SCORE)
@output_option
@options_of(
    ComparingAll,
    "comparing",
    Flag("-i --instrument", "NAME|PATH", "What plays SCORE.", kind=INSTRUMENT),
    Flag("--data", "SET", "A set of songs (orchestrion data prepare) for seeds and reference; built-in tunes without one."),
    Flag("--seconds", "S", "Seconds that each generates from each seed."),
    Flag("--seed-seconds", "S", "Seconds of the seeds."),
    Flag("--clips", "N", "How many seeds."),
    Flag("--models", "BACKEND=RUN", "A run's folder or weights file for a back-end; several times."),
    Flag("--runs", "DIR", "A folder with a run for each back-end, called after it."),
    Flag("--only", "BACKEND", "This one; several times.", kind=click.Choice(list(BACKENDS))),
    Flag("--seed", "N", "Same seed, same bytes."),
)
@arranging_options
@json_option
@click.pass_context
def compare_all(ctx: click.Context, score: str, output: Path, comparing: ComparingAll, arranging: Arranging, as_json: bool) -> None:
    """Let every generator of audio that has a model continue the same seeds, beside what really follows.

    The conditioned WaveNet plays SCORE instead. All are measured for loops, noise, silence, clicks, copying and more.
    DIR/report.html is a page with players; DIR/clips is what `orchestrion listen build` takes.

    \b
    Examples:
      orchestrion compare-all ode-to-joy -o everything
      orchestrion compare-all ode-to-joy --data songs-16k --runs runs -o everything
    """
    from orchestrion.arranging import arranged
    from orchestrion.evaluation.comparison.generators import compare_all as report

    told = arranged(score, arranging)
    with output_folder(output):
        say_what_is_replaced([output / "report.html"])
        result = report(told, output, comparing)
        write_settings(output / "settings", ctx, {"score": printable(score)})
    if as_json:
        echo(json.dumps(result.to_json(), indent=2))
        return
    echo(result.to_text())
    echo(f"{printable(output / 'report.html')}  open it in a browser")
