"""``orchestrion render``: play scores as audio."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import INSTRUMENT, SCORE, json_option
from orchestrion.cli.output import (
    check_output_file,
    check_outputs,
    numbered,
    output_folder,
    printable,
    refuse_inputs,
)
from orchestrion.cli.rendering import Rendering, Shard, players_of, render_files, tell_drums
from orchestrion.cli.sources import arranging_options, find_scores
from orchestrion.cli.streams import require_output, to_output
from orchestrion.errors import OrchestrionError
from orchestrion.options import Arranging, Playing
from orchestrion.suffixes import AUDIO_WRITTEN

STDOUT = "-"
playing_options = options_of(
    Playing,
    "playing",
    Flag("--gain gains_db", "DB", "Once for each part of an ensemble."),
    Flag("--pan pans", "-1…1", "Left to right, once for each part of an ensemble; the output is then stereo."),
    Flag("--parallel/--exact", None,
         "Cut the score into pieces played at once, or play it in one run.  [default: parallel from eight seconds on; -o - in one run]"),
    Flag("--storage", None, "How the weights are kept: int8 plays up to twice as fast and costs 0.003 to 0.008 bits a sample."),
    Flag("--vibrato", "0…4", "Depth of bowed and blown notes' vibrato, times the instrument's own."),
    Flag("--only only_source", None,
         "source: the instrument's table of partials alone, without its network, to hear what the network adds.",
         kind=click.Choice(["source"]), callback=lambda ctx, param, value: value is not None),
    Flag("--device", None, "Where to play: auto takes a GPU that passes its check. Same seed, same bytes on one device."),
    Flag("--seed", "N", "Same seed, same bytes."),
    Flag("--temperature", "X", "Below 1 is purer and safer, above 1 is noisier.  [default: the instrument's own]"),
)  # fmt: skip


@click.command(short_help="Play scores as audio.")
@click.argument("scores", type=SCORE, nargs=-1, required=True, metavar="SCORE...")
@click.option("-i", "--instrument", "instruments", type=INSTRUMENT, multiple=True, metavar="NAME|PATH[=PART]",
              help="Shipped instrument or weights file; once, or once for each part: an ensemble. violin=Fiddle gives it to the part of that "
                   "name or number, piano=rest to all others.  [default: by each part's MIDI program and name]")
@click.option("-o", "--output", required=True, metavar="OUT|DIR|-", type=click.Path(path_type=Path, allow_dash=True),
              help="OUT.wav, .flac or .ogg; a folder for several scores; - for a WAV on standard output.")
@arranging_options
@playing_options
@click.option("--resume", is_flag=True, help="Keep a journal while playing, and go on from it after an interruption.")
@click.option("--force", is_flag=True, help="Play anew what is finished in DIR already, and forget interrupted renderings.")
@click.option("--shard", type=Shard(), metavar="K/N", help="Only the K-th of N shares of the scores, for N machines or jobs.")
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Takes of each score: OUT-1.wav, OUT-2.wav, …")
@json_option
@click.pass_context  # fmt: skip
def render(ctx: click.Context, scores: tuple[str, ...], instruments: tuple[str, ...], output: Path, arranging: Arranging, playing: Playing,
           resume: bool, force: bool, shard: tuple[int, int] | None, count: int, as_json: bool) -> None:  # fmt: skip
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
    asked = Rendering(instruments, arranging, playing, resume, force, as_json)
    sources = find_scores(scores)
    if shard and (str(output) == STDOUT or output.suffix.lower() in AUDIO_WRITTEN and not output.is_dir()):
        raise click.UsageError("--shard is for many scores and a folder: -o DIR/")
    if str(output) == STDOUT:
        _render_to_stdout(asked, sources, count)
    elif output.suffix.lower() in AUDIO_WRITTEN and not output.is_dir():
        if len(sources) > 1:
            raise click.UsageError(f"{len(sources)} scores need a folder: -o {printable(output.with_suffix(''))}/")
        check_outputs(numbered(output, count), AUDIO_WRITTEN, (*sources, *instruments), resumable=resume)
        render_files(ctx, asked, {sources[0]: numbered(output, count)}, skipping=False)
    elif output.suffix and not output.is_dir():
        check_output_file(output, AUDIO_WRITTEN)
    else:
        targets = _targets(output, sources, count)
        mine = sources if shard is None else sources[shard[0] - 1 :: shard[1]]
        refuse_inputs([target for source in mine for target in targets[source]], (*sources, *instruments))
        # Another shard's run may be about to write into a folder that is empty still.
        with output_folder(output, keep=shard is not None):
            render_files(ctx, asked, {source: targets[source] for source in mine}, skipping=True)


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


def _render_to_stdout(asked: Rendering, sources: list[str], count: int) -> None:
    playing = asked.playing
    if len(sources) > 1 or count > 1 or len(asked.instruments) > 1 or asked.resume:
        raise click.UsageError("Standard output takes one score on one instrument, once.")
    if playing.gains_db or playing.pans or playing.only_source:
        raise click.UsageError("Standard output takes no --gain, --pan and --only; write a file.")
    require_output("the audio")
    score = asked.read(sources[0])

    from orchestrion.audio.audiofiles import write_wav_blocks
    from orchestrion.playing import blocks_of
    from orchestrion.renderer.instrument import Instrument

    tell_drums(score)
    players = players_of(score, asked.instruments, say=True)
    if len(players) > 1:
        raise click.UsageError("Standard output takes one instrument; choose it by -i, or write a file.")
    instrument = Instrument.load(players[0]).adjusted(vibrato=playing.vibrato)
    blocks = blocks_of(score, instrument, playing)
    n_samples = instrument.series(score).n_samples
    with to_output():
        write_wav_blocks(sys.stdout.buffer, blocks, instrument.config.sample_rate, n_samples)
