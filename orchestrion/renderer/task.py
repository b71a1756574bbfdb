"""Stretches of audio to be generated: `Task`, and `Voice`, a task under way. Both players, CPU and GPU, take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner


@dataclass
class Task:
    """One voice to be generated: frames ``first_frame .. last_frame`` of its series, from ``state``.

    Attributes:
        forced: ``[samples]`` int32 levels to take instead of drawing where they are >= 0, counted from ``first_frame``.
    """

    conditioner: Conditioner
    state: VoiceState
    first_frame: int = 0
    last_frame: int | None = None
    forced: np.ndarray | None = None

    @property
    def n_frames(self) -> int:
        last = self.conditioner.n_frames if self.last_frame is None else self.last_frame
        return last - self.first_frame


class Voice:
    """A task under way: the next frame, and where its levels go."""

    def __init__(self, task: Task, out: np.ndarray | None = None):
        self.task = task
        self.hop = task.conditioner.model.config.hop
        self.out = np.empty(task.n_frames * self.hop, dtype=np.int32) if out is None else out
        self.state = task.state
        self.frame = task.first_frame
        self.last = task.first_frame + task.n_frames

    def forced(self, n_frames: int) -> np.ndarray | None:
        """The next ``n_frames * hop`` levels to take, -1 where they are drawn."""
        if self.task.forced is None:
            return None
        levels = np.full(n_frames * self.hop, -1, dtype=np.int32)
        given = self.task.forced[self.done : self.done + len(levels)]
        levels[: len(given)] = given
        return levels

    @property
    def done(self) -> int:
        """Samples made."""
        return (self.frame - self.task.first_frame) * self.hop

    @property
    def left(self) -> int:
        """Frames to be made."""
        return self.last - self.frame

    def keep(self, levels: np.ndarray) -> None:
        self.out[self.done : self.done + len(levels)] = levels
        self.frame += len(levels) // self.hop
