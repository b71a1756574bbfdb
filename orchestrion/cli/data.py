"""``orchestrion data``: what there is to train on, and making more of it."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrion.cli.options import PATH, json_option, seed_option
from orchestrion.errors import OrchestrionError


@click.group()
def data() -> None:
    """List data sets, make training audio from a SoundFont, check a folder of recordings.

    \b
    Examples:
      orchestrion data list
      orchestrion data soundfont violin -o violin-set --minutes 45
      orchestrion data check violin-set
    """


@data.command("list")
@json_option
def list_data(as_json: bool) -> None:
    """List the data sets: what they are, licence, where they come from.

    \b
    Example:
      orchestrion data list
    """
    raise OrchestrionError("not wired")


@data.command()
@click.argument("instrument")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to write in; made if need be.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=45.0, show_default=True, metavar="M",
              help="Minutes of audio.")
@seed_option  # fmt: skip
def soundfont(instrument: str, output: Path, minutes: float, seed: int) -> None:
    """Make training audio of a General MIDI INSTRUMENT with FluidSynth, from scores and exercises.

    \b
    Example:
      orchestrion data soundfont violin -o violin-set --minutes 45
    """
    raise OrchestrionError("not wired")


@data.command()
@click.argument("folder", type=PATH)
@json_option
def check(folder: Path, as_json: bool) -> None:
    """Check a FOLDER of recordings with notes: every file readable, times within the audio, minutes a split.

    A recording is NAME.flac (.wav, .ogg) beside NAME.tsv with the columns onset_s offset_s pitch velocity, separated
    by tabs; splits.json may say {"train": [names], "validation": [names]}.

    \b
    Example:
      orchestrion data check violin-set
    """
    raise OrchestrionError("not wired")
