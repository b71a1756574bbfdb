"""``orchestrion train BACKEND``, one subcommand for each back-end, and ``orchestrion train sweep``."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from orchestrion import shipped
from orchestrion.cli.clusters import cluster_at, cluster_option
from orchestrion.cli.options import NameOrPath, NumberRange, Seed, json_option
from orchestrion.cli.output import printable
from orchestrion.cli.streams import echo, echo_measures
from orchestrion.cli.training import preset_option, training_options
from orchestrion.generators.configuring import BackendConfig
from orchestrion.generators.table import BACKENDS, WAVENET, on_songs
from orchestrion.options import BackendTraining


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
    @preset_option(list(backend.recipes))
    @click.option("--resume", is_flag=True, help="Go on where RUN was stopped, as if it never had been.")
    @training_options(backend.cures)
    def command(preset: str, resume: bool, data: str, output: Path, settings: dict[str, str], training: BackendTraining) -> None:
        from orchestrion.training.train_backend import train_backend

        measures = train_backend(name, data, output, preset=preset, settings=settings, training=training, resume=resume)
        for measure, value in measures.items():
            echo(f"{measure.replace('_', ' '):<32} {value:.4f}")
        echo(f"{printable(output / 'model.safetensors')}  the weights that are kept")

    return command


def make_evaluation(name: str) -> click.Command:
    """The subcommand of ``orchestrion evaluate`` for one back-end."""

    @click.command(name, short_help=f"Held-out loss of {BACKENDS[name].what}, and whether it speaks.", help=f"""
    Held-out loss of {name} ({BACKENDS[name].paper}), and whether it speaks when it runs free.

    Continuations are made of two places in the songs and of noise, and again with another seed: do they keep the songs' level (within 10 dB),
    depend on what they continue or on the seed (correlation below .9), and move on (no block that repeats itself)?

    \b
    Examples:
      orchestrion evaluate {name} --model runs/{name} --data set
      orchestrion evaluate {name} --model runs/{name}/epoch-004.safetensors --data set --temperature 1 --json
    """)  # fmt: skip
    @click.option("--data", required=True, metavar="SET", help="A set of plain songs: orchestrion data prepare DIR -o SET.")
    @click.option("--model", type=NameOrPath(shipped.names), metavar="RUN|NAME",
                  help="A run's folder, a weights file or checkpoint, or a shipped model.  [default: the shipped one]")
    @click.option("--split", type=click.Choice(["validation", "train"]), default="validation", show_default=True, help="Which songs.")
    @click.option("--seconds", type=NumberRange(1, 600), default=10.0, show_default=True, metavar="S", help="Of each continuation.")
    @click.option("--temperature", type=NumberRange(0, 100), metavar="X", help="As of orchestrion generate.  [default: the model's own]")
    @click.option("--seed", type=Seed(), default=0, show_default=True, metavar="N", help="Same seed, same bytes.")
    @cluster_option
    @json_option
    def command(data: str, model: str | None, cluster: str | None, as_json: bool, **options: Any) -> None:
        from orchestrion.training.evaluate_backend import evaluate_backend

        with cluster_at(cluster) as workers:
            measures = evaluate_backend(name, data, model, cluster=workers, **options)
        low, high = measures["level_db"]
        echo_measures(measures if as_json else {**measures, "level_db": f"{low:+.1f} to {high:+.1f}"}, as_json)

    return command


@click.command(short_help="Train a back-end with several values of a setting.")
@click.argument("backend", type=click.Choice(on_songs()))
@preset_option(["small", "paper"])
@click.option("--hidden", metavar="N,N,…", help="Sizes of the hidden state, such as 32,64,128: the same as --vary hidden=…")
@click.option("--vary", metavar="NAME=V,V,…", help="Values of any setting, such as kernel=2,4,6,8.")
@json_option
@training_options(())
def sweep(backend: str, preset: str, hidden: str | None, vary: str | None, as_json: bool, data: str, output: Path,
          settings: dict[str, str], training: BackendTraining) -> None:  # fmt: skip
    """Train a back-end with several values of a setting and compare held-out losses (Nayebi & Vitelli 2015, Figure 2).

    RUN holds a folder for each value, sweep.json and sweep.png. The same command again goes on where it was stopped.

    \b
    Examples:
      orchestrion train sweep spectral-lstm --data set --hidden 32,64,128 --minutes 3 -o runs/sweep
      orchestrion train sweep tcn --data set4410 --vary kernel=2,4,6,8 --examples 20000 -o runs/kernels
    """
    if (hidden is None) == (vary is None):
        raise click.UsageError("Say what is varied: --hidden 32,64,128, or --vary kernel=2,4,8.")
    setting, _equals, values = (vary or f"hidden={hidden}").partition("=")
    if not values:
        raise click.BadParameter(f"{vary!r} names no values; write for example kernel=2,4,8.")
    from orchestrion.training.train_backend import sweep as run_sweep

    rows = run_sweep(
        backend, data, output, setting=setting, values=values.split(","), preset=preset, settings=settings, training=training
    )
    if as_json:
        echo(json.dumps(rows))
        return
    for row in rows:
        echo(f"{setting} {row[setting]!s:>6}  {row['parameters']:>12,} parameters  held-out loss {row['held_out_loss']:.4f}"
                   f"  training songs {row['training_songs_loss']:.4f}")  # fmt: skip
    echo(f"{printable(output / 'sweep.png')}  the same as a figure")


def twin_of(renderer: click.Command) -> click.Command:
    """The training of a renderer by the conditioned WaveNet's name as a back-end."""
    twin = copy.copy(renderer)
    twin.name, twin.params = WAVENET, list(renderer.params)
    return twin
