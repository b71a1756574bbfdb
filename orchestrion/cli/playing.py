"""The options that ``render`` and ``perform`` share."""

from __future__ import annotations

import click

from orchestrion.cli.grouping import Flag
from orchestrion.suffixes import AUDIO_WRITTEN

DEFAULT_KIND = "wav"

PLAYING = (
    Flag("--gain gains_db", "DB", "Louder, or softer if negative; once for each part of an ensemble."),
    Flag("--pan pans", "-1…1", "Left to right, once for each part of an ensemble; the output is then stereo."),
    Flag("--parallel/--exact", None,
         "Cut the score into pieces played at once, or play it in one run.  [default: parallel from eight seconds on]"),
    Flag("--storage", None, "How the weights are kept: int8 plays up to twice as fast and costs 0.003 to 0.008 bits a sample."),
    Flag("--vibrato", "0…4", "Depth of bowed and blown notes' vibrato, times the instrument's own."),
    Flag("--noise", "0…4", "Of bow, breath, hammer and room, times the instrument's own; 0 for none."),
    Flag("--guidance", "0…20", "Only of networks that hear no source, such as cello-paper: how far to move them away from their twin that is not told the notes. With 1, cello-paper is never silent, and its F1 is 0.29, not 0.16."),
    Flag("--only only_source", None,
         "source: the instrument's table of partials alone, without its network, to hear what the network adds.",
         kind=click.Choice(["source"]), callback=lambda ctx, param, value: value is not None),
    Flag("--device", None, "Where to play: auto takes a GPU that passes its check. Same seed, same bytes on one device."),
)  # fmt: skip
format_option = click.option(
    "--format", "kind", type=click.Choice([suffix[1:] for suffix in AUDIO_WRITTEN]), help="Of the audio files in DIR.  [default: wav]",
)  # fmt: skip
