"""What a back-end is: the protocol that its network keeps, and the row that registers it (see `table`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orchestrion.generators.recipe import Recipe
from orchestrion.progress import Advance

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@runtime_checkable
class Generator(Protocol):
    """A ``torch.nn.Module`` that learns from plain audio and continues it.

    Attributes:
        config: a frozen dataclass with ``to_dict`` and ``from_dict``.
        sample_rate: samples a second.
        block: samples between possible seams in its audio; 1 where it goes sample by sample.
        clip_samples: samples of a training example.
    """

    config: Any

    @property
    def sample_rate(self) -> int: ...

    @property
    def block(self) -> int: ...

    @property
    def clip_samples(self) -> int: ...

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure what normalises the data, over ``clips`` each ``[b, t]``; once, before training."""

    def loss(self, clips: Tensor) -> Tensor:
        """What training minimises, over ``[b, clip_samples]`` of audio in [-1, 1]."""

    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None
    ) -> np.ndarray:
        """The continuation of ``seed_audio`` (float32 [t] at the model's rate; None: noise), float32 [n_samples] in [-1, 1]."""


@dataclass(frozen=True)
class Backend:
    """A row of the table. Nothing heavy is imported before ``presets`` or ``network`` is called.

    Attributes:
        what: one noun phrase for people, without the paper.
        paper: authors and year.
        presets: gives the configs by name; ``paper`` (the published size) and ``small`` (trains on a laptop) among them.
        network: gives the class of the network, whose only argument is a config.
        recipes: how each preset is trained on plain songs; none where notes are needed as well.
        unit: what the loss is measured in.
    """

    what: str
    paper: str
    presets: Callable[[], Mapping[str, Any]]
    network: Callable[[], Callable[[Any], Any]]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
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
