"""Index of notes by time: finds the notes that sound in a range of frames without scanning all notes."""

from __future__ import annotations

import numpy as np


class Reach:
    """Intervals [onset, end) of n notes, ready to be searched; what keeps two hours at twice the cost of one.

    Args:
        onset: first frame of each note, int64 [n], in any order.
        end: first frame after it, int64 [n].
    """

    def __init__(self, onset: np.ndarray, end: np.ndarray):
        self._order = np.argsort(onset, kind="stable")
        self._onset, self._end = onset[self._order], end[self._order]
        # From here back no note reaches further than this.
        self._latest = np.maximum.accumulate(self._end)

    def between(self, start: int, stop: int) -> np.ndarray:
        """The indices of the notes with end > start and onset < stop, ascending."""
        near = slice(np.searchsorted(self._latest, start, side="right"), np.searchsorted(self._onset, stop))
        return np.sort(self._order[near][self._end[near] > start])
