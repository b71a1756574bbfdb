"""Seconds to quarter notes and back, across tempo changes; rounding to a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrion.score.notes import Tempo


class TempoMap:
    """A piecewise linear clock.

    Args:
        beats: where each tempo begins, in quarter notes, ascending from 0.
        bpm: quarter notes a minute from there on; the last one goes on for ever.
    """

    def __init__(self, beats: Sequence[float] | np.ndarray, bpm: Sequence[float] | np.ndarray):
        self._beats = np.asarray(beats, dtype=np.float64)
        self._beat_s = 60.0 / np.asarray(bpm, dtype=np.float64)
        self._seconds = np.concatenate([[0.0], np.cumsum(np.diff(self._beats) * self._beat_s[:-1])])

    @classmethod
    def from_tempos(cls, tempos: Sequence[Tempo]) -> TempoMap:
        """From tempo changes placed in seconds, the first at 0 s (as `Score` keeps them)."""
        times = np.array([tempo.time_s for tempo in tempos])
        bpm = np.array([tempo.bpm for tempo in tempos])
        beats = np.concatenate([[0.0], np.cumsum(np.diff(times) * bpm[:-1] / 60.0)])
        clock = cls(beats, bpm)
        clock._seconds = times  # the given times, free of what the sums above have rounded
        return clock

    def to_seconds(self, beats: np.ndarray | Sequence[float]) -> np.ndarray:
        """Seconds at ``beats`` (quarter notes from the beginning)."""
        positions = np.asarray(beats, dtype=np.float64)
        index = np.searchsorted(self._beats, positions, side="right") - 1
        return self._seconds[index] + (positions - self._beats[index]) * self._beat_s[index]

    def to_beats(self, seconds: np.ndarray | Sequence[float]) -> np.ndarray:
        """Quarter notes from the beginning at ``seconds``."""
        times = np.asarray(seconds, dtype=np.float64)
        index = np.searchsorted(self._seconds, times, side="right") - 1
        result: np.ndarray = self._beats[index] + (times - self._seconds[index]) / self._beat_s[index]
        return result


def round_half_up(values: np.ndarray) -> np.ndarray:
    """Nearest integer, halves up (numpy rounds halves to even, which would make equal steps uneven); int64."""
    return np.floor(values + 0.5).astype(np.int64)
