"""``orchestrion models``: what ships in the package, and what a weights file says of itself."""

from __future__ import annotations

import json

import click

from orchestrion import models as shipped_models
from orchestrion.cli.options import MODEL, json_option
from orchestrion.cli.streams import echo

PURPOSES = {
    "instrument": "Instruments play scores (render -i NAME): range, and whose notes they have learnt.",
    "composer": "Composers write scores (compose --model NAME).",
    "generator": "Generators of audio go on without notes (generate NAME, or generate wavenet-unconditioned --model NAME).",
    "network": "Networks that instruments share, which learn and train take by themselves.",
}


@click.group(short_help="What ships: list, data sheets, cards.")
def models() -> None:
    """List the shipped models; show a model's data sheet or card.

    \b
    Examples:
      orchestrion models list
      orchestrion models info violin
      orchestrion models card composer-chorales
    """


@models.command("list", short_help="What ships, by what it is for.")
@json_option
def list_models(as_json: bool) -> None:
    """List the shipped models by what they are for: range, what it writes or whose notes it has learnt, licence, size.

    \b
    Example:
      orchestrion models list
    """
    rows = shipped_models.list()
    if as_json:
        echo(json.dumps(rows, indent=2))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for kind, purpose in PURPOSES.items():
        echo(f"{'' if kind == 'instrument' else chr(10)}{purpose}")
        for row in rows:
            if row["kind"] == kind:
                echo(f"  {row['name']:<{width}}  {_what(row)}; {row['licence']}, {_size(row['megabytes'])}")


def _size(megabytes: float) -> str:
    return f"{megabytes:.1f} MB" if megabytes >= 0.1 else f"{1000 * megabytes:.0f} kB"


def _what(row: shipped_models.ShippedModel) -> str:
    if row["kind"] == "instrument" and row["pitch_range"]:
        from orchestrion.score import pitch_name  # which brings numpy: --help does not wait for it

        low, high = (pitch_name(pitch) for pitch in row["pitch_range"])
        return f"{low + '–' + high:<8}  {row['learnt_from']}"
    return row["what"].rstrip(".")


@models.command(short_help="What a model says of itself, as JSON.")
@click.argument("model", type=MODEL)
def info(model: str) -> None:
    """Print what MODEL (a shipped name or a weights file) says of itself, as JSON: config, data, licence, metrics.

    \b
    Example:
      orchestrion models info violin
    """
    echo(json.dumps(shipped_models.info(model), indent=2, ensure_ascii=False))


@models.command(short_help="The card of what ships: data, licence, training.")
@click.argument("name", type=MODEL)
def card(name: str) -> None:
    """Print the card of the shipped model NAME: data, licence, training, how well it obeys the notes.

    \b
    Example:
      orchestrion models card violin
    """
    echo(shipped_models.card(name).rstrip())

