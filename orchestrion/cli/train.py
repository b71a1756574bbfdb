"""``orchestrion train``: train a renderer or a composer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrion.cli import backends
from orchestrion.cli.options import COMPOSER, INSTRUMENT, PATH, Number, Threads, seed_option
from orchestrion.cli.output import printable
from orchestrion.cli.streams import echo
from orchestrion.generators.table import on_songs

if TYPE_CHECKING:
    from orchestrion.training.settings import LoopSettings

DEFAULT_MINUTES = 60.0

_LOOP = (
    click.option("-o", "--output", type=PATH, required=True, metavar="RUN",
                 help="Folder of the run: model.safetensors, checkpoint, metrics.jsonl, TensorBoard."),
    click.option("--minutes", type=Number(0, min_open=True), metavar="M",
                 help="Stop after so many minutes of training.  [default: 60, unless --steps is given]"),
    click.option("--steps", type=click.IntRange(1), metavar="N", help="Stop after so many updates."),
    click.option("--resume", is_flag=True, help="Go on where RUN was stopped, as if it never had been."),
    click.option("--learning-rate", type=Number(0, min_open=True), metavar="X",
                 help="AdamW's, at its peak; it falls along a cosine.  [default: 0.002; composers 0.003]"),
    click.option("--validate-minutes", type=Number(0, min_open=True), default=5.0, show_default=True, metavar="M",
                 help="Minutes between validations and checkpoints."),
    click.option("--precision", type=click.Choice(["bf16-mixed", "32-true"]), default="bf16-mixed", show_default=True,
                 help="Of the arithmetic."),
    click.option("--threads", type=Threads(), metavar="N", help="Processor threads.  [default: all]"),
    seed_option,
)  # fmt: skip


def loop_options(command: Callable[..., object]) -> Callable[..., object]:
    """What both kinds of training share."""
    for option in reversed(_LOOP):
        command = option(command)
    return command


@click.group(short_help="Train an instrument, a composer or any back-end.")
def train() -> None:
    """Train an instrument, a composer or any of the generators of earlier papers (pip install "orchestrion[train]").

    \b
    Examples:
      orchestrion train renderer --data soundfont:violin --preset medium --minutes 60 -o runs/violin
      orchestrion train composer --data melodies --preset repo --minutes 30 -o runs/melodies
      orchestrion train spectral-lstm --data set --preset small --minutes 5 -o runs/spectral-lstm
    """


@train.command()
@click.option("--data", required=True, multiple=True, metavar="DIR|soundfont:NAME",
              help="Single notes (a folder with index.tsv, or an instrument of a SoundFont; several: one network for all of them), or "
                   "recordings with notes (NAME.wav with NAME.mid or NAME.tsv).")
@click.option("--label", type=click.Choice(["pyin", "melodia", "polyphonic"]), metavar="METHOD",
              help="Label recordings that have no notes: pyin, melodia or polyphonic (orchestrion data label --help).")
@click.option("--preset", type=click.Choice(["small", "medium", "paper"]), default="medium", show_default=True,
              help="Size of the network.")
@click.option("--unconditioned", is_flag=True, help="Without the score: the generator to compare with.")
@click.option("--from", "start_from", type=INSTRUMENT, metavar="NAME|PATH",
              help="Begin with this instrument's weights, of the same preset: a little data then goes a long way.")
@click.option("--history-gain", "history_gain_db", type=Number(0, 40), default=0.0, show_default=True, metavar="DB",
              help="Let half of the crops hear their own past louder or softer by up to this, so that the tone cannot "
                   "run away: 15 or so for flutes and their like.")
@click.option("--rests", "rest_share", type=Number(0, 1), default=0.0, show_default=True, metavar="SHARE",
              help="Make this share of the crops rests in which whatever sounds dies away: 0.05 or so where notes ring on.")
@click.option("--stretched/--not-stretched", default=None,
              help="Overtones a little sharp, as a piano's are.  [default: for SoundFont pianos, and as the instrument of --from]")
@click.option("--compile/--no-compile", "compiled", default=None,
              help="Through torch.compile: minutes of start, then twice as fast.  [default: where a compiler is found]")
@loop_options
@click.pass_context  # fmt: skip
def renderer(ctx: click.Context, data: tuple[str, ...], output: Path, preset: str, unconditioned: bool, compiled: bool | None,
             start_from: str | None, history_gain_db: float, rest_share: float, stretched: bool | None,
             resume: bool, label: str | None, **_: Any) -> None:  # fmt: skip
    """Train a WaveNet instrument on recordings with their notes.

    Every validation reports bits/sample with the true score and with another piece's: an instrument whose two numbers
    do not part is not trained, whatever its loss. Ctrl-C stops after a checkpoint. Several processes: the same command
    under torchrun. Before training it says how much material it found, what pitches it covers (RUN/material.png) and
    what is missing.

    \b
    Examples:
      orchestrion train renderer --data soundfont:violin --minutes 60 -o runs/violin
      orchestrion train renderer --data takes/ --label pyin --from violin --minutes 60 -o runs/mine
      orchestrion train renderer --data recordings/ --from piano --minutes 30 -o runs/mine
      orchestrion render ode-to-joy --instrument runs/mine/model.safetensors -o ode.wav
    """
    from orchestrion.datasets.banks.opening import is_bank
    from orchestrion.training.train_driven import train_driven
    from orchestrion.training.train_renderer import can_compile, train_renderer

    loop = _loop(ctx, compile=can_compile() if compiled is None else compiled)
    tell = partial(echo, err=True)
    if all(map(is_bank, data)) and preset != "paper" and not unconditioned:
        if label or history_gain_db or rest_share or stretched is not None:
            raise click.UsageError("--label, --history-gain, --rests and --stretched are for recordings, not for single notes.")
        measures = train_driven(data, output, preset=preset, start_from=start_from, loop=loop, resume=resume, tell=tell)
    elif len(data) > 1:
        raise click.UsageError("Several sets make one network only where all of them are single notes.")
    else:
        measures = train_renderer(
            data[0], output, preset=preset, unconditioned=unconditioned, start_from=start_from, stretched=stretched,
            history_gain_db=history_gain_db, rest_share=rest_share, loop=loop, resume=resume, label=label, tell=tell,
        )  # fmt: skip
    _report(output, measures)


@train.command()
@click.option("--data", required=True, metavar="NAME|DIR|FILE.mat",
              help="melodies, chorales, music21:NAME, a folder of scores, a corpus as JSON, or a MATLAB file of rolls.")
@click.option("--preset", default="repo", show_default=True, metavar="NAME",
              help="Sizes of the network: repo, paper, compact-melodies or compact-chorales.")
@click.option("--from", "start_from", type=COMPOSER, metavar="NAME|PATH",
              help="Begin with this composer's weights, of the same sizes; its range of pitches may differ.")
@click.option("--forget", type=Number(0, 1), default=0.0, show_default=True, metavar="SHARE",
              help="Let this share of the notes be missing in the past as the network hears it, so that it brings back voices it "
                   "has lost: 0.03 or so for chorales.")
@click.option("--transpose", type=click.IntRange(0, 24), default=6, show_default=True, metavar="N",
              help="Move each crop by up to so many semitones either way, so that all keys are learnt alike; compact presets, "
                   "which write in the plain key, do without.")
@loop_options
@click.pass_context
def composer(ctx: click.Context, data: str, output: Path, preset: str, start_from: str | None, forget: float, transpose: int,
             resume: bool, **_: Any) -> None:  # fmt: skip
    """Train a biaxial LSTM composer on scores.

    \b
    Examples:
      orchestrion train composer --data melodies --preset repo --minutes 30 -o runs/melodies
      orchestrion train composer --data chorales --preset compact-chorales --from melodies -o runs/chorales
      orchestrion compose --model runs/melodies/model.safetensors -o tune.mid
    """
    from orchestrion.training.train_composer import train_composer

    loop = _loop(ctx, learning_rate=3e-3, ema_decay=0.995)
    measures = train_composer(
        data, output, preset=preset, start_from=start_from, forget=forget, transpose=transpose, loop=loop, resume=resume
    )
    _report(output, measures)


def _loop(ctx: click.Context, **more: Any) -> LoopSettings:
    from orchestrion.training.runs import check_installed
    from orchestrion.training.settings import LoopSettings

    # Said before a set of recordings is made, which takes minutes.
    check_installed()
    names = ("steps", "learning_rate", "validate_minutes", "precision", "threads", "seed")
    asked = {name: ctx.params[name] for name in names if ctx.params[name] is not None}
    minutes = ctx.params["minutes"] or (None if "steps" in asked else DEFAULT_MINUTES)
    return LoopSettings(minutes=minutes, **(more | asked))


def _report(run: Path, measures: Mapping[str, float]) -> None:
    for name, value in measures.items():
        echo(f"{name.replace('_', ' '):<32} {value:.4f}")
    echo(f"{printable(run / 'model.safetensors')}  the weights at their best validation")


train.add_command(backends.twin_of(renderer))
for _backend in on_songs():
    train.add_command(backends.make_command(_backend))
train.add_command(backends.sweep)
