"""``orchestrion perform``: compose a piece and play it."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from orchestrion.cli.composing import composing_options, heard, model_option
from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import PATH, instrument_option, json_option
from orchestrion.cli.output import (
    check_format,
    check_names,
    output_folder,
    refuse_inputs,
    report,
    say_what_is_replaced,
    write_settings,
    writing_options,
)
from orchestrion.cli.playing import DEFAULT_KIND, PLAYING, format_option
from orchestrion.cli.rendering import tell_players
from orchestrion.cli.streams import echo
from orchestrion.options import AudioFormat, Composing, Playing
from orchestrion.shipped import DEFAULT_INSTRUMENT
from orchestrion.terminal import plural

# A composed piece has one player, or a quartet's four.
ALONE = {
    "gains_db": Flag("--gain gains_db", "DB", "Louder, or softer if negative; once for each player."),
    "pans": Flag("--pan pans", "-1…1", "Left to right, once for each player; the output is then stereo."),
}


@click.command(short_help="Compose a new piece and play it.")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to write in; made if need be.")
@instrument_option(otherwise=f"{DEFAULT_INSTRUMENT}; a quartet's four players")
@click.option("--name", default="melody", show_default=True, help="Files are called DIR/NAME.mid, .wav, .png and .json.")
@model_option
@composing_options
@options_of(Playing, "playing", *(ALONE.get(flag.name, flag) for flag in PLAYING))
@writing_options
@format_option
@json_option
@click.pass_context  # fmt: skip
def perform(
    ctx: click.Context, output: Path, instrument: str | None, name: str, model: str, composing: Composing, playing: Playing, wanted: AudioFormat,
    kind: str | None, as_json: bool,
) -> None:
    """Compose a new piece and play it: the notes, the audio, a picture of both, and every setting.

    \b
    Examples:
      orchestrion perform -o demo
      orchestrion perform --key "D major" --bars 4 --seed 3 -o dance
      orchestrion perform --model chorales -o chorale
      orchestrion perform --model quartets --meter 3/4 --bars 16 -o minuet
      orchestrion perform --pan -0.3 --rate 44100 --format mp3 -o demo
    """
    started = time.monotonic()
    ending = f".{kind or DEFAULT_KIND}"
    check_format(Path(f"{name}{ending}"), wanted)
    with output_folder(output):
        midi, audio, picture = (output / f"{name}{suffix}" for suffix in (".mid", ending, ".png"))
        read = (instrument, ctx.params["prime"], model)
        check_names([midi, audio, picture], (".mid", ending, ".png"))
        refuse_inputs([midi, audio, picture], read)

        from orchestrion.casting import performers
        from orchestrion.composer import voices
        from orchestrion.composer.compose import Composer, compose
        from orchestrion.ensemble import gains_of, without_silent
        from orchestrion.playing import play
        from orchestrion.progress import waiting
        from orchestrion.renderer.instrument import Instrument

        # What is wrong is told before a piece is written.
        composer = Composer.load(model)
        has_players = composer.ensemble.has_players
        asked = None if instrument is None else Instrument.load(instrument)
        gains_of(voices.N_PARTS if has_players and asked is None else 1, playing.gains_db, playing.pans)
        (score,) = compose(composer, heard(composing), checked=partial(say_what_is_replaced, [midi, audio, picture]))
        players = performers(score, asked, has_players=has_players, mixed=bool(playing.gains_db or playing.pans))
        if has_players and asked is None:
            playing = without_silent(score, playing)
        tell_players(score, players, chosen=False)
        played = play(score, players, replace(playing, seed=composing.seed))
        played.score.write(midi)
        played.audio.write(audio, wanted)
        with waiting("Drawing"):
            played.draw(picture)
        settings_file = write_settings(output / name, ctx, played.facts | played.file_facts(audio, wanted))
    if not as_json:
        for written, what in ((midi, "the notes"), (audio, "the audio"), (picture, "score and spectrum"),
                              (settings_file, "settings")):  # fmt: skip
            echo(f"{written}  {what}")
    summary = f"{plural(len(played.score.notes), 'note')}, {played.audio.duration_s:.1f} s of audio"
    if as_json:
        report(audio, settings_file, summary, as_json)
    else:
        echo(f"{summary}, made in {time.monotonic() - started:.0f} s.")
