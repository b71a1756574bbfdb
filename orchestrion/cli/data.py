"""``orchestrion data``: what there is to train on, and making more of it."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrion.cli.catalogue import COMMANDS
from orchestrion.cli.figures import show_figures
from orchestrion.cli.label import label
from orchestrion.cli.options import PATH, NumberRange, json_option, seed_option
from orchestrion.cli.prepare import prepare


@click.group(short_help="Training data: list, make, check.")
def data() -> None:
    """List and fetch data sets, prepare and validate them, make training audio from a SoundFont.

    \b
    Examples:
      orchestrion data list
      orchestrion data prepare songs/ -o songs-16k
      orchestrion data soundfont violin -o violin-set --minutes 45
      orchestrion data check violin-set
    """


for _command in (*COMMANDS, prepare):
    data.add_command(_command)
data.add_command(label)


@data.command(short_help="Make training audio of a General MIDI instrument.")
@click.argument("instrument")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to make; must not exist yet.")
@click.option("--minutes", type=NumberRange(0, min_open=True), metavar="M",
              help="Minutes of audio.  [default: what suits the instrument]")
@click.option("--soundfont", "soundfont_path", type=PATH, metavar="FILE.sf2",
              help="The SoundFont.  [default: FluidR3_GM where Debian puts it]")
@seed_option  # fmt: skip
def soundfont(instrument: str, output: Path, minutes: float | None, soundfont_path: Path | None, seed: int) -> None:
    """Make training audio of a General MIDI INSTRUMENT with FluidSynth, from scores and exercises.

    Needs the programs of Debian's packages fluidsynth and fluid-soundfont-gm. `orchestrion data list` names the
    instruments. Stopped half-way, the same command goes on where it was.

    \b
    Example:
      orchestrion data soundfont violin -o violin-set --minutes 45
    """
    from orchestrion.api import data as sets

    show_figures(sets.soundfont(instrument, output, minutes=minutes, seed=seed, path=soundfont_path), as_json=False)


@data.command(short_help="Check a folder of recordings with notes.")
@click.argument("folder", type=PATH)
@json_option
def check(folder: Path, as_json: bool) -> None:
    """Check a FOLDER of recordings with notes: every file readable, times within the audio, minutes a split.

    A recording is NAME.flac (.wav, .ogg) beside NAME.mid, or NAME.tsv with the columns onset_s offset_s pitch velocity,
    separated by tabs; splits.json may say {"train": [names], "validation": [names]}.

    \b
    Example:
      orchestrion data check violin-set
    """
    from orchestrion.api import data as sets

    show_figures(sets.check(folder), as_json)
