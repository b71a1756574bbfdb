"""Scores on disk as pieces of a corpus: MIDI, MusicXML, ABC and kern."""

from __future__ import annotations

from pathlib import Path

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
    return CorpusPiece.from_roll(PianoRoll.from_score(Score.read(path)), name)
