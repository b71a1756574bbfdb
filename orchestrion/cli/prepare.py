"""``orchestrion data prepare``: recordings become a set that training maps into memory."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrion.cli.options import PATH, json_option, seed_option


@click.command()
@click.argument("source", type=PATH, metavar="DIR")
@click.option("-o", "--output", type=PATH, required=True, metavar="SET", help="Folder to make; must not exist yet.")
@click.option("--rate", type=click.IntRange(1000, 768000), default=16000, show_default=True, metavar="HZ",
              help="Samples a second.")
@click.option("--validation-share", type=click.FloatRange(0, 1, max_open=True), default=0.2, show_default=True, metavar="X",
              help="Part of the songs that is held out.")
@click.option("--validation", multiple=True, metavar="SONG", help="Hold out this song instead; repeatable.")
@click.option("--stem", type=click.Choice(["drums", "bass", "vocals", "other"]), help="Only this stem, separated by Demucs.")
@click.option("--licence", default="unknown", show_default=True, metavar="TEXT", help="Of the recordings; kept in the set.")
@seed_option
@json_option  # fmt: skip
def prepare(source: Path, output: Path, rate: int, validation_share: float, validation: tuple[str, ...],
            stem: str | None, licence: str, seed: int, as_json: bool) -> None:  # fmt: skip
    """Make a training set of the folder DIR of songs: WAV, FLAC, OGG or MP3, at any rate, in any subfolders.

    Songs are mixed to mono, resampled and kept as 16-bit samples that training maps into memory. Whole songs are held
    out, before anything is cut. Stopped half-way, the same command goes on where it was.

    \b
    Examples:
      orchestrion data prepare songs/ --rate 16000 -o songs-16k
      orchestrion data prepare songs/ --rate 44100 --stem drums -o drums-44k
    """
    from orchestrion.datasets.songs import prepare_songs

    made = prepare_songs(source, output, sample_rate=rate, validation_share=validation_share, seed=seed,
                         validation=validation, stem=stem, licence=licence)  # fmt: skip
    figures = made.summary()
    if as_json:
        click.echo(json.dumps(figures, indent=2, ensure_ascii=False))
        return
    for name, value in figures.items():
        shown = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else value
        click.echo(f"{name.replace('_', ' '):<14} {shown}")
