"""``orchestrion generate``: audio from any back-end."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrion import shipped
from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import PATH, SCORE, NameOrPath, json_option
from orchestrion.cli.output import check_format, check_outputs, printable, report, write_settings, writing_options
from orchestrion.generators.table import BACKENDS, WAVENET
from orchestrion.options import NOISE, AudioFormat, Generating
from orchestrion.suffixes import AUDIO_WRITTEN

generating_options = options_of(
    Generating,
    "generating",
    Flag("--seed-audio", "FILE|noise", "What is continued."),
    Flag("--seed-start seed_start_s", "S", "Where in FILE the seed begins, in seconds."),
    Flag("--seed-seconds", "S", "How much of FILE is the seed."),
    Flag("--with-seed", None, "Put the seed before what continues it."),
    Flag("--seconds", "N", "Length of the continuation."),
    Flag("--score", "SCORE", "What wavenet plays; the others cannot be told.", kind=SCORE),
    Flag("--temperature", "X", "0 plays what is predicted, as the papers do; 1 draws about it as far as predictions are off.  "
         "[default: the model's own]"),
    Flag("--seed", "N", "Same seed, same bytes."),
)


@click.command(short_help="Continue audio, or noise, with any back-end.")
@click.argument("backend", type=click.Choice(list(BACKENDS)))
@click.option("--model", type=NameOrPath(shipped.names), metavar="RUN|NAME",
              help="A run's folder, a weights file or a shipped model.  [default: the shipped one of BACKEND]")
@generating_options
@click.option("-o", "--output", type=PATH, required=True, metavar="OUT", help="OUT.wav, .flac, .ogg, .opus or .mp3.")
@writing_options
@json_option
@click.pass_context  # fmt: skip
def generate(ctx: click.Context, backend: str, model: str | None, generating: Generating, output: Path, wanted: AudioFormat, as_json: bool) -> None:
    """Generate audio with BACKEND: it continues a recording, or noise. OUT.wav.json keeps every setting.

    wavenet plays a score (orchestrion render does that with more care); the others make up what they play.

    \b
    Examples:
      orchestrion generate spectral-lstm --seed-audio prelude.flac --seconds 20 -o more.wav
      orchestrion generate tcn --model runs/tcn --seed-audio noise --seed 3 -o noise.wav
      orchestrion generate wavenet --model piano --score ode-to-joy --seconds 12 -o ode.wav
    """
    seed_audio = ctx.params["seed_audio"]
    check_format(output, wanted)
    check_outputs([output], AUDIO_WRITTEN, (seed_audio, model, ctx.params["score"]))
    if backend == WAVENET and generating.score is None:
        raise click.UsageError("wavenet plays a score: add --score ode-to-joy, or a file.")
    from orchestrion.audio.encodings import Encoding
    from orchestrion.generators.generating import generate as make

    audio = make(backend, model, generating)
    audio.write(output, wanted)
    facts = {"duration_s": round(audio.duration_s, 6), **Encoding.of(output, wanted, audio.sample_rate).facts(), "generator": audio.tags["model"],
             "seed_from": NOISE if seed_audio == NOISE else printable(seed_audio)}  # fmt: skip
    report(output, write_settings(output, ctx, facts), f"{audio.duration_s:.1f} s", as_json)
