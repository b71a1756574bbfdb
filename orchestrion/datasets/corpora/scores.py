"""Scores on disk as pieces of a corpus: MIDI, MusicXML, ABC and kern."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.files import find_files
from orchestrion.score import PianoRoll, Score
from orchestrion.suffixes import SCORES


def find_scores(folder: Path) -> list[Path]:
    """Every score below ``folder``, sorted."""
    return find_files(folder, SCORES)


def read_score(path: Path, name: str) -> CorpusPiece:
    """The score in ``path`` rounded to sixteenths, without drums, as the piece ``name``.

    Raises:
        OrchestrionError: see `Score.read` and `PianoRoll.from_score`.
    """
    score = Score.read(path)
    roll = PianoRoll.from_score(score)
    if score.pickup_quarters:
        # Step 0 of a piece begins a bar.
        silent = round((score.meter.bar_quarters - score.pickup_quarters) * roll.steps_per_beat)
        roll = replace(roll, grid=np.pad(roll.grid, ((silent, 0), (0, 0), (0, 0))))
    return CorpusPiece.from_roll(roll, name)
