"""``orchestrion render``: play scores as audio."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from orchestrion.cli.options import (
    INSTRUMENT,
    SCORE,
    Number,
    device_option,
    json_option,
    seed_option,
    temperature_option,
)
from orchestrion.cli.output import (
    check_output_file,
    check_outputs,
    numbered,
    output_folder,
    printable,
    refuse_inputs,
)
from orchestrion.cli.rendering import Shard, players_of, render_files, sampling, tell_drums
from orchestrion.cli.sources import arranging_options, find_scores, read_arranged
from orchestrion.cli.streams import require_output, to_output
from orchestrion.errors import OrchestrionError
from orchestrion.suffixes import AUDIO_WRITTEN

STDOUT = "-"


@click.command(short_help="Play scores as audio.")
@click.argument("scores", type=SCORE, nargs=-1, required=True, metavar="SCORE...")
@click.option("-i", "--instrument", "instruments", type=INSTRUMENT, multiple=True, metavar="NAME|PATH[=PART]",
              help="Shipped instrument or weights file; once, or once for each part: an ensemble. violin=Fiddle gives it to the part of that "
                   "name or number, piano=rest to all others.  [default: by each part's MIDI program and name]")
@click.option("-o", "--output", required=True, metavar="OUT|DIR|-", type=click.Path(path_type=Path, allow_dash=True),
              help="OUT.wav, .flac or .ogg; a folder for several scores; - for a WAV on standard output.")
@arranging_options
@click.option("--gain", "gains", type=Number(-120, 24), multiple=True, metavar="DB",
              help="Once for each part of an ensemble.")
@click.option("--pan", "pans", type=Number(-1, 1), multiple=True, metavar="-1…1",
              help="Left to right, once for each part of an ensemble; the output is then stereo.")
@click.option("--parallel/--exact", "parallel", default=None,
              help="Cut the score into pieces played at once, or play it in one run.  [default: parallel from eight seconds on; -o - in one run]")
@click.option("--storage", type=click.Choice(["int8", "bfloat16", "float32"]), default="int8", show_default=True,
              help="How the weights are kept: int8 plays up to twice as fast and costs 0.003 to 0.008 bits a sample.")
@click.option("--vibrato", type=Number(0, 4), default=1.0, show_default=True, metavar="0…4",
              help="Depth of bowed and blown notes' vibrato, times the instrument's own.")
@click.option("--only", "only_source", type=click.Choice(["source"]), callback=lambda ctx, param, value: value is not None,
              help="source: the instrument's table of partials alone, without its network, to hear what the network adds.")
@device_option
@click.option("--resume", is_flag=True, help="Keep a journal while playing, and go on from it after an interruption.")
@click.option("--force", is_flag=True, help="Play anew what is finished in DIR already, and forget interrupted renderings.")
@click.option("--shard", type=Shard(), metavar="K/N", help="Only the K-th of N shares of the scores, for N machines or jobs.")
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Takes of each score: OUT-1.wav, OUT-2.wav, …")
@seed_option
@temperature_option
@json_option
@click.pass_context  # fmt: skip
def render(ctx: click.Context, scores: tuple[str, ...], output: Path, count: int, shard: tuple[int, int] | None, **_: Any) -> None:
    """Play a score on an instrument, as audio.

    SCORE is a file (.mid .midi .kar .rmi .musicxml .xml .mxl .abc .krn), a folder of such files, or a built-in tune: ode-to-joy,
    happy-birthday, twinkle-twinkle, frere-jacques, greensleeves, minuet-in-g. OUT.wav.json keeps every setting.

    Into a folder, what is finished is skipped: the same score, weights and settings by their checksums in OUT.wav.json. A score
    that fails is told at the end, with status 1, and does not keep the others from being played.

    \b
    Examples:
      orchestrion render ode-to-joy --instrument violin -o ode.wav
      orchestrion render song.mid --part Melody --transpose -12 --speed 0.8 -o song.flac
      orchestrion render quartet.mid -o quartet.wav
      orchestrion render ode-to-joy -i violin --vibrato 0 -o straight.wav
      orchestrion render duo.mid -i violin -i piano --pan -0.3 --pan 0.3 --gain 0 --gain -3 -o duo.wav
      orchestrion render quartet.mid -i violin=Melody -i piano=rest -o quartet.wav
      orchestrion render scores/ -o audio/
      orchestrion render scores/ -o audio/ --shard 3/64
      orchestrion render greensleeves -o - | aplay
    """
    sources = find_scores(scores)
    if shard and (str(output) == STDOUT or output.suffix.lower() in AUDIO_WRITTEN and not output.is_dir()):
        raise click.UsageError("--shard is for many scores and a folder: -o DIR/")
    if str(output) == STDOUT:
        _render_to_stdout(ctx, sources, count)
    elif output.suffix.lower() in AUDIO_WRITTEN and not output.is_dir():
        if len(sources) > 1:
            raise click.UsageError(f"{len(sources)} scores need a folder: -o {printable(output.with_suffix(''))}/")
        check_outputs(numbered(output, count), AUDIO_WRITTEN, (*sources, *ctx.params["instruments"]), resumable=ctx.params["resume"])
        render_files(ctx, {sources[0]: numbered(output, count)}, skipping=False)
    elif output.suffix and not output.is_dir():
        check_output_file(output, AUDIO_WRITTEN)
    else:
        targets = _targets(output, sources, count)
        mine = sources if shard is None else sources[shard[0] - 1 :: shard[1]]
        refuse_inputs([target for source in mine for target in targets[source]], (*sources, *ctx.params["instruments"]))
        # Another shard's run may be about to write into a folder that is empty still.
        with output_folder(output, keep=shard is not None):
            render_files(ctx, {source: targets[source] for source in mine}, skipping=True)


def _targets(folder: Path, sources: list[str], count: int) -> dict[str, list[Path]]:
    targets = {source: numbered(folder / f"{Path(source).stem}.wav", count) for source in sources}
    owners: dict[Path, str] = {}
    for source, paths in targets.items():
        for target in paths:
            if target in owners:
                raise OrchestrionError(
                    f"{printable(owners[target])} and {printable(source)} would both be written to "
                    f"{printable(target)}; render them into different folders."
                )
            owners[target] = source
    return targets


def _render_to_stdout(ctx: click.Context, sources: list[str], count: int) -> None:
    options = ctx.params
    if len(sources) > 1 or count > 1 or len(options["instruments"]) > 1 or options["resume"]:
        raise click.UsageError("Standard output takes one score on one instrument, once.")
    if options["gains"] or options["pans"]:
        raise click.UsageError("Standard output takes no --gain and no --pan; write a file.")
    require_output("the audio")
    score = read_arranged(sources[0], ctx)

    from orchestrion.audio.audiofiles import write_wav_blocks
    from orchestrion.playing import blocks_of
    from orchestrion.renderer.instrument import Instrument

    tell_drums(score)
    players = players_of(score, options["instruments"], say=True)
    if len(players) > 1:
        raise click.UsageError("Standard output takes one instrument; choose it by -i, or write a file.")
    instrument = Instrument.load(players[0]).adjusted(vibrato=options["vibrato"])
    if options["only_source"]:
        raise click.UsageError("Standard output takes no --only; write a file.")
    chosen = {name: value for name, value in sampling(ctx).items() if name not in ("vibrato", "only_source")}
    blocks = blocks_of(score, instrument, **{**chosen, "parallel": bool(options["parallel"])})
    n_samples = instrument.series(score).n_samples
    with to_output():
        write_wav_blocks(sys.stdout.buffer, blocks, instrument.config.sample_rate, n_samples)
