"""``orchestrion bench``: how fast this machine plays."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import click

from orchestrion.cli.options import NumberRange, Threads, json_option
from orchestrion.cli.streams import echo
from orchestrion.processors import usable_processors

if TYPE_CHECKING:
    from orchestrion.renderer.benchmark import Timing

PRESETS, STORAGES, MODES = ("small", "medium", "paper"), ("float32", "bfloat16", "int8"), ("one_voice", "32_voices", "parallel")
SCORE_S, SHORT_SCORE_S = 120.0, 30.0
COLUMNS = ("preset", "mode", "device", "storage", "threads", "× real time", "samples/s", "× torch loop", "of peak", "peak memory")


def _threads() -> list[int]:
    return [1, 2][: usable_processors()]


@click.command(short_help="How fast this machine plays.")
@click.option("--all", "everything", is_flag=True, help="All sizes and storages, and a score of two minutes: about 20 minutes.")
@click.option("--preset", "presets", multiple=True, type=click.Choice(PRESETS),
              help="Sizes of the network; may be given several times.  [default: medium]")
@click.option("--threads", type=Threads(), multiple=True, default=_threads, metavar="N",
              help="Numbers of threads; may be given several times.  [default: 1 and, where there are more, 2]")
@click.option("--storage", "storages", multiple=True, type=click.Choice(STORAGES),
              help="How weights are kept; may be given several times.  [default: int8]")
@click.option("--mode", "modes", multiple=True, type=click.Choice(MODES), default=MODES, show_default=True, help="What is played.")
@click.option("--score-seconds", type=NumberRange(1), metavar="S",
              help=f"Length of the score that is played in parallel.  [default: {SHORT_SCORE_S:g}, with --all {SCORE_S:g}]")
@json_option  # fmt: skip
def bench(
    everything: bool,
    presets: tuple[str, ...],
    threads: tuple[int, ...],
    storages: tuple[str, ...],
    modes: tuple[str, ...],
    score_seconds: float | None,
    as_json: bool,
) -> None:
    """Time the samplers with random weights, beside a plain loop of torch steps in the same run.

    One voice; 32 voices in lockstep; one long score cut into pieces that are played at once. Where there is a GPU that
    plays, its rows follow: one voice, 2,048 voices, and a score of three minutes.
    What ships takes a minute or two, everything about 20.

    \b
    Examples:
      orchestrion bench
      orchestrion bench --all
      orchestrion bench --preset paper --threads 1 --storage float32 --json
    """
    from orchestrion.api.instruments import bench as measure

    rows = []
    if not as_json:
        echo(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}", err=True)
        echo(_line(COLUMNS))
    presets = presets or (PRESETS if everything else ("medium",))
    storages = storages or (STORAGES if everything else ("int8",))
    score_seconds = score_seconds or (SCORE_S if everything else SHORT_SCORE_S)
    for row in measure(presets, threads, modes, storages, score_seconds):
        rows.append(row.to_dict())
        if not as_json:
            echo(_line(_cells(row)))
    if as_json:
        echo(json.dumps(rows, indent=2))


def _line(cells: tuple[str, ...]) -> str:
    widths = (8, 16, 6, 9, 8, 12, 12, 13, 8, 12)
    texts = [cell.ljust(width) if i < 4 else cell.rjust(width) for i, (cell, width) in enumerate(zip(cells, widths, strict=True))]
    return " ".join(texts).rstrip()


def _cells(row: Timing) -> tuple[str, ...]:
    return (
        row.preset,
        row.mode,
        row.device,
        row.storage,
        str(row.threads),
        f"{row.times_real_time:.2f}",
        f"{row.samples_per_second:,.0f}",
        f"{row.times_torch:.0f}",
        "–" if row.fraction_of_peak is None else f"{row.fraction_of_peak:.0%}",
        f"{row.peak_memory_bytes / 2**20:,.0f} MiB",
    )
