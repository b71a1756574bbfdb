"""What the back-ends' configs share: ranges checked when made, JSON in and out, and single values changed by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self, TypeVar

from orchestrion.errors import OrchestrionError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Bounds = tuple[float, float]
Config = TypeVar("Config", bound="DataclassInstance")


@dataclasses.dataclass(frozen=True)
class BackendConfig:
    """Base of the back-ends' configs: `limits` and `choices` say what each field may be, and are checked when made.

    Raises:
        OrchestrionError: a value of the wrong type or outside its range.
    """

    def __post_init__(self) -> None:
        for name, (low, high) in self.limits().items():
            value, whole = getattr(self, name), isinstance(low, int)
            right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not right or not low <= value <= high:
                kind = "a whole number" if whole else "a number"
                raise OrchestrionError(f"Back-end config: {name} is {value!r}; it must be {kind} from {low} to {high}.")
        for name, allowed in self.choices().items():
            if getattr(self, name) not in allowed:
                listed = ", ".join(map(str, allowed))
                raise OrchestrionError(f"Back-end config: {name} is {getattr(self, name)!r}, not one of {listed}.")

    @classmethod
    def limits(cls) -> Mapping[str, Bounds]:
        """Lowest and highest value of each number; whole numbers where the bounds are."""
        return {}

    @classmethod
    def choices(cls) -> Mapping[str, tuple[object, ...]]:
        """The values of each field that is a name or a switch."""
        return {}

    @classmethod
    def younger(cls) -> dict[str, object]:
        """Fields that files of earlier versions lack, as those versions had it."""
        return {}

    def to_dict(self) -> dict[str, object]:
        """JSON-able; the inverse of `from_dict`."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """The config that a weights file carries; unknown and missing keys are errors, but for younger ones."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = cls.younger() | dict(values)
        if set(values) != known:
            raise OrchestrionError(f"Back-end config: unknown or missing keys: {', '.join(sorted(set(values) ^ known))}.")
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def changed(config: Config, settings: Mapping[str, str]) -> Config:
    """``config`` (any frozen dataclass) with fields replaced by values written as text, as ``--set hidden=256`` gives them.

    Raises:
        OrchestrionError: no such field, or text that is not a value of its type.
    """
    values = {name: _parsed(config, name, text) for name, text in settings.items()}
    return dataclasses.replace(config, **values)


def _parsed(config: DataclassInstance, name: str, text: str) -> object:
    known = [field.name for field in dataclasses.fields(config)]
    if name not in known:
        raise OrchestrionError(f"There is no setting {name!r}; this back-end has {', '.join(known)}.")
    before = getattr(config, name)
    try:
        return READERS[type(before)](text)
    except (ValueError, KeyError) as error:
        raise OrchestrionError(f"{name}={text} cannot be used; its present value is {before!r}.") from error


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


READERS: dict[type, Callable[[str], object]] = {
    bool: lambda text: {"true": True, "false": False}[text.lower()],
    int: int,
    float: float,
    str: str,
    tuple: _numbers,
}
