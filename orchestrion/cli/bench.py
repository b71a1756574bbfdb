"""``orchestrion bench``: how fast this machine plays."""

from __future__ import annotations

from typing import Any

import click

from orchestrion.cli.options import json_option
from orchestrion.errors import OrchestrionError


@click.command()
@click.option("--preset", "presets", multiple=True, type=click.Choice(["small", "medium", "paper"]),
              default=("small", "medium"), show_default=True, help="Sizes of the network to time.")
@click.option("--threads", type=click.IntRange(1), multiple=True, default=(1, 2), show_default=True, metavar="N",
              help="Numbers of threads to time.")
@json_option  # fmt: skip
def bench(as_json: bool, **options: Any) -> None:
    """Time the samplers with random weights: samples a second and how many times faster than real time.

    \b
    Examples:
      orchestrion bench
      orchestrion bench --preset paper --threads 1 --json
    """
    raise OrchestrionError("not wired")
