"""`ConditioningSeries`: a score on the clock of the renderer. The only place where seconds become frames.

Frame f governs the samples [f * hop, (f + 1) * hop). Each boundary is computed from absolute seconds and rounded once,
so the error never exceeds half a frame however long the piece. A series holds its notes, not its values: an hour at
16 kHz with hop 64 has 900,000 frames of 384 channels (1.4 GB dense), so values are made for the frames asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.groups import GROUPS, group_values
from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_DENSE_BYTES, MAX_SCORE_S
from orchestrion.score.notes import N_PITCHES, Note
from orchestrion.score.score import Score

DEFAULT_GROUPS = ("sounding", "onset", "velocity")

# Seconds times a frame rate may land a rounding error above a whole number; that does not take another frame.
ROUNDING_FRAMES = 1e-6


@dataclass(frozen=True, slots=True)
class ConditioningSeries:
    """Local conditioning for audio of ``n_frames * hop`` samples at ``sample_rate``.

    Its values are groups of 128 channels, one a pitch; `bridge.groups` says what each group holds.

    Args:
        notes: on the clock of frames, see `FrameNotes`; none begins at ``n_frames`` or later.
        n_frames: at least 1, at most six hours (``limits.MAX_SCORE_S``).
        sample_rate: samples a second.
        hop: samples a frame.
        groups: which groups the columns of ``values`` hold, in this order.

    Raises:
        OrchestrionError: a value is outside its range.
    """

    notes: FrameNotes
    n_frames: int
    sample_rate: int = 16000
    hop: int = 64
    groups: tuple[str, ...] = DEFAULT_GROUPS

    def __post_init__(self) -> None:
        if not isinstance(self.notes, FrameNotes):
            raise OrchestrionError("A conditioning series is made of a FrameNotes; use from_values for an array.")
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
        groups: tuple[str, ...] = DEFAULT_GROUPS,
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
        groups: tuple[str, ...] = DEFAULT_GROUPS,
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
        table = FrameNotes.from_notes(notes, sample_rate / hop)
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
        cls, values: np.ndarray, sample_rate: int = 16000, hop: int = 64, groups: tuple[str, ...] = DEFAULT_GROUPS
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

    def block(self, start: int = 0, stop: int | None = None, groups: Sequence[str] | None = None) -> np.ndarray:
        """Groups side by side in frames [start, stop): float32 [stop - start, 128 * len(groups)].

        Args:
            groups: the series' own, where None; any of `GROUPS` can be asked for.
        """
        chosen = self._chosen(groups)
        start, stop = _clip_interval(start, stop, self.n_frames)
        _check_dense(stop - start, N_PITCHES * len(chosen))
        return group_values(self.notes, chosen, start, stop, frame_s=self.hop / self.sample_rate)

    def upsample(self, start: int = 0, stop: int | None = None, groups: Sequence[str] | None = None) -> np.ndarray:
        """At audio rate: float32 [t, 128 * len(groups)] for the samples [start, stop), each frame repeated ``hop`` times.

        Args:
            groups: the series' own, where None; any of `GROUPS` can be asked for.
        """
        start, stop = _clip_interval(start, stop, self.n_samples)
        _check_dense(stop - start, N_PITCHES * len(self._chosen(groups)))
        first, last = start // self.hop, -(-stop // self.hop)
        frames = self.block(first, last, groups)
        return np.repeat(frames, self.hop, axis=0)[start - first * self.hop : stop - first * self.hop]

    def crop_frames(self, start: int, stop: int) -> ConditioningSeries:
        """Frames [start, stop) as a series of their own.

        A note that began before ``start`` keeps its onset, now negative: it is held, but not struck again, and whoever
        counts time from the attack still can.
        """
        if not 0 <= start < stop <= self.n_frames:
            raise OrchestrionError(f"Frames {start} to {stop} are not within the {self.n_frames} there are.")
        return replace(self, notes=self.notes.crop(start, stop), n_frames=stop - start)

    def _chosen(self, groups: Sequence[str] | None) -> tuple[str, ...]:
        if groups is None:
            return self.groups
        if isinstance(groups, str) or not set(groups) <= set(GROUPS):
            raise OrchestrionError(f"Channel groups {groups!r} are not a choice of {', '.join(GROUPS)}.")
        return tuple(groups)


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
