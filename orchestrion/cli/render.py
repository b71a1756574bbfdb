"""``orchestrion render``: play scores as audio."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    AUDIO_SUFFIXES,
    check_output_file,
    check_outputs,
    numbered,
    output_folder,
    printable,
    report,
    write_settings,
)
from orchestrion.cli.sources import arranging_options, find_scores, read_arranged
from orchestrion.cli.streams import require_output, to_output
from orchestrion.errors import OrchestrionError
from orchestrion.shipped import DEFAULT_INSTRUMENT

if TYPE_CHECKING:
    from orchestrion.score import Score

STDOUT = "-"


@dataclass(frozen=True)
class Job:
    """One score, and a file for each take of it."""

    source: str
    score: Score
    targets: list[Path]


@click.command(short_help="Play scores as audio.")
@click.argument("scores", type=SCORE, nargs=-1, required=True, metavar="SCORE...")
@click.option("-i", "--instrument", "instruments", type=INSTRUMENT, multiple=True, default=(DEFAULT_INSTRUMENT,), show_default=True,
              metavar="NAME|PATH", help="Shipped instrument or weights file; once, or once for each part: an ensemble.")
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
@device_option
@click.option("--resume", is_flag=True, help="Keep a journal while playing, and go on from it after an interruption.")
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Takes of each score: OUT-1.wav, OUT-2.wav, …")
@seed_option
@temperature_option
@json_option
@click.pass_context  # fmt: skip
def render(ctx: click.Context, scores: tuple[str, ...], output: Path, count: int, as_json: bool, **_: Any) -> None:
    """Play a score on an instrument, as audio.

    SCORE is a file (.mid .midi .musicxml .xml .mxl .abc .krn), a folder of such files, or a built-in tune: ode-to-joy,
    happy-birthday, twinkle-twinkle, frere-jacques, greensleeves, minuet-in-g. OUT.wav.json keeps every setting.

    \b
    Examples:
      orchestrion render ode-to-joy --instrument violin -o ode.wav
      orchestrion render song.mid --part Melody --transpose -12 --speed 0.8 -o song.flac
      orchestrion render duo.mid -i violin -i piano --pan -0.3 --pan 0.3 --gain 0 --gain -3 -o duo.wav
      orchestrion render scores/ -o audio/
      orchestrion render greensleeves -o - | aplay
    """
    sources = find_scores(scores)
    if str(output) == STDOUT:
        _render_to_stdout(ctx, sources, count)
    elif output.suffix.lower() in AUDIO_SUFFIXES and not output.is_dir():
        if len(sources) > 1:
            raise click.UsageError(f"{len(sources)} scores need a folder: -o {printable(output.with_suffix(''))}/")
        _check(ctx, numbered(output, count), sources)
        _render_jobs(ctx, [Job(sources[0], read_arranged(sources[0], ctx), numbered(output, count))], as_json)
    elif output.suffix and not output.is_dir():
        check_output_file(output, AUDIO_SUFFIXES)
    else:
        jobs = [Job(s, read_arranged(s, ctx), _targets(output, s, count)) for s in sources]
        _refuse_collisions(jobs)
        with output_folder(output):
            _check(ctx, [target for job in jobs for target in job.targets], sources)
            _render_jobs(ctx, jobs, as_json)


def _check(ctx: click.Context, targets: list[Path], sources: list[str]) -> None:
    check_outputs(targets, AUDIO_SUFFIXES, (*sources, *ctx.params["instruments"]), resumable=ctx.params["resume"])


def _targets(folder: Path, source: str, count: int) -> list[Path]:
    return numbered(folder / f"{Path(source).stem}.wav", count)


def _refuse_collisions(jobs: list[Job]) -> None:
    owners: dict[Path, str] = {}
    for job in jobs:
        for target in job.targets:
            if target in owners:
                raise OrchestrionError(
                    f"{printable(owners[target])} and {printable(job.source)} would both be written to "
                    f"{printable(target)}; render them into different folders."
                )
            owners[target] = job.source


def _render_jobs(ctx: click.Context, jobs: list[Job], as_json: bool) -> None:
    options = ctx.params
    alone = len(options["instruments"]) == 1 and not options["gains"] and not options["pans"]
    if options["resume"] and not alone:
        raise click.UsageError("--resume is for one instrument, without --gain and --pan.")
    takes = [(job, take) for job in jobs for take in range(len(job.targets))]
    # One long take goes to disk as it is made; several are computed side by side, which is faster.
    played = _one_by_one(ctx, takes) if alone and (len(takes) == 1 or options["resume"]) else _together(ctx, takes)
    for (job, take), facts in zip(takes, played, strict=True):
        target = job.targets[take]
        settings_file = write_settings(target, ctx, {"score": printable(job.source), "take": take, **facts})
        report(target, settings_file, f"{facts['duration_s']:.1f} s", as_json)


def _one_by_one(ctx: click.Context, takes: Sequence[tuple[Job, int]]) -> Iterator[dict[str, Any]]:
    from orchestrion.playing import render_to_file
    from orchestrion.renderer.instrument import Instrument

    options = ctx.params
    instrument = Instrument.load(options["instruments"][0])
    for job, take in takes:
        yield render_to_file(
            job.score, instrument, job.targets[take], take=take, resume=options["resume"], **_sampling(ctx)
        )


def _together(ctx: click.Context, takes: Sequence[tuple[Job, int]]) -> Iterator[dict[str, Any]]:
    from orchestrion.playing import play_all

    options = ctx.params
    scores = [(job.score, take) for job, take in takes]
    mixing = {"gains_db": options["gains"], "pans": options["pans"]}
    played = play_all(scores, options["instruments"], **mixing, **_sampling(ctx))
    for (job, take), performance in zip(takes, played, strict=True):
        performance.audio.write(job.targets[take])
        yield performance.facts


def _sampling(ctx: click.Context) -> dict[str, Any]:
    return {name: ctx.params[name] for name in ("seed", "temperature", "parallel", "storage", "device")}


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

    instrument = Instrument.load(options["instruments"][0])
    blocks = blocks_of(score, instrument, **{**_sampling(ctx), "parallel": bool(options["parallel"])})
    n_samples = instrument.series(score).n_samples
    with to_output():
        write_wav_blocks(sys.stdout.buffer, blocks, instrument.config.sample_rate, n_samples)
