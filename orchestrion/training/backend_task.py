"""The training loop's task for any back-end: examples of plain audio in, the back-end's own loss out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from orchestrion.datasets.recordings.recording import Recording
from orchestrion.errors import OrchestrionError
from orchestrion.generators.backend import Config
from orchestrion.generators.files import described, save_generator
from orchestrion.generators.generator import Generator
from orchestrion.generators.recipe import Recipe
from orchestrion.generators.table import backend_named
from orchestrion.progress import track
from orchestrion.training.clips import Clips, batch_at

VALIDATION_CLIPS = 32


class BackendTask:
    """One back-end on one set of songs.

    Args:
        backend, config: what is trained.
        train, validation: songs at the back-end's rate.
        recipe: batches and how examples are cut.
        provenance: goes into the weights' header.

    Raises:
        OrchestrionError: songs at another rate, or no songs.
    """

    def __init__(
        self,
        backend: str,
        config: Config,
        train: Sequence[Recording],
        validation: Sequence[Recording],
        recipe: Recipe,
        *,
        seed: int = 0,
        provenance: Mapping[str, object] | None = None,
    ):
        torch.manual_seed(seed)
        self.backend, self.recipe = backend, recipe
        self.model = backend_named(backend).network(config)
        check_rate(backend, self.model, [*train, *validation])
        length = self.model.clip_samples if recipe.crop_s is None else self.model.clip_for(recipe.crop_s)
        self.clips = Clips(train, length, seed, recipe.cut == "random")
        self._held_out = Clips(validation, length)
        self._seed = seed
        self._provenance = dict(provenance or {})
        self.model.calibrate(track(self.clips.in_order(), self.clips.n_batches(), "Measuring the songs"))

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """``clips`` [b, n] of one step, in which processes take turns, and the seed of what the cures draw in it."""
        position, size = batch_at(self.recipe.batch, step, max(1, len(self.clips) // world))
        taken = range(position * world + rank * size, position * world + (rank + 1) * size)
        chance = np.random.default_rng((self._seed, step, rank)).integers(1 << 62)
        return {"clips": torch.from_numpy(np.stack([self.clips.at(i) for i in taken])), "chance": torch.tensor(chance)}

    def loss(self, model: Generator, batch: Mapping[str, Tensor]) -> Tensor:
        """The back-end's own, with the recipe's cures."""
        clips = batch["clips"]
        if not self.recipe.cures.taken():
            return model.loss(clips)
        rng = torch.Generator(clips.device).manual_seed(int(batch["chance"]))
        return model.loss(clips, self.recipe.cures, rng)

    def validate(self, model: Generator) -> dict[str, float]:
        """``loss`` on held-out songs and, in the same mode, ``training_songs_loss`` on training songs: up to 32 examples each.

        Neither has the cures in it, so that trainings can be compared.
        """
        device = next(self.model.parameters()).device
        # On songs that it has not learnt by heart.
        model.measure_residual(clip.to(device) for clip in self._held_out.in_order(VALIDATION_CLIPS))
        return {"loss": mean_loss(model, self._held_out), "training_songs_loss": mean_loss(model, self.clips)}

    def save(self, path: Path, model: Generator, metrics: Mapping[str, float]) -> None:
        """Write a model that ``generators.files`` can load."""
        save_generator(path, self.backend, model, self._facts(metrics))

    def description(self) -> dict[str, object]:
        """What a checkpoint says of its model."""
        return described(self.backend, self.model) | self._facts({})

    def _facts(self, metrics: Mapping[str, float]) -> dict[str, object]:
        facts = self._provenance | {"metrics": dict(metrics)}
        if steps := int(metrics.get("steps", 0)):
            examples = batch_at(self.recipe.batch, steps, len(self.clips))[0]
            heard_s = examples * self.clips.length / self.model.sample_rate
            facts["training"] = {"steps": steps, "examples": examples, "seconds_of_audio": round(heard_s, 1)}
        return facts

    def epochs(self, step: int) -> float:
        """How often the training songs have been seen after ``step`` updates."""
        return batch_at(self.recipe.batch, step, len(self.clips))[0] / len(self.clips)


def check_rate(backend: str, model: Generator, songs: Sequence[Recording]) -> None:
    """Raise an `OrchestrionError` where a song is at another rate than the model's."""
    for song in songs:
        if song.sample_rate != (rate := model.sample_rate):
            raise OrchestrionError(
                f"{backend} of this size works at {rate} samples a second, the set has {song.sample_rate}; make "
                f"another: orchestrion data prepare DIR --rate {rate} -o SET."
            )


def mean_loss(model: Generator, clips: Clips, most: int | None = VALIDATION_CLIPS) -> float:
    """Over the examples, or ``most`` of them evenly spaced."""
    return mean_of(losses(model, clips, most))


@torch.no_grad()
def losses(model: Generator, clips: Clips, most: int | None = None, batches: range | None = None) -> list[tuple[float, int]]:
    """Of each batch of `Clips.in_order` the mean loss, and how many examples it has."""
    device = next(model.parameters()).device
    return [(float(model.loss(batch.to(device))), len(batch)) for batch in clips.in_order(most, batches)]


def mean_of(found: Iterable[tuple[float, int]]) -> float:
    """The mean over the examples of `losses`."""
    total = n = 0.0
    for loss, examples in found:
        total, n = total + loss * examples, n + examples
    return total / n
