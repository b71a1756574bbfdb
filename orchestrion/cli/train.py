"""``orchestrion train``: train a renderer or a composer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click

from orchestrion.cli import backends
from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import COMPOSER, INSTRUMENT, PATH, NumberRange, Threads
from orchestrion.cli.output import printable
from orchestrion.cli.streams import echo
from orchestrion.generators.table import on_songs
from orchestrion.options import Crops, Training

output_option = click.option("-o", "--output", type=PATH, required=True, metavar="RUN",
                             help="Folder of the run: model.safetensors, checkpoint, metrics.jsonl, TensorBoard.")  # fmt: skip
resume_option = click.option("--resume", is_flag=True, help="Go on where RUN was stopped, as if it never had been.")
LOOP = (
    Flag("--minutes", "M", "Stop after so many minutes of training.  [default: 60, unless --steps is given]"),
    Flag("--steps", "N", "Stop after so many updates."),
    Flag("--learning-rate", "X", "AdamW's, at its peak; it falls along a cosine.  [default: 0.002; composers 0.003]"),
    Flag("--validate-minutes", "M", "Minutes between validations and checkpoints."),
    Flag("--validate-steps", "N", "Updates between them instead: resumed, a training ends in the same weights."),
    Flag("--precision", None, "Of the arithmetic; auto: bf16-mixed where the machine multiplies bfloat16 itself, else 32-true."),
    Flag("--threads", "N", "Processor threads.  [default: all]", kind=Threads()),
    Flag("--seed", "N", "Same seed, same bytes."),
)


@click.group(short_help="Train an instrument, a composer or any back-end.")
def train() -> None:
    """Train an instrument, a composer or any of the generators of earlier papers (pip install "orchestrion[train]").

    \b
    Examples:
      orchestrion train renderer --data soundfont:violin --preset medium --minutes 60 -o runs/violin
      orchestrion train composer --data melodies --preset repo --minutes 30 -o runs/melodies
      orchestrion train spectral-lstm --data set --preset small --minutes 5 -o runs/spectral-lstm
    """


@train.command(short_help="Train a WaveNet instrument on notes or recordings.")
@click.option("--data", required=True, multiple=True, metavar="DIR|soundfont:NAME",
              help="Single notes (a folder with index.tsv, an SFZ or SoundFont file: orchestrion learn --help), or recordings with notes (NAME.wav with "
                   "NAME.mid or NAME.tsv); several: one network for all of them.")
@click.option("--label", type=click.Choice(["pyin", "melodia", "polyphonic"]), metavar="METHOD",
              help="Label recordings that have no notes: pyin, melodia or polyphonic (orchestrion data label --help).")
@click.option("--preset", type=click.Choice(["small", "medium", "paper"]), default="medium", show_default=True,
              help="Size of the network.")
@click.option("--unconditioned", is_flag=True, help="Without the score: the generator to compare with.")
@click.option("--from", "start_from", type=INSTRUMENT, metavar="NAME|PATH",
              help="Begin with this instrument's weights, of the same preset: a little data then goes a long way.")
@options_of(
    Crops,
    "crops",
    Flag("--history-gain history_gain_db", "DB",
         "Without a harmonic source (--preset paper, --unconditioned): let half of the crops hear their own past louder or softer "
         "by up to this, so that the tone cannot run away; 15 or so for flutes and their like."),
    Flag("--rests rest_share", "SHARE",
         "Without a harmonic source, too: make this share of the crops rests in which whatever sounds dies away; 0.05 or so where notes ring on."),
)
@click.option("--stretched/--not-stretched", default=None,
              help="Overtones a little sharp, as a piano's are.  [default: as the set's program says, else as its notes sound]")
@output_option
@options_of(
    Training,
    "training",
    Flag("--compile/--no-compile compiled", None,
         "Through torch.compile: minutes of start, then twice as fast.  [default: where a compiler is found]"),
    *LOOP,
)
@resume_option  # fmt: skip
def renderer(data: tuple[str, ...], label: str | None, preset: str, unconditioned: bool, start_from: str | None, crops: Crops,
             stretched: bool | None, output: Path, training: Training, resume: bool) -> None:  # fmt: skip
    """Train a WaveNet instrument on recordings with their notes.

    Every validation reports bits/sample with the true score and with another piece's: an instrument whose two numbers
    do not part is not trained, whatever its loss. Ctrl-C stops after a checkpoint. Several processes: the same command
    under torchrun. Of recordings it says before training how much material it found, what pitches it covers
    (RUN/material.png) and what is missing; then it follows the partials of all their notes, which takes minutes for an hour of
    music and is kept for the next time. The weights that are kept play held-out music best, not those of the least bits.

    \b
    Examples:
      orchestrion train renderer --data soundfont:violin --minutes 60 -o runs/violin
      orchestrion train renderer --data takes/ --label pyin --from violin --minutes 60 -o runs/takes
      orchestrion train renderer --data recordings/ --from piano --minutes 30 -o runs/mine
      orchestrion render ode-to-joy --instrument runs/mine/model.safetensors -o ode.wav
    """
    from orchestrion.training.train_renderer import train_instrument

    measures = train_instrument(
        data, output, training, crops, preset=preset, unconditioned=unconditioned, stretched=stretched, start_from=start_from,
        resume=resume, label=label, tell=partial(echo, err=True),
    )  # fmt: skip
    _report(output, measures)


@train.command(short_help="Train a biaxial LSTM composer on scores.")
@click.option("--data", required=True, metavar="NAME|DIR|FILE.mat",
              help="melodies, chorales, quartets, music21:NAME, a folder of scores, a corpus as JSON, or a MATLAB file of rolls.")
@click.option("--preset", default="repo", show_default=True, metavar="NAME",
              help="Sizes of the network: repo, paper, matching, compact-melodies, compact-chorales or compact-quartets.")
@click.option("--from", "start_from", type=COMPOSER, metavar="NAME|PATH",
              help="Begin with this composer's weights, of the same sizes; its range of pitches may differ.")
@click.option("--forget", type=NumberRange(0, 1), default=0.0, show_default=True, metavar="SHARE",
              help="Let this share of the notes be missing in the past as the network hears it, so that it brings back voices it "
                   "has lost: 0.03 or so for chorales.")
@click.option("--transpose", type=click.IntRange(0, 24), default=6, show_default=True, metavar="N",
              help="Move each crop by up to so many semitones either way, so that all keys are learnt alike; compact presets, "
                   "which write in the plain key, do without.")
@click.option("--dropout", type=NumberRange(0, 0.9), metavar="SHARE",
              help="Silence this share of the units in training, so that pieces are not learnt by heart: 0.5 where there are few.  [default: the preset's]")
@output_option
@options_of(Training, "training", *LOOP)
@resume_option
def composer(data: str, preset: str, start_from: str | None, forget: float, transpose: int, dropout: float | None, output: Path,
             training: Training, resume: bool) -> None:  # fmt: skip
    """Train a biaxial LSTM composer on scores.

    \b
    Examples:
      orchestrion train composer --data melodies --preset repo --minutes 30 -o runs/melodies
      orchestrion train composer --data chorales --preset compact-chorales --from melodies -o runs/chorales
      orchestrion compose --model runs/melodies/model.safetensors -o tune.mid
    """
    from orchestrion.training.settings import composers_loop
    from orchestrion.training.train_composer import train_composer

    measures = train_composer(
        data, output, preset=preset, start_from=start_from, forget=forget, transpose=transpose, dropout=dropout,
        loop=composers_loop(training), resume=resume,
    )  # fmt: skip
    _report(output, measures)


def _report(run: Path, measures: Mapping[str, float]) -> None:
    for name, value in measures.items():
        echo(f"{name.replace('_', ' '):<32} {value:.4f}")
    echo(f"{printable(run / 'model.safetensors')}  the weights at their best validation")


train.add_command(backends.twin_of(renderer))
for _backend in on_songs():
    train.add_command(backends.make_command(_backend))
train.add_command(backends.sweep)
