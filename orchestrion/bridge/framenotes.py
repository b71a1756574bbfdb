"""`FrameNotes`: notes on the clock of frames, one array a column, no two of one pitch at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from orchestrion.bridge.reach import Reach
from orchestrion.errors import OrchestrionError
from orchestrion.score.notearray import note_array
from orchestrion.score.notes import N_PITCHES, Note
from orchestrion.score.tempomap import round_half_up

COLUMNS = ("onset_frame", "offset_frame", "pitch", "velocity")


@dataclass(frozen=True, slots=True, eq=False)
class FrameNotes:
    """Notes as int64 arrays [n], sorted by (onset_frame, pitch); read-only.

    Notes of one pitch do not overlap: a new attack ends the earlier note (`from_notes` sees to it).

    Args:
        onset_frame: frame of the attack; negative where the note began before the table was cut.
        offset_frame: first frame after the note, more than ``onset_frame``, and more than 0.
        pitch: 0 to 127.
        velocity: 1 to 127.
        duration_s: seconds until the last note ends before rounding to frames, 0 if unknown.

    Raises:
        OrchestrionError: a value outside its range, unsorted notes, or overlapping notes of one pitch.
    """

    onset_frame: np.ndarray
    offset_frame: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    duration_s: float = 0.0
    _reach: Reach = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in COLUMNS:
            column = np.array(getattr(self, name), dtype=np.int64)
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        if any(getattr(self, name).shape != (len(self.onset_frame),) for name in COLUMNS):
            raise OrchestrionError("The columns of a note table differ in length.")
        if not self._in_range():
            raise OrchestrionError("A note table holds a note outside its range, or one that ends before it begins.")
        by_pitch = np.lexsort((self.onset_frame, self.pitch))
        same = np.diff(self.pitch[by_pitch]) == 0
        if np.any(same & (self.onset_frame[by_pitch][1:] < self.offset_frame[by_pitch][:-1])):
            raise OrchestrionError("A note table holds overlapping notes of one pitch.")
        if np.any(np.lexsort((self.pitch, self.onset_frame)) != np.arange(len(self))):
            raise OrchestrionError("A note table is not sorted by onset and pitch.")
        object.__setattr__(self, "_reach", Reach(self.onset_frame, self.offset_frame))

    @classmethod
    def from_notes(cls, notes: Iterable[Note], frames_per_second: float) -> FrameNotes:
        """Round every boundary, once, from absolute seconds to the nearest frame (halves up).

        A note lasts at least one frame. Where notes of one pitch overlap, the later attack takes over and the earlier
        note ends there; of attacks in one frame the loudest and the latest end remain, as one note.
        """
        table = note_array(notes)
        onset = round_half_up(table["onset_s"] * frames_per_second)
        offset = np.maximum(round_half_up(table["offset_s"] * frames_per_second), onset + 1)
        duration_s = float(table["offset_s"].max(initial=0.0))
        return cls(*_without_overlaps(onset, offset, table["pitch"], table["velocity"]), duration_s)

    def __len__(self) -> int:
        return len(self.onset_frame)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrameNotes):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in COLUMNS)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name).tobytes() for name in COLUMNS))

    @property
    def n_frames(self) -> int:
        """First frame after the last note; 0 without notes."""
        return int(self.offset_frame.max(initial=0))

    def overlapping(self, start: int, stop: int) -> FrameNotes:
        """The notes that sound somewhere in frames [start, stop), on the same clock."""
        chosen = self._reach.between(start, stop)
        return FrameNotes(*(getattr(self, name)[chosen] for name in COLUMNS))

    def rows(self, start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
        """Onset frame, offset frame, pitch and velocity of each note that sounds somewhere in frames [start, stop)."""
        chosen = self._reach.between(start, stop)
        return zip(*(getattr(self, name)[chosen].tolist() for name in COLUMNS), strict=True)

    def crop(self, start: int, stop: int) -> FrameNotes:
        """The notes of frames [start, stop), counted from ``start``; onsets before it become negative."""
        kept = self.overlapping(start, stop)
        return FrameNotes(
            kept.onset_frame - start, np.minimum(kept.offset_frame, stop) - start, kept.pitch, kept.velocity
        )

    def _in_range(self) -> bool:
        return bool(
            np.all(self.offset_frame > np.maximum(self.onset_frame, 0))
            and np.all((self.pitch >= 0) & (self.pitch < N_PITCHES))
            and np.all((self.velocity >= 1) & (self.velocity <= 127))
        )


def _without_overlaps(
    onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, velocity: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    order = np.lexsort((onset, pitch))
    onset, offset, pitch, velocity = onset[order], offset[order], pitch[order], velocity[order]
    first = np.ones(len(onset), dtype=bool)
    first[1:] = (np.diff(pitch) != 0) | (np.diff(onset) != 0)
    starts = np.flatnonzero(first)
    if len(starts):
        offset, velocity = np.maximum.reduceat(offset, starts), np.maximum.reduceat(velocity, starts)
    onset, pitch = onset[starts], pitch[starts]
    followed = np.flatnonzero(np.diff(pitch) == 0)
    offset[followed] = np.minimum(offset[followed], onset[followed + 1])
    order = np.lexsort((pitch, onset))
    return onset[order], offset[order], pitch[order], velocity[order]
