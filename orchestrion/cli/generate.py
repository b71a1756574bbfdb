"""``orchestrion generate``: audio from any back-end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from orchestrion import shipped
from orchestrion.cli.options import PATH, SCORE, NameOrPath, Number, json_option, seed_option
from orchestrion.cli.output import check_outputs, printable, report, write_settings
from orchestrion.generators.table import BACKENDS, WAVENET
from orchestrion.suffixes import AUDIO_WRITTEN

NOISE = "noise"


@click.command(short_help="Continue audio, or noise, with any back-end.")
@click.argument("backend", type=click.Choice(list(BACKENDS)))
@click.option("--model", type=NameOrPath(shipped.names), metavar="RUN|NAME",
              help="A run's folder, a weights file or a shipped model.  [default: the shipped one of BACKEND]")
@click.option("--seed-audio", default=NOISE, show_default=True, metavar="FILE|noise", help="What is continued.")
@click.option("--seed-start", type=Number(0, 21_600), default=0.0, show_default=True, metavar="S",
              help="Where in FILE the seed begins, in seconds.")
@click.option("--seed-seconds", type=Number(0, 60, min_open=True), default=10.0, show_default=True, metavar="S",
              help="How much of FILE is the seed.")
@click.option("--with-seed", is_flag=True, help="Put the seed before what continues it.")
@click.option("--seconds", type=Number(0, 3_600, min_open=True), default=10.0, show_default=True, metavar="N",
              help="Length of the continuation.")
@click.option("--score", type=SCORE, metavar="SCORE", help="What wavenet plays; the others cannot be told.")
@seed_option
@click.option("-o", "--output", type=PATH, required=True, metavar="OUT", help="OUT.wav, .flac or .ogg.")
@json_option
@click.pass_context  # fmt: skip
def generate(ctx: click.Context, backend: str, model: str | None, seed_audio: str, seed_start: float, seed_seconds: float,
             with_seed: bool, seconds: float, score: str | None, seed: int, output: Path, as_json: bool) -> None:  # fmt: skip
    """Generate audio with BACKEND: it continues a recording, or noise. OUT.wav.json keeps every setting.

    wavenet plays a score (orchestrion render does that with more care); the others make up what they play.

    \b
    Examples:
      orchestrion generate spectral-lstm --seed-audio prelude.flac --seconds 20 -o more.wav
      orchestrion generate tcn --model runs/tcn --seed-audio noise --seed 3 -o noise.wav
      orchestrion generate wavenet --model piano --score ode-to-joy --seconds 12 -o ode.wav
    """
    check_outputs([output], AUDIO_WRITTEN, (seed_audio, model, score))
    if backend == WAVENET and score is None:
        raise click.UsageError("wavenet plays a score: add --score ode-to-joy, or a file.")
    if backend == WAVENET and model is None:
        model = shipped.DEFAULT_INSTRUMENT
    from orchestrion import api

    sampling: dict[str, Any] = {"seconds": seconds, "seed": seed, "seed_start_s": seed_start, "seed_seconds": seed_seconds}
    audio = api.generate(
        backend, model=model, seed_audio=seed_audio, score=score, with_seed=with_seed, **sampling
    )  # fmt: skip
    audio.write(output)
    facts = {"duration_s": round(audio.duration_s, 6), "sample_rate": audio.sample_rate, "generator": audio.tags["model"],
             "seed_from": NOISE if seed_audio == NOISE else printable(seed_audio)}  # fmt: skip
    report(output, write_settings(output, ctx, facts), f"{audio.duration_s:.1f} s", as_json)
