"""What a back-end is: the row that registers it (see `table`), and the config of its network (a `generator.Generator`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from orchestrion.generators.recipe import Recipe

if TYPE_CHECKING:
    from orchestrion.generators.generator import Generator


class Config(Protocol):
    """What a network is made of: a frozen dataclass that weights files carry."""

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def sample_rate(self) -> int: ...

    def to_dict(self) -> dict[str, object]:
        """JSON-able; the inverse of `from_dict`."""

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Raises an `OrchestrionError` where ``values`` are no such config."""


@dataclass(frozen=True)
class Backend:
    """A row of the table. Nothing heavy is imported before ``presets`` or ``network`` is called.

    Attributes:
        what: one noun phrase for people, without the paper.
        paper: authors and year.
        presets: gives the configs by name; ``paper`` (the published size) and ``small`` (trains on a laptop) among them.
        network: makes an untrained network of one of its configs.
        cures: those that its loss knows, names of fields of `Cures`.
        recipes: how each preset is trained on plain songs; none where notes are needed as well.
        unit: what the loss is measured in.
    """

    what: str
    paper: str
    presets: Callable[[], Mapping[str, Config]]
    network: Callable[[Config], Generator]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    cures: tuple[str, ...] = ()
    unit: str = "mean squared error, normalised"

    def config_of(self, values: Mapping[str, object]) -> Config:
        """The config that a weights file carries.

        Raises:
            OrchestrionError: it is not one of this back-end.
        """
        return type(self.presets()["small"]).from_dict(values)
