"""What a back-end is: the protocol that its network keeps, and the row that registers it (see `table`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orchestrion.generators.cures import NONE, Cures
from orchestrion.generators.recipe import Recipe
from orchestrion.progress import Advance

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor


@runtime_checkable
class Generator(Protocol):
    """A ``torch.nn.Module`` that learns from plain audio and continues it.

    Attributes:
        config: a frozen dataclass with ``to_dict`` and ``from_dict``.
        sample_rate: samples a second.
        block: samples between possible seams in its audio; 1 where it goes sample by sample.
        clip_samples: samples of a training example.
        temperature: of generation where none is asked for.
    """

    config: Any
    temperature: float

    @property
    def sample_rate(self) -> int: ...

    @property
    def block(self) -> int: ...

    @property
    def clip_samples(self) -> int: ...

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure what normalises the data, over ``clips`` each ``[b, t]``; once, before training."""

    def clip_for(self, seconds: float) -> int:
        """Samples of an example of about so many seconds, where another length than ``clip_samples`` is asked for."""

    def loss(self, clips: Tensor, cures: Cures = NONE, rng: torch.Generator | None = None) -> Tensor:
        """What training minimises, over ``[b, clip_samples]`` of audio in [-1, 1]; ``cures`` as far as the row lists them."""

    def measure_residual(self, clips: Iterable[Tensor]) -> None:
        """Measure, over ``clips``, what drawing at a temperature needs; before a model is kept."""

    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None, *,
        temperature: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        """The continuation of ``seed_audio`` (float32 [t] at the model's rate; None: noise), float32 [n_samples] in [-1, 1].

        Args:
            temperature: how far what is played is drawn from what is predicted; None for the model's own.
        """


@dataclass(frozen=True)
class Backend:
    """A row of the table. Nothing heavy is imported before ``presets`` or ``network`` is called.

    Attributes:
        what: one noun phrase for people, without the paper.
        paper: authors and year.
        presets: gives the configs by name; ``paper`` (the published size) and ``small`` (trains on a laptop) among them.
        network: gives the class of the network, whose only argument is a config.
        cures: those that its loss knows, names of fields of `Cures`.
        recipes: how each preset is trained on plain songs; none where notes are needed as well.
        unit: what the loss is measured in.
    """

    what: str
    paper: str
    presets: Callable[[], Mapping[str, Any]]
    network: Callable[[], Callable[[Any], Any]]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    cures: tuple[str, ...] = ()
    unit: str = "mean squared error, normalised"

    def model(self, config: Any) -> Any:
        """An untrained network, a `Generator`."""
        return self.network()(config)

    def config_of(self, values: Mapping[str, object]) -> Any:
        """The config that a weights file carries.

        Raises:
            OrchestrionError: it is not one of this back-end.
        """
        return type(self.presets()["small"]).from_dict(values)
