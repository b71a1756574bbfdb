"""A score as it is to be played: one part of it, transposed, faster or slower, cut."""

from __future__ import annotations

import os

from orchestrion.errors import OrchestrionError
from orchestrion.options import Arranging
from orchestrion.score import Score


def arranged(source: Score | str | os.PathLike[str], wishes: Arranging) -> Score:
    """``source``, read if need be, and changed: part, transposition, tempo, then the cut.

    Raises:
        OrchestrionError: what `Score.read` and the changes raise, or nothing is left to play.
    """
    score = source if isinstance(source, Score) else Score.read(source, strict=wishes.strict)
    if wishes.part is not None:
        score = score.select(wishes.part)
    score = score.transpose(wishes.transpose)
    speed = wishes.speed if wishes.tempo is None else wishes.tempo / score.tempos[0].bpm
    if speed is not None:
        score = score.scale_tempo(speed)
    if wishes.start or wishes.end is not None:
        score = score.crop(wishes.start, wishes.end)
    if not score.notes:
        name = score.title if isinstance(source, Score) else os.fsdecode(source)
        raise OrchestrionError(f"Nothing is left to play of {name}: no pitched note in that part and time.")
    return score
