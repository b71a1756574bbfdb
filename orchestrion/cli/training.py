"""Options of a back-end's training."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from orchestrion.cli.grouping import Command, Flag, options_of
from orchestrion.cli.options import PATH, Threads
from orchestrion.options import BackendTraining


def parse_settings(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """``("hidden=256",)`` → ``{"hidden": "256"}``."""
    pairs = [text.partition("=") for text in value]
    for name, separator, _ in pairs:
        if not separator or not name:
            raise click.BadParameter(f"{name!r} is no setting; write NAME=VALUE, for example hidden=256.")
    return {name: text for name, _, text in pairs}


_WHERE = (
    click.option("--data", required=True, metavar="SET", help="A set of plain songs: orchestrion data prepare DIR -o SET."),
    click.option("-o", "--output", type=PATH, required=True, metavar="RUN",
                 help="Folder of the run: model.safetensors, loss.png, checkpoint, metrics.jsonl, TensorBoard."),
    click.option("--set", "settings", multiple=True, callback=parse_settings, metavar="NAME=VALUE",
                 help="Change one setting of the network (all of them: above); several times."),
)  # fmt: skip
_SHARED = (
    Flag("--minutes", "M",
         "Stop after so many minutes of training.  [default: the paper's epochs; where it has none, 5 for small, else 60]"),
    Flag("--steps", "N", "Stop after so many updates."),
    Flag("--examples", "N", "Stop after so many examples."),
    Flag("--epochs", "N", "Stop after so many passes over the songs."),
    Flag("--optimizer", None, "[default: the preset's]"),
    Flag("--learning-rate", "X", "At its peak.  [default: the preset's]"),
    Flag("--schedule", None, "How the learning rate falls: along a cosine, or to half for the second half.  [default: the preset's]"),
    Flag("--final-share", "X", "What is left of the learning rate at the end.  [default: the preset's]"),
    Flag("--warmup warmup_steps", "N", "Steps in which the learning rate rises to its peak.  [default: the preset's]"),
    Flag("--clip", "X", "Most norm of the gradient; 0 for no limit.  [default: the preset's]"),
    Flag("--average ema_decay", "X", "Decay a step of the moving average of the weights; 0 for none.  [default: the preset's]"),
    Flag("--batch", "N[,N@EPOCH…]", "Examples a step, such as 16; 32,64@300 doubles them after 300 epochs.  [default: the preset's]"),
    Flag("--crop crop_s", "S", "Seconds of an example.  [default: as the settings say]"),
    Flag("--cut", None, "Examples one after another, or from anywhere.  [default: the preset's]"),
    Flag("--keep", None, "Which weights are the model: of the best validation, or the last.  [default: last for paper, else best]"),
    Flag("--keep-epochs", "N,N,…", "Also keep the weights after these epochs (.5 is half of one): RUN/epoch-004.safetensors."),
    Flag("--validate-minutes", "M", "Minutes between validations, checkpoints and points of the curve.  [default: 12 times in a training]"),
    Flag("--validate-steps", "N", "Updates between them instead: the same points of the curve however busy the machine is."),
    Flag("--threads", "N", "Processor threads.  [default: all]", kind=Threads()),
    Flag("--seed", "N", "Of weights, batches and noise."),
)  # fmt: skip
_CURES = {
    "noise": Flag("--noise", "X", "Cure of decay: noise on what is heard in training, of up to X times the songs' RMS; .5 or so."),
    "gain_drift_db": Flag(
        "--gain-drift gain_drift_db", "DB", "Cure of decay: half of the examples are heard louder or softer by up to DB; 12 or so."
    ),
    "own": Flag("--own", "SHARE", "Cure of decay: this share of what is heard in training is the network's own; .3 or so."),
    "magnitudes": Flag(
        "--magnitudes", "X", "Cure of decay: X times the error of log-magnitudes, whatever the phase, in the loss; 1 or so."
    ),
}


def training_options(cures: Iterable[str]) -> Callable[[Command], Command]:
    """All settings of a training, with the ``cures`` that a back-end knows."""

    def decorated(command: Command) -> Command:
        command = options_of(BackendTraining, "training", *_SHARED, *(_CURES[name] for name in cures))(command)
        for option in reversed(_WHERE):
            command = option(command)
        return command

    return decorated


def preset_option(choices: list[str]) -> Callable[[Command], Command]:
    return click.option("--preset", type=click.Choice(choices), default="small", show_default=True,
                        help="The published size, or one that trains on a laptop in minutes.")  # fmt: skip
