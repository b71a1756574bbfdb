"""``orchestrion render``: play scores as audio."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import INSTRUMENT, SCORE, json_option
from orchestrion.cli.output import (
    check_format,
    check_output_file,
    check_outputs,
    numbered,
    output_folder,
    printable,
    refuse_inputs,
    writing_options,
)
from orchestrion.cli.playing import DEFAULT_KIND, PLAYING, format_option
from orchestrion.cli.rendering import Rendering, Shard, players_of, render_files, tell_drums
from orchestrion.cli.sources import arranging_options, find_scores
from orchestrion.cli.streams import require_output, to_output
from orchestrion.errors import OrchestrionError
from orchestrion.options import Arranging, AudioFormat, Playing
from orchestrion.suffixes import AUDIO_WRITTEN

STDOUT = "-"
playing_options = options_of(
    Playing,
    "playing",
    *PLAYING,
    Flag("--seed", "N", "Same seed, same bytes."),
    Flag("--temperature", "X", "Below 1 is purer and safer, above 1 is noisier.  [default: the instrument's own]"),
)


@click.command(short_help="Play scores as audio.")
@click.argument("scores", type=SCORE, nargs=-1, required=True, metavar="SCORE...")
@click.option("-i", "--instrument", "instruments", type=INSTRUMENT, multiple=True, metavar="NAME|PATH[=PART]",
              help="Shipped instrument or weights file; once, or once for each part: an ensemble. violin=Fiddle gives it to the part of that "
                   "name or number, piano=rest to all others.  [default: by each part's MIDI program and name]")
@click.option("-o", "--output", required=True, metavar="OUT|DIR|-", type=click.Path(path_type=Path, allow_dash=True),
              help="OUT.wav, .flac, .ogg, .opus or .mp3; a folder for several scores; - for a WAV on standard output, played in one run.")
@arranging_options
@playing_options
@writing_options
@format_option
@click.option("--resume", is_flag=True, help="Keep a journal while playing, and go on from it after an interruption.")
@click.option("--force", is_flag=True, help="Play anew what is finished in DIR already, and forget interrupted renderings.")
@click.option("--shard", type=Shard(), metavar="K/N", help="Only the K-th of N shares of the scores, for N machines or jobs.")
@click.option("--cluster", metavar="tcp://HOST:PORT",
              help="Play the scores on the workers of this Dask scheduler, with their files in DIR here; needs orchestrion[cluster].")
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Takes of each score: OUT-1.wav, OUT-2.wav, …")
@json_option
@click.pass_context  # fmt: skip
def render(ctx: click.Context, scores: tuple[str, ...], instruments: tuple[str, ...], output: Path, arranging: Arranging, playing: Playing,
           wanted: AudioFormat, kind: str | None, resume: bool, force: bool, shard: tuple[int, int] | None, cluster: str | None,
           count: int, as_json: bool) -> None:  # fmt: skip
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
      orchestrion render song.mid --end 30 --rate 44100 --channels 2 --bits 24 -o song.wav
      orchestrion render duo.mid -i violin -i piano --pan -0.3 --pan 0.3 --gain 0 --gain -3 -o duo.wav
      orchestrion render quartet.mid -i violin=Melody -i piano=rest -o quartet.wav
      orchestrion render scores/ -o audio/
      orchestrion render scores/ -o audio/ --shard 3/64
      orchestrion render scores/ -o audio/ --cluster tcp://10.0.0.5:8786
      orchestrion render greensleeves -o - | aplay
    """
    asked = Rendering(instruments, arranging, replace(playing, length_s=arranging.length_s), wanted, resume, force, as_json, cluster)
    sources = find_scores(scores)
    is_file = output.suffix.lower() in AUDIO_WRITTEN and not output.is_dir()
    if kind and (is_file or str(output) == STDOUT):
        raise click.UsageError("--format is for a folder: -o DIR/; a file's ending says its own, and standard output takes a WAV.")
    kind = kind or DEFAULT_KIND
    check_format(output if is_file else Path(f"-.{kind}"), wanted)
    for name, given in {"--shard": shard, "--cluster": cluster}.items():
        if given and (str(output) == STDOUT or is_file):
            raise click.UsageError(f"{name} is for many scores and a folder: -o DIR/")
    if cluster and resume:
        raise click.UsageError("--resume keeps a journal on this machine, where --cluster plays nothing; what is finished is skipped without it.")
    if str(output) == STDOUT:
        _render_to_stdout(asked, sources, count)
    elif is_file:
        if len(sources) > 1:
            raise click.UsageError(f"{len(sources)} scores need a folder: -o {printable(output.with_suffix(''))}/")
        check_outputs(numbered(output, count), AUDIO_WRITTEN, (*sources, *instruments), resumable=resume)
        render_files(ctx, asked, {sources[0]: numbered(output, count)}, skipping=False)
    elif output.suffix and not output.is_dir():
        check_output_file(output, AUDIO_WRITTEN)
    else:
        targets = _targets(output, sources, count, kind)
        mine = sources if shard is None else sources[shard[0] - 1 :: shard[1]]
        refuse_inputs([target for source in mine for target in targets[source]], (*sources, *instruments))
        # Another shard's run may be about to write into a folder that is empty still.
        with output_folder(output, keep=shard is not None, files=AUDIO_WRITTEN):
            render_files(ctx, asked, {source: targets[source] for source in mine}, skipping=True)


def _targets(folder: Path, sources: list[str], count: int, kind: str) -> dict[str, list[Path]]:
    targets = {source: numbered(folder / f"{Path(source).stem}.{kind}", count) for source in sources}
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


def _render_to_stdout(asked: Rendering, sources: list[str], count: int) -> None:
    playing = asked.playing
    if len(sources) > 1 or count > 1 or len(asked.instruments) > 1 or asked.resume:
        raise click.UsageError("Standard output takes one score on one instrument, once.")
    if playing.gains_db or playing.pans or playing.only_source:
        raise click.UsageError("Standard output takes no --gain, --pan and --only; write a file.")
    require_output("the audio")
    score = asked.read(sources[0])

    from orchestrion.audio.audiofiles import write_wav_blocks
    from orchestrion.playing import as_wished, blocks_of
    from orchestrion.renderer.span import Span

    tell_drums(score)
    players = players_of(score, asked.instruments, say=True)
    if len(players) > 1:
        raise click.UsageError("Standard output takes one instrument; choose it by -i, or write a file.")
    instrument = as_wished(players[0], playing)
    blocks = blocks_of(score, instrument, playing)
    span, rate = Span.of(score, playing), instrument.config.sample_rate
    with to_output():
        write_wav_blocks(sys.stdout.buffer, span.ended(blocks, rate), rate, span.n_samples(instrument), asked.wanted)
