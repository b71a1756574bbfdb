"""Which scores a command was given, and how they are to be changed before they are played."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import TUNES
from orchestrion.cli.output import printable
from orchestrion.errors import OrchestrionError
from orchestrion.files import find_files
from orchestrion.options import Arranging
from orchestrion.suffixes import SCORES

STRICT = Flag("--strict", None, "Refuse a score of which something cannot be followed, instead of saying so.")
arranging_options = options_of(
    Arranging,
    "arranging",
    Flag("--part", "NAME|N", "Play one part only, by its name or its number from 0."),
    Flag("--transpose", "SEMITONES", "Up, or down if negative."),
    Flag("--tempo", "BPM", "Opening tempo; later changes keep their ratio."),
    Flag("--speed", "X", "Play X times as fast, instead of --tempo."),
    Flag("--start", "SECONDS", "Begin there, in seconds as played."),
    Flag("--end", "SECONDS", "Stop there, in seconds as played; the audio ends there, too, with a short fade."),
    Flag("--tail", None, "With --end: let the last notes ring on for a second."),
    STRICT,
)


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
