"""Equal terms for networks that are compared: the same number of steps on the same number of examples."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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


def quickest(update: Callable[[int], None]) -> float:
    """Seconds of the quickest of some updates; ``update`` is called with 0, 1, ….

    One thread is timed by the processor's clock, so that whatever else the machine does is no part of it: a busy machine plans
    as many steps as an idle one.
    """
    clock = time.process_time if torch.get_num_threads() == 1 else time.monotonic
    spent = []
    for step in range(TIMED_STEPS):
        begun = clock()
        update(step)
        spent.append(clock() - begun)
    return min(spent)


def seconds_a_step(job: Job, preset: str, songs: SongSet, batch: int) -> float:
    """The quickest of some updates of one network, in seconds."""
    recipe = recipe_at(job, preset, batch)
    config = changed(preset_named(job.backend, preset), job.settings)
    task = BackendTask(job.backend, config, songs.split("train"), songs.split("validation"), recipe)

    def update(step: int) -> None:
        loss = task.loss(task.model, task.batch(step, 0, 1))
        loss.backward()
        task.model.zero_grad()
        if not torch.isfinite(loss):
            raise AssertionError(f"{job.label}: the loss of an untrained network is not finite")

    return quickest(update)


def recipe_at(job: Job, preset: str, batch: int) -> Recipe:
    """The preset's recipe with batches of one size."""
    return replace(backend_named(job.backend).recipes[preset], batch=((0, batch),))


def shared_steps(minutes: float, seconds: list[float]) -> int:
    """So many steps of each network take ``minutes`` together."""
    return max(LEAST_STEPS, int(60 * minutes / sum(seconds)))
