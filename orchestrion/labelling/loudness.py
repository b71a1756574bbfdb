"""Velocities from the levels of attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from orchestrion.datasets.checking.flux import FRAME_S
from orchestrion.score import Note

RANGE_DB = 40.0  # from velocity 127 down to 1, as the transcriber has it
ATTACK_S = 0.15


def with_velocities(notes: Sequence[Note], level_db: np.ndarray) -> tuple[Note, ...]:
    """``notes`` with velocities that tell loudness within the recording: 127 for the loudest, 40 dB lower is 1.

    A note is as loud as the loudest frame in its first 150 ms, ``level_db`` [n] being the level of each frame. Notes
    that sound together share one level: that of the mixture.
    """
    levels = [_attack_level(note, level_db) for note in notes]
    loudest = max(levels, default=0.0)
    return tuple(replace(n, velocity=_velocity(level - loudest)) for n, level in zip(notes, levels, strict=True))


def _attack_level(note: Note, level_db: np.ndarray) -> float:
    first = min(round(note.onset_s / FRAME_S), len(level_db) - 1)
    last = round(min(note.offset_s, note.onset_s + ATTACK_S) / FRAME_S)
    return float(level_db[first : max(last, first + 1)].max())


def _velocity(below_loudest_db: float) -> int:
    return int(np.clip(round(127 + below_loudest_db * 126 / RANGE_DB), 1, 127))
