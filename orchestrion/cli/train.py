"""``orchestrion train``: train a renderer or a composer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from orchestrion.cli.options import PATH, device_option, seed_option
from orchestrion.errors import OrchestrionError

_LOOP = (
    click.option("-o", "--output", type=PATH, required=True, metavar="RUN",
                 help="Folder of the run: checkpoints, TensorBoard, the best weights."),
    click.option("--minutes", type=click.FloatRange(0, min_open=True), metavar="M", help="Stop after so long."),
    click.option("--steps", type=click.IntRange(1), metavar="N", help="Stop after so many updates."),
    click.option("--resume", is_flag=True, help="Go on where RUN was stopped, as if it never had been."),
    seed_option,
    device_option,
)  # fmt: skip


def loop_options(command: Callable[..., object]) -> Callable[..., object]:
    """What both kinds of training share."""
    for option in reversed(_LOOP):
        command = option(command)
    return command


@click.group()
def train() -> None:
    """Train an instrument or a composer (needs the extra: pip install "orchestrion[train]").

    \b
    Examples:
      orchestrion train renderer --data soundfont:violin --preset medium --minutes 60 -o runs/violin
      orchestrion train composer --data melodies --preset repo --minutes 30 -o runs/melodies
    """


@train.command()
@click.option("--data", required=True, metavar="DIR|soundfont:NAME",
              help="Recordings with notes (orchestrion data --help), or a set made on demand from a SoundFont.")
@click.option("--preset", type=click.Choice(["small", "medium", "paper"]), default="medium", show_default=True,
              help="Size of the network.")
@click.option("--unconditioned", is_flag=True, help="Without the score: the generator to compare with.")
@loop_options
@click.pass_context  # fmt: skip
def renderer(ctx: click.Context, output: Path, **options: Any) -> None:
    """Train a WaveNet instrument on recordings with their notes.

    Every validation reports bits/sample with the true score and with another piece's: an instrument whose two numbers
    do not part is not trained, whatever its loss.

    \b
    Examples:
      orchestrion train renderer --data soundfont:violin --minutes 60 -o runs/violin
      orchestrion train renderer --data recordings/ --preset small -o runs/mine
      orchestrion render ode-to-joy --instrument runs/mine/best.safetensors -o ode.wav
    """
    raise OrchestrionError("not wired")


@train.command()
@click.option("--data", required=True, metavar="NAME|DIR|FILE.mat",
              help="melodies, chorales, a folder of scores, or a MATLAB file of piano rolls.")
@click.option("--preset", default="repo", show_default=True, help="Sizes of the network: repo or paper.")
@loop_options
@click.pass_context  # fmt: skip
def composer(ctx: click.Context, output: Path, **options: Any) -> None:
    """Train a biaxial LSTM composer on scores.

    \b
    Example:
      orchestrion train composer --data melodies --preset repo --minutes 30 -o runs/melodies
    """
    raise OrchestrionError("not wired")
