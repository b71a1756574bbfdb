"""``orchestrion render``: play scores as audio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrion.cli.options import (
    MODEL,
    PATH,
    SCORE,
    device_option,
    json_option,
    seed_option,
    temperature_option,
)
from orchestrion.cli.output import AUDIO_SUFFIXES, check_output_file, numbered, output_folder, report, write_settings
from orchestrion.errors import OrchestrionError

if TYPE_CHECKING:
    from orchestrion.bridge import Score


def arranging_options(command):
    """Options that change a score before it is played."""
    for option in reversed(_ARRANGING):
        command = option(command)
    return command


_ARRANGING = (
    click.option("--transpose", type=click.IntRange(-127, 127), default=0, help="Semitones up (down if negative)."),
    click.option("--tempo", type=click.FloatRange(10, 500), help="Set the opening tempo (quarter notes a minute)."),
    click.option("--speed", type=click.FloatRange(0.1, 10), help="Play so many times as fast, instead of --tempo."),
    click.option("--start", type=click.FloatRange(0), default=0.0, help="Begin at this second of the score (as played)."),
    click.option("--end", type=click.FloatRange(0, min_open=True), help="Stop at this second of the score (as played)."),
    click.option("--part", help="Play one part, by its name or its number from 0."),
)


@click.command()
@click.argument("scores", type=SCORE, nargs=-1, required=True, metavar="SCORE...")
@click.option(
    "-i", "--instrument", "instruments", type=MODEL, multiple=True, default=("piano",), show_default=True,
    help="Shipped instrument or a weights file; once for all, or once for each part: an ensemble.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, allow_dash=True), required=True,
              help="OUT.wav, .flac or .ogg; a folder for several scores; - for a WAV on standard output.")
@arranging_options
@click.option("--gain", "gains", type=click.FloatRange(-120, 24), multiple=True, help="dB, once for each part of an ensemble.")
@click.option("--pan", "pans", type=click.FloatRange(-1, 1), multiple=True,
              help="-1 left to 1 right, once for each part of an ensemble; makes the output stereo.")
@click.option("--parallel/--exact", "parallel", default=None,
              help="Render segments at once, joined where it is quiet, or all in one run.  [default: parallel if long]")
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, help="Takes; OUT-1.wav, OUT-2.wav, …")
@seed_option
@temperature_option
@device_option
@json_option
@click.pass_context
def render(ctx: click.Context, scores: tuple[str, ...], instruments: tuple[str, ...], output: Path, **options) -> None:
    """Play a score on an instrument, as audio.

    SCORE is a file (.mid .midi .musicxml .xml .mxl .abc .krn), a folder of such files, or a built-in tune: ode-to-joy,
    happy-birthday, twinkle-twinkle, frere-jacques, greensleeves, minuet-in-g.

    \b
    Examples:
      orchestrion render ode-to-joy --instrument violin -o ode.wav
      orchestrion render song.mid --part Melody --transpose -12 --speed 0.8 -o song.flac
      orchestrion render duo.mid -i violin --pan -0.3 -i piano --pan 0.3 --gain 0 --gain -3 -o duo.wav
      orchestrion render scores/ --instrument piano -o audio/
      orchestrion render greensleeves -o - | aplay
    """
    raise OrchestrionError("not built yet")
