"""``orchestrion compare``: does the audio follow the score?"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import click
from click.core import ParameterSource

from orchestrion.cli.options import (
    INSTRUMENT,
    PATH,
    SCORE,
    Number,
    instrument_option,
    json_option,
    seed_option,
    temperature_option,
)
from orchestrion.cli.output import output_folder, printable, say_what_is_replaced, write_settings
from orchestrion.cli.sources import arranging_options, read_arranged
from orchestrion.cli.streams import echo
from orchestrion.generators.table import BACKENDS
from orchestrion.shipped import DEFAULT_INSTRUMENT


def parse_models(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """``("tcn=runs/tcn",)`` → ``{"tcn": "runs/tcn"}``."""
    pairs = [text.partition("=") for text in value]
    for backend, _, model in pairs:
        if not backend or not model:
            raise click.BadParameter("write BACKEND=RUN, for example tcn=runs/tcn.")
    return {backend: model for backend, _, model in pairs}


@click.command(short_help="Does the audio follow the score? Which generator does what? A report.")
@click.argument("score", type=SCORE, metavar="[SCORE]", required=False)
@instrument_option(default=(DEFAULT_INSTRUMENT,), show_default=True)
@click.option(
    "--unconditioned",
    type=INSTRUMENT,
    metavar="NAME|PATH",
    help="The instrument trained without notes.  [default: the instrument's where one ships, else wavenet-unconditioned]",
)
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to write in; made if need be.")
@click.option("--all", "everything", is_flag=True, help="Compare every generator that has a model.")
@click.option("--score", "named_score", type=SCORE, metavar="SCORE", help="The same as the argument.")
@click.option(
    "--data",
    metavar="SET",
    help="With --all: a set of songs (orchestrion data prepare) for seeds and reference; built-in tunes without one.",
)
@click.option(
    "--seconds",
    type=Number(1, 600),
    default=10.0,
    show_default=True,
    metavar="S",
    help="With --all: seconds that each generates from each seed.",
)
@click.option(
    "--seed-seconds",
    type=Number(0.1, 60),
    default=10.0,
    show_default=True,
    metavar="S",
    help="With --all: seconds of the seeds.",
)
@click.option(
    "--clips",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    metavar="N",
    help="With --all: how many seeds.",
)
@click.option(
    "--models",
    multiple=True,
    callback=parse_models,
    metavar="BACKEND=RUN",
    help="With --all: a run's folder or weights file for a back-end; several times.",
)
@click.option("--runs", metavar="DIR", help="With --all: a folder with a run for each back-end, called after it.")
@click.option(
    "--only", type=click.Choice(list(BACKENDS)), multiple=True, metavar="BACKEND", help="With --all: this one; several times."
)
@arranging_options
@seed_option
@temperature_option
@json_option
@click.pass_context  # fmt: skip
def compare(
    ctx: click.Context, score: str | None, named_score: str | None, everything: bool, as_json: bool, **_: Any
) -> None:
    """Play SCORE with and without its notes, beside a reference, and measure which one follows them.

    Writes the audio (conditioned, unconditioned, reference), the measures in report.json, the spectrograms in
    report.png, and report.html, a page with players that needs no other file.

    With --all, every generator of audio that has a model continues the same seeds instead, and is measured for loops,
    noise, silence, clicks, copying and more, beside what really follows. DIR/clips is what `orchestrion listen build`
    takes.

    \b
    Examples:
      orchestrion compare ode-to-joy --instrument violin -o compare
      orchestrion compare song.mid --end 20 --json -o compare | jq .measures
      orchestrion compare --all --score ode-to-joy -o everything
      orchestrion compare --all --score ode-to-joy --data songs-16k --runs runs -o everything
    """
    chosen = named_score if score is None else score
    if chosen is None or (score is not None and named_score is not None):
        raise click.UsageError("Give one score: orchestrion compare ode-to-joy …, or --score ode-to-joy.")
    if everything:
        _compare_all(ctx, chosen, as_json)
    else:
        _compare_one(ctx, chosen, as_json)


def _compare_one(ctx: click.Context, score: str, as_json: bool) -> None:
    output, instrument = ctx.params["output"], ctx.params["instrument"]
    given = [
        name for name in ("data", "seconds", "seed_seconds", "clips", "models", "runs", "only") if _is_given(ctx, name)
    ]
    if given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} goes with --all.")
    arranged = read_arranged(score, ctx)
    with output_folder(output):
        say_what_is_replaced([output / "report.html"])
        from orchestrion import api

        playing = {name: ctx.params[name] for name in ("seed", "temperature", "unconditioned")}
        result = api.compare(arranged, instrument, output, **playing)
        write_settings(output / "settings", ctx, {"score": printable(score)})
    if as_json:
        echo(json.dumps(result, indent=2))
        return
    echo(f"{'':<14} {'notes right (F1)':>17} {'within 100 ms':>14} {'pitch':>6}")
    for take, measures in result["measures"].items():
        pitch = measures.get("pitch_accuracy", measures.get("multipitch_accuracy"))
        shown = "" if pitch is None else f"{pitch:.2f}"
        echo(f"{take:<14} {measures['note_f1_50ms']:>17.2f} {measures['note_f1_100ms']:>14.2f} {shown:>6}")
    echo(f"{printable(output / 'report.html')}  open it in a browser")


def _compare_all(ctx: click.Context, score: str, as_json: bool) -> None:
    output = ctx.params["output"]
    for name in ("unconditioned", "temperature"):
        if _is_given(ctx, name):
            raise click.UsageError(f"--{name} does not go with --all.")
    arranged = read_arranged(score, ctx)
    with output_folder(output):
        say_what_is_replaced([output / "report.html"])
        from orchestrion import api
        from orchestrion.evaluation.comparison.generators import GeneratorsOptions

        options = GeneratorsOptions(**{field.name: ctx.params[field.name] for field in fields(GeneratorsOptions)})
        result = api.compare_all(arranged, output, options)
        write_settings(output / "settings", ctx, {"score": printable(score)})
    if as_json:
        echo(json.dumps(result.to_json(), indent=2))
        return
    echo(result.to_text())
    echo(f"{printable(output / 'report.html')}  open it in a browser")


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
