"""``orchestrion train BACKEND``, one subcommand for each back-end, and ``orchestrion train sweep``."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from orchestrion.cli.options import PATH, Number, Seed, Threads, json_option
from orchestrion.cli.output import printable
from orchestrion.cli.streams import echo
from orchestrion.generators.configuring import BackendConfig
from orchestrion.generators.table import BACKENDS, WAVENET, on_songs

DEFAULT_MINUTES = {"small": 5.0}
CURVE_POINTS = 12


def parse_settings(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """``("hidden=256",)`` → ``{"hidden": "256"}``."""
    pairs = [text.partition("=") for text in value]
    for name, separator, _ in pairs:
        if not separator or not name:
            raise click.BadParameter(f"{name!r} is no setting; write NAME=VALUE, for example hidden=256.")
    return {name: text for name, _, text in pairs}


_OPTIONS = (
    click.option("--data", required=True, metavar="SET", help="A set of plain songs: orchestrion data prepare DIR -o SET."),
    click.option("-o", "--output", type=PATH, required=True, metavar="RUN",
                 help="Folder of the run: model.safetensors, loss.png, checkpoint, metrics.jsonl, TensorBoard."),
    click.option("--set", "settings", multiple=True, callback=parse_settings, metavar="NAME=VALUE",
                 help="Change one setting of the preset, such as hidden=256 (all of them: above)."),
    click.option("--minutes", type=Number(0, min_open=True), metavar="M",
                 help="Stop after so many minutes of training.  [default: 5 for small; the paper's epochs otherwise]"),
    click.option("--steps", type=click.IntRange(1), metavar="N", help="Stop after so many updates."),
    click.option("--learning-rate", type=Number(0, min_open=True), metavar="X",
                 help="At its peak.  [default: the paper's, or what suits the small preset]"),
    click.option("--validate-minutes", type=Number(0, min_open=True), metavar="M",
                 help="Minutes between validations, checkpoints and points of the curve.  [default: 12 times in a training]"),
    click.option("--threads", type=Threads(), metavar="N", help="Processor threads.  [default: all]"),
    click.option("--seed", type=Seed(), default=0, show_default=True, metavar="N", help="Of weights, batches and noise."),
)  # fmt: skip


def _options(command: Callable[..., object]) -> Callable[..., object]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _preset_option(choices: list[str]) -> Callable[..., Any]:
    return click.option("--preset", type=click.Choice(choices), default="small", show_default=True,
                        help="The published size, or one that trains on a laptop in minutes.")  # fmt: skip


class BackendCommand(click.Command):
    """The training of one back-end; its help names the sizes and settings of its presets, looked up when it is shown."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        assert self.name is not None
        self.help = _help(self.name)
        super().format_help_text(ctx, formatter)


def _help(name: str) -> str:
    backend = BACKENDS[name]
    presets = backend.presets()
    rates = " or ".join(f"{rate} ({', '.join(sized)})" for rate, sized in _by_rate(presets).items())
    small = presets["small"]
    return f"""Train {backend.what} ({backend.paper}) on plain songs.

    SET must be at {rates} samples a second; orchestrion data prepare makes it. Ctrl-C stops after a checkpoint,
    --resume goes on. loss.png shows the loss on training and on held-out songs against epochs.

    --set changes, here with their values in the preset small: {", ".join(_settings(small))}.

    \b
    Examples:
      orchestrion data prepare songs/ --rate {small.sample_rate} -o set
      orchestrion train {name} --data set --preset small --minutes 5 -o runs/{name}
      orchestrion generate {name} --model runs/{name} --seed-audio noise --seconds 10 -o new.wav
    """


def _by_rate(presets: Mapping[str, Any]) -> dict[int, list[str]]:
    rates: dict[int, list[str]] = {}
    for preset, config in presets.items():
        rates.setdefault(config.sample_rate, []).append(preset)
    return rates


def _settings(config: Any) -> list[str]:
    """Every setting with its value, and the others that it may have where it is a name."""
    choices = config.choices() if isinstance(config, BackendConfig) else {}
    return [
        f"{name}={_written(value)}" + (f" ({', '.join(_written(other) for other in choices[name])})" if name in choices else "")
        for name, value in config.to_dict().items()
    ]


def _written(value: object) -> str:
    """As ``--set`` takes it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()


def make_command(name: str) -> click.Command:
    """The subcommand of ``orchestrion train`` for one back-end."""
    backend = BACKENDS[name]

    @click.command(name, cls=BackendCommand, short_help=f"Train {backend.what} ({backend.paper}).")
    @_preset_option(list(backend.recipes))
    @click.option("--resume", is_flag=True, help="Go on where RUN was stopped, as if it never had been.")
    @_options
    @click.pass_context
    def command(ctx: click.Context, preset: str, data: str, output: Path, settings: dict[str, str], resume: bool, **_: Any) -> None:
        from orchestrion.training.runs import check_installed

        check_installed()
        from orchestrion.training.train_backend import train_backend

        measures = train_backend(
            name, data, output, preset=preset, settings=settings, loop=_loop(ctx, preset), resume=resume
        )
        for measure, value in measures.items():
            echo(f"{measure.replace('_', ' '):<32} {value:.4f}")
        echo(f"{printable(output / 'model.safetensors')}  the weights at their best validation")

    return command


@click.command()
@click.argument("backend", type=click.Choice(on_songs()))
@_preset_option(["small", "paper"])
@click.option("--hidden", required=True, metavar="N,N,…", help="Sizes of the hidden state, such as 32,64,128.")
@json_option
@_options
@click.pass_context
def sweep(ctx: click.Context, backend: str, preset: str, data: str, output: Path, settings: dict[str, str], hidden: str,
          as_json: bool, **_: Any) -> None:  # fmt: skip
    """Train a back-end at several hidden sizes and compare their held-out losses (Nayebi & Vitelli 2015, Figure 2).

    RUN holds a folder for each size, sweep.json and sweep.png. The same command again goes on where it was stopped.

    \b
    Example:
      orchestrion train sweep spectral-lstm --data set --hidden 32,64,128 --minutes 3 -o runs/sweep
    """
    from orchestrion.training.runs import check_installed

    check_installed()
    from orchestrion.training.train_backend import sweep as run_sweep

    rows = run_sweep(
        backend, data, output, hidden=_sizes(hidden), preset=preset, settings=settings, loop=_loop(ctx, preset)
    )
    if as_json:
        echo(json.dumps(rows))
        return
    for row in rows:
        echo(f"hidden {row['hidden']:>6}  {row['parameters']:>12,} parameters  held-out loss {row['held_out_loss']:.4f}"
                   f"  training songs {row['training_songs_loss']:.4f}")  # fmt: skip
    echo(f"{printable(output / 'sweep.png')}  the same as a figure")


def twin_of(renderer: click.Command) -> click.Command:
    """The training of a renderer by the conditioned WaveNet's name as a back-end."""
    twin = copy.copy(renderer)
    twin.name, twin.params = WAVENET, list(renderer.params)
    return twin


def _sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no list of sizes; write for example 32,64,128.") from error


def _loop(ctx: click.Context, preset: str) -> Mapping[str, Any]:
    options = ctx.params
    minutes = options["minutes"]
    if minutes is None and options["steps"] is None:
        minutes = DEFAULT_MINUTES.get(preset)
    validate = options["validate_minutes"]
    if validate is None and minutes is not None:
        validate = minutes / CURVE_POINTS
    names = ("steps", "learning_rate", "threads", "seed")
    return {"minutes": minutes, "validate_minutes": validate} | {name: options[name] for name in names}
