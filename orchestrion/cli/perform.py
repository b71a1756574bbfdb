"""``orchestrion perform``: compose a piece and play it."""

from __future__ import annotations

import time
from pathlib import Path

import click

from orchestrion.cli.composing import composing_options, heard, model_option
from orchestrion.cli.options import PATH, device_option, instrument_option, json_option
from orchestrion.cli.output import check_outputs, output_folder, report, write_settings
from orchestrion.cli.streams import echo
from orchestrion.options import Composing, Playing
from orchestrion.shipped import DEFAULT_INSTRUMENT
from orchestrion.terminal import plural


@click.command(short_help="Compose a new piece and play it.")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to write in; made if need be.")
@instrument_option(default=DEFAULT_INSTRUMENT)
@click.option("--name", default="melody", show_default=True, help="Files are called DIR/NAME.mid, .wav, .png and .json.")
@model_option
@composing_options
@device_option
@json_option
@click.pass_context  # fmt: skip
def perform(
    ctx: click.Context, output: Path, instrument: str, name: str, model: str, composing: Composing, device: str, as_json: bool
) -> None:
    """Compose a new piece and play it: the notes, the audio, a picture of both, and every setting.

    \b
    Examples:
      orchestrion perform -o demo
      orchestrion perform --key "D major" --bars 4 --seed 3 -o dance
    """
    started = time.monotonic()
    with output_folder(output):
        midi, audio, picture = (output / f"{name}{suffix}" for suffix in (".mid", ".wav", ".png"))
        read = (instrument, ctx.params["prime"], model)
        check_outputs([midi, audio, picture], (".mid", ".wav", ".png"), read)

        from orchestrion.composer.compose import compose
        from orchestrion.playing import play

        (score,) = compose(model, heard(composing))
        played = play(score, [instrument], Playing(seed=composing.seed, device=device))
        played.score.write(midi)
        played.audio.write(audio)
        played.draw(picture)
        settings_file = write_settings(output / name, ctx, played.facts)
    if not as_json:
        for written, what in ((midi, "the notes"), (audio, "the audio"), (picture, "score and spectrum"),
                              (settings_file, "settings")):  # fmt: skip
            echo(f"{written}  {what}")
    summary = f"{plural(len(played.score.notes), 'note')}, {played.audio.duration_s:.1f} s of audio"
    if as_json:
        report(audio, settings_file, summary, as_json)
    else:
        echo(f"{summary}, made in {time.monotonic() - started:.0f} s.")
