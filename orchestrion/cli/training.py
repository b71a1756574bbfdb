"""Options of a back-end's training, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from orchestrion.cli.options import PATH, Number, Seed, Threads
from orchestrion.generators.cures import Cures

if TYPE_CHECKING:
    from orchestrion.training.train_backend import BackendOptions


def parse_settings(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """``("hidden=256",)`` → ``{"hidden": "256"}``."""
    pairs = [text.partition("=") for text in value]
    for name, separator, _ in pairs:
        if not separator or not name:
            raise click.BadParameter(f"{name!r} is no setting; write NAME=VALUE, for example hidden=256.")
    return {name: text for name, _, text in pairs}


def parse_batch(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[tuple[int, int], ...] | None:
    """``"32,64@300"`` → ``((0, 32), (300, 64))``: (first epoch, batch size) of every stage."""
    if value is None:
        return None
    try:
        parts = [part.partition("@") for part in value.split(",")]
        stages = tuple((int(epoch) if epoch else 0, int(size)) for size, _, epoch in parts)
    except ValueError:
        stages = ()
    epochs = [epoch for epoch, _ in stages]
    if not stages or epochs[0] != 0 or epochs != sorted(set(epochs)) or not all(1 <= size <= 65536 for _, size in stages):
        raise click.BadParameter(f"{value!r} is no batch size; write for example 16, or 32,64@300 to double it after 300 epochs.")
    return stages


def parse_epochs(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """``"4,8"`` → ``(4, 8)``."""
    try:
        epochs = tuple(int(part) for part in value.split(",")) if value else ()
    except ValueError:
        epochs = (0,)
    if any(epoch < 1 for epoch in epochs):
        raise click.BadParameter(f"{value!r} is no list of epochs; write for example 4,8,16.")
    return epochs


_SHARED = (
    click.option("--data", required=True, metavar="SET", help="A set of plain songs: orchestrion data prepare DIR -o SET."),
    click.option("-o", "--output", type=PATH, required=True, metavar="RUN",
                 help="Folder of the run: model.safetensors, loss.png, checkpoint, metrics.jsonl, TensorBoard."),
    click.option("--set", "settings", multiple=True, callback=parse_settings, metavar="NAME=VALUE",
                 help="Change one setting of the network (all of them: above); several times."),
    click.option("--minutes", type=Number(0, min_open=True), metavar="M",
                 help="Stop after so many minutes of training.  [default: the paper's epochs; where it has none, 5 for small, else 60]"),
    click.option("--steps", type=click.IntRange(1), metavar="N", help="Stop after so many updates."),
    click.option("--examples", type=click.IntRange(1), metavar="N", help="Stop after so many examples."),
    click.option("--epochs", type=Number(0, min_open=True), metavar="N", help="Stop after so many passes over the songs."),
    click.option("--optimizer", type=click.Choice(["adamw", "adam", "rmsprop", "sgd"]), help="[default: the preset's]"),
    click.option("--learning-rate", type=Number(0, min_open=True), metavar="X", help="At its peak.  [default: the preset's]"),
    click.option("--schedule", type=click.Choice(["cosine", "halved"]),
                 help="How the learning rate falls: along a cosine, or to half for the second half.  [default: the preset's]"),
    click.option("--final-share", type=Number(0, 1), metavar="X", help="What is left of the learning rate at the end.  [default: the preset's]"),
    click.option("--warmup", "warmup_steps", type=click.IntRange(1), metavar="N",
                 help="Steps in which the learning rate rises to its peak.  [default: the preset's]"),
    click.option("--clip", type=Number(0), metavar="X", help="Most norm of the gradient; 0 for no limit.  [default: the preset's]"),
    click.option("--average", "ema_decay", type=Number(0, 1), metavar="X",
                 help="Decay a step of the moving average of the weights; 0 for none.  [default: the preset's]"),
    click.option("--batch", callback=parse_batch, metavar="N[,N@EPOCH…]",
                 help="Examples a step, such as 16; 32,64@300 doubles them after 300 epochs.  [default: the preset's]"),
    click.option("--crop", "crop_s", type=Number(0, 60, min_open=True), metavar="S",
                 help="Seconds of an example.  [default: as the settings say]"),
    click.option("--cut", type=click.Choice(["grid", "random"]),
                 help="Examples one after another, or from anywhere.  [default: the preset's]"),
    click.option("--keep", type=click.Choice(["best", "last"]),
                 help="Which weights are the model: of the best validation, or the last.  [default: last for paper, else best]"),
    click.option("--keep-epochs", callback=parse_epochs, metavar="N,N,…",
                 help="Also keep the weights after these epochs: RUN/epoch-004.safetensors."),
    click.option("--validate-minutes", type=Number(0, min_open=True), metavar="M",
                 help="Minutes between validations, checkpoints and points of the curve.  [default: 12 times in a training]"),
    click.option("--threads", type=Threads(), metavar="N", help="Processor threads.  [default: all]"),
    click.option("--seed", type=Seed(), default=0, show_default=True, metavar="N", help="Of weights, batches and noise."),
)  # fmt: skip

_CURES = {
    "noise": click.option("--noise", type=Number(0, 10), default=0.0, metavar="X",
                          help="Cure of decay: noise on what is heard in training, of up to X times the songs' RMS; .5 or so."),
    "gain_drift_db": click.option("--gain-drift", "gain_drift_db", type=Number(0, 60), default=0.0, metavar="DB",
                                  help="Cure of decay: half of the examples are heard louder or softer by up to DB; 12 or so."),
    "own": click.option("--own", type=Number(0, 1), default=0.0, metavar="SHARE",
                        help="Cure of decay: this share of what is heard in training is the network's own; .3 or so."),
    "magnitudes": click.option("--magnitudes", type=Number(0, 100), default=0.0, metavar="X",
                               help="Cure of decay: X times the error of log-magnitudes, whatever the phase, in the loss; 1 or so."),
}  # fmt: skip


def training_options(cures: Iterable[str]) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """All settings of a training, with the ``cures`` that a back-end knows."""

    def decorated(command: Callable[..., object]) -> Callable[..., object]:
        for option in reversed((*_SHARED, *(_CURES[name] for name in cures))):
            command = option(command)
        return command

    return decorated


def preset_option(choices: list[str]) -> Callable[..., Any]:
    return click.option("--preset", type=click.Choice(choices), default="small", show_default=True,
                        help="The published size, or one that trains on a laptop in minutes.")  # fmt: skip


def chosen(options: Mapping[str, Any]) -> BackendOptions:
    """The parameters of a command as options."""
    from dataclasses import fields

    from orchestrion.training.train_backend import BackendOptions

    named = {field.name for field in fields(BackendOptions)} & options.keys()
    cures = Cures(**{name: options[name] for name in _CURES if name in options})
    return BackendOptions(**{name: options[name] for name in named}, cures=cures)
