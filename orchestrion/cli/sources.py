"""Which scores a command was given, and how they are to be changed before they are played."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrion.cli.options import TUNES, Number, strict_option
from orchestrion.cli.output import printable
from orchestrion.errors import OrchestrionError
from orchestrion.files import find_files
from orchestrion.suffixes import SCORES

if TYPE_CHECKING:
    from orchestrion.score import Score

_OPTIONS = (
    click.option("--part", metavar="NAME|N", help="Play one part only, by its name or its number from 0."),
    click.option("--transpose", type=click.IntRange(-127, 127), default=0, metavar="SEMITONES", help="Up, or down if negative."),
    click.option("--tempo", type=Number(10, 500), metavar="BPM", help="Opening tempo; later changes keep their ratio."),
    click.option("--speed", type=Number(0.1, 10), metavar="X", help="Play X times as fast, instead of --tempo."),
    click.option("--start", type=Number(0), default=0.0, metavar="SECONDS", help="Begin there, in seconds as played."),
    click.option("--end", type=Number(0, min_open=True), metavar="SECONDS", help="Stop there, in seconds as played."),
)


def arranging_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options that `arrange` reads from ``ctx.params``."""
    for option in reversed((*_OPTIONS, strict_option)):
        command = option(command)
    return command


def find_scores(given: Iterable[str]) -> list[str]:
    """Names of built-in tunes and paths as given; a folder stands for the scores that lie in it, sorted.

    Raises:
        OrchestrionError: a folder without scores.
    """
    found: list[str] = []
    for source in given:
        folder = Path(source)
        if source in TUNES or not folder.is_dir():
            found.append(source)
            continue
        inside = find_files(folder, SCORES, depth=0)
        if not inside:
            raise OrchestrionError(f"The folder {printable(folder)} holds no scores ({' '.join(SCORES)}).")
        found.extend(map(str, inside))
    return found


def read_arranged(source: str, ctx: click.Context) -> Score:
    """Read a score and apply the arranging options: part, transposition, tempo, then the cut.

    Raises:
        OrchestrionError: what `Score.read` and the changes raise, or nothing is left to play.
    """
    from orchestrion.score import Score

    options = ctx.params
    if options["tempo"] is not None and options["speed"] is not None:
        raise click.UsageError("Give --tempo or --speed, not both.")
    score = Score.read(source, strict=options["strict"])
    if options["part"] is not None:
        score = score.select(options["part"])
    score = score.transpose(options["transpose"])
    speed = options["tempo"] / score.tempos[0].bpm if options["tempo"] is not None else options["speed"]
    if speed is not None:
        score = score.scale_tempo(speed)
    if options["start"] or options["end"] is not None:
        score = score.crop(options["start"], options["end"])
    if not score.notes:
        raise OrchestrionError(f"Nothing is left to play of {printable(source)}: no pitched note in that part and time.")
    return score
