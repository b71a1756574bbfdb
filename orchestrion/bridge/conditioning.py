"""`ConditioningSeries`: a score on the clock of the renderer. The only place where seconds become frames.

Frame f governs the samples [f * hop, (f + 1) * hop). Each boundary is computed from absolute seconds and rounded once,
so the error never exceeds half a frame however long the piece. A series holds its notes, not its values: an hour at
16 kHz with hop 64 has 900,000 frames of 384 channels (1.4 GB dense), so values are made for the frames asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_DENSE_BYTES, MAX_SCORE_S
from orchestrion.score.notes import N_PITCHES, Note
from orchestrion.score.notetable import NoteTable
from orchestrion.score.score import Score

GROUPS = ("sounding", "onset", "velocity")

# Seconds times a frame rate may land a rounding error above a whole number; that does not take another frame.
ROUNDING_FRAMES = 1e-6


@dataclass(frozen=True, slots=True)
class ConditioningSeries:
    """Local conditioning for audio of ``n_frames * hop`` samples at ``sample_rate``.

    Channel groups, each of 128 channels (one a pitch):
        ``sounding``: 1.0 where a note is held, else 0.0 (the binary series of Manzelli et al. 2018, section 3).
        ``onset``: velocity/127 in the frame of the attack, else 0.0.
        ``velocity``: velocity/127 where a note is held, else 0.0.

    Args:
        notes: on the clock of frames, see `NoteTable`; none begins at ``n_frames`` or later.
        n_frames: at least 1, at most six hours (``limits.MAX_SCORE_S``).
        sample_rate: samples a second.
        hop: samples a frame.
        groups: which groups the columns of ``values`` hold, in this order.

    Raises:
        OrchestrionError: a value is outside its range.
    """

    notes: NoteTable
    n_frames: int
    sample_rate: int = 16000
    hop: int = 64
    groups: tuple[str, ...] = GROUPS

    def __post_init__(self) -> None:
        if not isinstance(self.notes, NoteTable):
            raise OrchestrionError("A conditioning series is made of a NoteTable; use from_values for an array.")
        if self.sample_rate < 1 or self.hop < 1:
            raise OrchestrionError(f"Sample rate {self.sample_rate} and hop {self.hop} must both be at least 1.")
        if not 1 <= self.n_frames or self.duration_s > MAX_SCORE_S + self.hop / self.sample_rate:
            raise OrchestrionError(
                f"A series of {self.duration_s:.1f} s is impossible; it may last up to {MAX_SCORE_S / 3600:g} hours."
            )
        if not self.groups or len(set(self.groups)) < len(self.groups) or not set(self.groups) <= set(GROUPS):
            raise OrchestrionError(f"Channel groups {self.groups} are not a choice of {GROUPS}.")
        if len(self.notes) and int(self.notes.onset_frame.max()) >= self.n_frames:
            raise OrchestrionError(f"A note begins after the {self.n_frames} frames of its series.")
        object.__setattr__(self, "groups", tuple(self.groups))

    @classmethod
    def from_score(
        cls,
        score: Score,
        *,
        sample_rate: int = 16000,
        hop: int = 64,
        duration_s: float | None = None,
        tail_s: float = 1.0,
        groups: tuple[str, ...] = GROUPS,
    ) -> ConditioningSeries:
        """The pitched notes of ``score``; see `from_notes`. Drums are left out."""
        timing = {"sample_rate": sample_rate, "hop": hop}
        return cls.from_notes(score.notes, duration_s=duration_s, tail_s=tail_s, groups=groups, **timing)

    @classmethod
    def from_notes(
        cls,
        notes: Iterable[Note],
        *,
        sample_rate: int = 16000,
        hop: int = 64,
        duration_s: float | None = None,
        tail_s: float = 1.0,
        groups: tuple[str, ...] = GROUPS,
    ) -> ConditioningSeries:
        """Put ``notes`` on the clock of frames.

        ``onset_frame = floor(onset_s * sample_rate / hop + 1/2)``, likewise ``offset_frame``, which is at least
        ``onset_frame + 1``. There are ``ceil((duration_s + tail_s) * sample_rate / hop)`` frames.

        Args:
            duration_s: what is beyond is left out; where None, until the last note ends.
            tail_s: seconds of silence added, in which the last notes ring out.
        """
        if sample_rate < 1 or hop < 1:
            raise OrchestrionError(f"Sample rate {sample_rate} and hop {hop} must both be at least 1.")
        if duration_s is not None and not 0.0 <= duration_s <= MAX_SCORE_S:
            raise OrchestrionError(f"A duration of {duration_s} s is outside 0 to {MAX_SCORE_S:g} s.")
        if not 0.0 <= tail_s <= MAX_SCORE_S:
            raise OrchestrionError(f"A tail of {tail_s} s is outside 0 to {MAX_SCORE_S:g} s.")
        table = NoteTable.from_notes(notes, sample_rate / hop)
        if duration_s is None:
            total_s = table.duration_s + tail_s
            n_frames = max(_ceil_frames(total_s, sample_rate, hop), table.n_frames, 1)
        else:
            n_frames = max(_ceil_frames(duration_s + tail_s, sample_rate, hop), 1)
            # The tail stays silent, as it would after a piece of that length.
            table = table.crop(0, max(_ceil_frames(duration_s, sample_rate, hop), 1))
        return cls(table, n_frames, sample_rate, hop, groups)

    @classmethod
    def from_values(
        cls, values: np.ndarray, sample_rate: int = 16000, hop: int = 64, groups: tuple[str, ...] = GROUPS
    ) -> ConditioningSeries:
        """Recover the notes from ``values`` [f, 128 * len(groups)], the inverse of `values`.

        Without the group ``onset`` each unbroken run of one velocity is one note; without ``onset`` and ``velocity``
        every note has velocity 127. A note held in the first frame without an attack there began before it.

        Raises:
            OrchestrionError: no notes have these values (wrong shape, NaN, an attack where nothing sounds, …).
        """
        from orchestrion.bridge.densevalues import notes_from_values

        dense = np.asarray(values, dtype=np.float32)
        if dense.ndim != 2 or dense.shape[1] != N_PITCHES * len(groups):
            raise OrchestrionError(f"Values of shape {dense.shape} do not fit {len(groups)} groups of 128 channels.")
        series = cls(notes_from_values(dense, groups), len(dense), sample_rate, hop, groups)
        if not np.allclose(series.values, dense, rtol=0.0, atol=1e-6):
            raise OrchestrionError(f"No notes have these values in the channel groups {groups}.")
        return series

    @property
    def n_samples(self) -> int:
        """Audio samples governed: ``n_frames * hop``."""
        return self.n_frames * self.hop

    @property
    def n_channels(self) -> int:
        """Columns of ``values``: 128 a group."""
        return N_PITCHES * len(self.groups)

    @property
    def duration_s(self) -> float:
        """Seconds of audio governed."""
        return self.n_samples / self.sample_rate

    @property
    def values(self) -> np.ndarray:
        """Everything, float32 [f, c], made anew at each call; long pieces are better read by `block`."""
        return self.block()

    def block(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """All groups side by side in frames [start, stop): float32 [stop - start, c]."""
        start, stop = self._interval(start, stop, self.n_channels)
        dense = np.empty((stop - start, self.n_channels), dtype=np.float32)
        for column, name in enumerate(self.groups):
            dense[:, column * N_PITCHES : (column + 1) * N_PITCHES] = self.group(name, start, stop)
        return dense

    def group(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """One group in frames [start, stop): float32 [stop - start, 128]. Any of the three can be asked for."""
        if name not in GROUPS:
            raise OrchestrionError(f"There is no channel group {name!r}; there are {', '.join(GROUPS)}.")
        start, stop = self._interval(start, stop, N_PITCHES)
        return FILL[name](self.notes.overlapping(start, stop), start, stop)

    def upsample(self, group: str | None = None, start: int = 0, stop: int | None = None) -> np.ndarray:
        """At audio rate: float32 [t, c] for the samples [start, stop), each frame repeated ``hop`` times.

        Args:
            group: one group (128 channels), or None for all.
        """
        channels = self.n_channels if group is None else N_PITCHES
        start, stop = _clip_interval(start, stop, self.n_samples)
        _check_dense(stop - start, channels)
        first, last = start // self.hop, -(-stop // self.hop)
        frames = self.block(first, last) if group is None else self.group(group, first, last)
        return np.repeat(frames, self.hop, axis=0)[start - first * self.hop : stop - first * self.hop]

    def crop_frames(self, start: int, stop: int) -> ConditioningSeries:
        """Frames [start, stop) as a series of their own.

        A note that began before ``start`` keeps its onset, now negative: it is held, but not struck again, and whoever
        counts time from the attack still can.
        """
        if not 0 <= start < stop <= self.n_frames:
            raise OrchestrionError(f"Frames {start} to {stop} are not within the {self.n_frames} there are.")
        return replace(self, notes=self.notes.crop(start, stop), n_frames=stop - start)

    def with_groups(self, groups: Iterable[str]) -> ConditioningSeries:
        """The same notes with other channel groups."""
        return replace(self, groups=tuple(groups))

    def _interval(self, start: int, stop: int | None, channels: int) -> tuple[int, int]:
        start, stop = _clip_interval(start, stop, self.n_frames)
        _check_dense(stop - start, channels)
        return start, stop


def _sounding(notes: NoteTable, start: int, stop: int) -> np.ndarray:
    return _held(notes, np.ones_like(notes.velocity), start, stop).astype(np.float32)


def _velocity(notes: NoteTable, start: int, stop: int) -> np.ndarray:
    return _held(notes, notes.velocity, start, stop) / np.float32(127)


def _onset(notes: NoteTable, start: int, stop: int) -> np.ndarray:
    dense = np.zeros((stop - start, N_PITCHES), dtype=np.float32)
    struck = notes.onset_frame >= start
    dense[notes.onset_frame[struck] - start, notes.pitch[struck]] = notes.velocity[struck] / np.float32(127)
    return dense


FILL = {"sounding": _sounding, "onset": _onset, "velocity": _velocity}


def _held(notes: NoteTable, level: np.ndarray, start: int, stop: int) -> np.ndarray:
    """``level`` of the note held, int16 [stop - start, 128]: steps up at onsets, down at offsets, summed exactly."""
    steps = np.zeros((stop - start + 1, N_PITCHES), dtype=np.int16)
    np.add.at(steps, (np.maximum(notes.onset_frame - start, 0), notes.pitch), level.astype(np.int16))
    np.subtract.at(steps, (np.minimum(notes.offset_frame, stop) - start, notes.pitch), level.astype(np.int16))
    return np.cumsum(steps[:-1], axis=0, dtype=np.int16)


def _ceil_frames(seconds: float, sample_rate: int, hop: int) -> int:
    return math.ceil(seconds * sample_rate / hop - ROUNDING_FRAMES)


def _clip_interval(start: int, stop: int | None, size: int) -> tuple[int, int]:
    stop = size if stop is None else min(stop, size)
    if not 0 <= start <= stop:
        raise OrchestrionError(f"The interval from {start} to {stop} is not within the {size} there are.")
    return start, stop


def _check_dense(rows: int, channels: int) -> None:
    n_bytes = rows * channels * np.dtype(np.float32).itemsize
    if n_bytes > MAX_DENSE_BYTES:
        size = f"{n_bytes / 2**30:.1f} GiB"
        raise OrchestrionError(f"{rows:,} rows of {channels} channels take {size}; ask for fewer at a time.")
