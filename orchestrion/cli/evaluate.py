"""``orchestrion evaluate``: likelihoods and note accuracy of a model on held-out data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from orchestrion.cli.options import COMPOSER, INSTRUMENT, device_option, json_option, seed_option
from orchestrion.errors import OrchestrionError


@click.group()
def evaluate() -> None:
    """Measure a model on held-out data.

    \b
    Examples:
      orchestrion evaluate renderer --instrument piano --data recordings/ --json
      orchestrion evaluate composer --model chorales --data JSB_Chorales.mat --split test --json
    """


@evaluate.command()
@click.option("-i", "--instrument", type=INSTRUMENT, required=True, metavar="NAME|PATH", help="Shipped instrument or weights file.")
@click.option("--data", required=True, metavar="DIR", help="Recordings with notes (orchestrion data --help).")
@click.option("--split", default="validation", show_default=True, help="Which pieces, where the folder has splits.")
@click.option("--seconds", type=click.FloatRange(1), default=30.0, show_default=True, metavar="S",
              help="Seconds of each piece to play freely and listen to.")
@seed_option
@device_option
@json_option  # fmt: skip
def renderer(as_json: bool, **options: Any) -> None:
    """Bits a sample with the true and with another score, and how many notes of the free-running audio are right.

    \b
    Example:
      orchestrion evaluate renderer --instrument piano --data recordings/ --json
    """
    raise OrchestrionError("not wired")


@evaluate.command()
@click.option("--model", type=COMPOSER, required=True, metavar="NAME|PATH", help="Shipped composer or weights file.")
@click.option("--data", required=True, metavar="NAME|DIR|FILE.mat",
              help="melodies, chorales, a folder of scores, or a MATLAB file of piano rolls.")
@click.option("--split", type=click.Choice(["train", "validation", "test", "all"]), default="test", show_default=True,
              help="Which pieces.")
@device_option
@json_option  # fmt: skip
def composer(as_json: bool, **options: Any) -> None:
    """Negative log-likelihood a step, in nats, beside the unigram and Markov baselines.

    \b
    Example:
      orchestrion evaluate composer --model chorales --data JSB_Chorales.mat --split test --json
    """
    raise OrchestrionError("not wired")


def _print(result: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(map(len, result))
    for name, value in result.items():
        click.echo(f"{name:<{width}}  {value:.4f}" if isinstance(value, float) else f"{name:<{width}}  {value}")
