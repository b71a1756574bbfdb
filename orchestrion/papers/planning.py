"""Equal terms for networks that are compared: the same number of steps on the same number of examples."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.generators.configuring import changed
from orchestrion.generators.recipe import Recipe
from orchestrion.generators.table import backend_named, preset_named
from orchestrion.training.backend_task import BackendTask

TIMED_STEPS = 3
LEAST_STEPS = 4


@dataclass(frozen=True, slots=True)
class Job:
    """A network to train: a back-end, its settings as text, and the name of a corpus."""

    backend: str
    corpus: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """For files and legends."""
        changes = "-".join(f"{name}-{value}" for name, value in self.settings.items())
        return f"{self.backend}-{self.corpus}" + (f"-{changes}" if changes else "")


def seconds_a_step(job: Job, preset: str, songs: SongSet, batch: int) -> float:
    """The quickest of some updates of one network, in seconds."""
    recipe = recipe_at(job, preset, batch)
    config = changed(preset_named(job.backend, preset), job.settings)
    task = BackendTask(job.backend, config, songs.split("train"), songs.split("validation"), recipe)
    spent = []
    for step in range(TIMED_STEPS):
        begun = time.monotonic()
        loss = task.loss(task.model, task.batch(step, 0, 1))
        loss.backward()
        task.model.zero_grad()
        spent.append(time.monotonic() - begun)
    if not torch.isfinite(loss):
        raise AssertionError(f"{job.label}: the loss of an untrained network is not finite")
    return min(spent)


def recipe_at(job: Job, preset: str, batch: int) -> Recipe:
    """The preset's recipe with batches of one size."""
    return replace(backend_named(job.backend).recipes[preset], batch=((0, batch),))


def shared_steps(minutes: float, seconds: list[float]) -> int:
    """So many steps of each network take ``minutes`` together."""
    return max(LEAST_STEPS, int(60 * minutes / sum(seconds)))
