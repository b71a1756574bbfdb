"""Base of all options: every field is annotated with its parser."""

from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from typing import Self, get_args

from orchestrion.errors import OrchestrionError
from orchestrion.values import Whole

Parser = Callable[[object], object]
DEVICES = ("auto", "cpu", "cuda")
STORAGES = ("float32", "bfloat16", "int8")
# Whole numbers play fastest on every width of vectors, and cost up to 0.008 bits a sample of held-out audio, which no
# measure of notes shows (``benchmarks/storage_price.py``, ``benchmarks/parallel_price.py``).
STORAGE = "int8"
SEED = Whole()


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of those below: every field is parsed, but for those that are None, as their defaults are."""

    def __post_init__(self) -> None:
        for each in fields(self):
            given = getattr(self, each.name)
            if given is None and each.default is None:
                continue
            try:
                object.__setattr__(self, each.name, parser_of(each)(given))
            except OrchestrionError as error:
                raise OrchestrionError(f"{each.name}: {error}") from error

    @classmethod
    def of(cls, **given: object) -> Self:
        """From values that are still to be parsed."""
        return cls(**given)


def parser_of(each: Field[object]) -> Parser:
    """The parser that stands in a field's annotation."""
    parser: Parser = get_args(each.type)[1]
    return parser
