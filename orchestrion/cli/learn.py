"""``orchestrion learn``: an instrument out of single notes or recordings."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrion.cli.options import json_option
from orchestrion.cli.output import printable
from orchestrion.cli.streams import echo


@click.command(short_help="Make an instrument out of single notes or recordings, without training.")
@click.argument("data", metavar="DATA")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT.safetensors",
              help="The instrument's file.  [default: the name of DATA]")
@click.option("--stretched/--not-stretched", default=None,
              help="Of recordings: overtones a little sharp, as a piano's are.  [default: as the set's program says, else as its notes sound]")
@json_option  # fmt: skip
def learn(data: str, output: Path | None, stretched: bool | None, as_json: bool) -> None:
    """Make a playable instrument out of single notes or of recordings with notes, without training.

    DATA is a folder of notes with index.tsv (columns file, pitch, velocity_low, velocity_high, separated by tabs), an SFZ
    instrument, a SoundFont file (its General MIDI program after a colon; 0 if not said), an instrument of the system's SoundFont
    (soundfont:violin), or a folder of recordings with their notes, NAME.wav with NAME.mid or NAME.tsv (`orchestrion data label`
    makes them). The partials of every note are measured, in about a minute for single notes, in some minutes for an
    hour of music; a network that ships plays them. OUT.png shows what was found: tuning, levels, and what is not harmonic. To add what tables lack, train on: orchestrion train renderer --data DIR
    --from OUT.safetensors.

    \b
    Examples:
      orchestrion learn my-notes/ -o mine.safetensors
      orchestrion learn Salamander.sfz -o salamander.safetensors
      orchestrion learn choir.sf2:52 -o choir.safetensors
      orchestrion learn soundfont:harp -o harp.safetensors
      orchestrion learn my-recordings/ -o mine.safetensors
      orchestrion render ode-to-joy -i mine.safetensors -o ode.wav
    """
    from orchestrion.api.instruments import learn as make

    found = make(data, output, stretched=stretched)
    target = printable(str(found["output"]))
    if as_json:
        echo(json.dumps(found | {"output": target}))
    else:
        echo(
            f"{target}  {found['notes']} notes, {found['pitches_heard']} pitches and {found['pitches_filled']} filled; "
            f"partials explain {found['source_explains_db']} dB of them"
        )
