"""Note arrays: the notes of a score as one structured array, a row a note, a field a column (as in partitura).

    >>> table = note_array([Note(0.0, 0.5, 60, 80), Note(0.5, 1.0, 64, 90)])
    >>> table["pitch"].tolist(), (table["offset_s"] - table["onset_s"]).tolist()
    ([60, 64], [0.5, 0.5])
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from orchestrion.score.notes import Note

NOTE_ARRAY = np.dtype([("onset_s", np.float64), ("offset_s", np.float64), ("pitch", np.int64), ("velocity", np.int64)])
"""Fields and units as those of `Note`."""


def note_array(notes: Iterable[Note]) -> np.ndarray:
    """``notes`` in their order: `NOTE_ARRAY` [n]."""
    return np.array([(n.onset_s, n.offset_s, n.pitch, n.velocity) for n in notes], dtype=NOTE_ARRAY)


def notes_of(onset_s: ArrayLike, offset_s: ArrayLike, pitch: ArrayLike, velocity: ArrayLike) -> tuple[Note, ...]:
    """The notes of four columns [n], in their order; ``velocity`` may be one number for all.

    Raises:
        OrchestrionError: a value outside its range, see `Note`.
    """
    columns = np.broadcast_arrays(onset_s, offset_s, pitch, velocity)
    kinds = (np.float64, np.float64, np.int64, np.int64)
    return tuple(map(Note, *(column.astype(kind).tolist() for column, kind in zip(columns, kinds, strict=True))))
