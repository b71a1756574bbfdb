"""Keyword arguments that several functions take, with values as the command line takes them; ranges and defaults: `orchestrion.options`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypedDict, TypeVar

from orchestrion.options import Options
from orchestrion.score import Score

Path = str | os.PathLike[str]
Source = Score | Path
# As text, numbers are what they are on a command line.
Number = float | str
Whole = int | str
Meter = tuple[int, int] | str
Range = tuple[int, int] | str
P = ParamSpec("P")
T = TypeVar("T")


class NewPieceKeywords(TypedDict, total=False):
    """Of `orchestrion.options.Composing`: what a piece is asked for by that begins with nothing, or with a prime."""

    bars: Whole | None
    seconds: Number | None
    tempo: Number | None
    meter: Meter | None
    key: str | None
    pitch_range: Range | None
    polyphony: Whole | None
    prime: Source | None
    form: str | None
    chords: str | None
    pickup: Whole | None
    density: Number | None
    expression: Number
    temperature: Number
    conservativity: Number
    seed: Whole
    strict: bool


class PieceKeywords(NewPieceKeywords, total=False):
    """All of `orchestrion.options.Composing`, less ``count``."""

    keep: Source | None
    fill: str | Sequence[tuple[int, int]]
    melody: Source | None
    bass: Source | None
    variations: Whole | None
    storage: str | None
    threads: int | None


class PartKeywords(TypedDict, total=False):
    """Of `orchestrion.options.Playing`: how a single instrument plays."""

    seed: Whole
    temperature: Number | None
    vibrato: Number
    noise: Number
    guidance: Number
    length_s: Number | None
    storage: str
    device: str
    threads: int | None


class EnsembleKeywords(PartKeywords, total=False):
    """Of `orchestrion.options.Playing`: how an ensemble plays."""

    parallel: bool | None
    gains_db: Sequence[Number]
    only_source: bool


class TrainingKeywords(TypedDict, total=False):
    """Of `orchestrion.options.Training`."""

    minutes: Number | None
    steps: Whole | None
    learning_rate: Number | None
    validate_minutes: Number
    validate_steps: Whole | None
    precision: str
    threads: Whole | None
    seed: Whole


class BackendKeywords(TypedDict, total=False):
    """`orchestrion.options.BackendTraining`."""

    minutes: Number | None
    steps: Whole | None
    examples: Whole | None
    epochs: Number | None
    optimizer: str | None
    learning_rate: Number | None
    schedule: str | None
    final_share: Number | None
    warmup_steps: Whole | None
    clip: Number | None
    ema_decay: Number | None
    keep: str | None
    batch: Whole | Sequence[tuple[int, int]] | None
    cut: str | None
    crop_s: Number | None
    noise: Number
    gain_drift_db: Number
    own: Number
    magnitudes: Number
    keep_epochs: str | Sequence[float]
    validate_minutes: Number | None
    validate_steps: Whole | None
    threads: Whole | None
    seed: Whole


def spelled_out(kind: type[Options], keywords: type) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: signatures say each of ``keywords`` with the default of ``kind`` instead of ``**keywords``, and nothing else is taken."""
    defaults = kind()
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(defaults, name), annotation=given.__forward_arg__)
        for name, given in keywords.__annotations__.items()
    ]

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        own = inspect.signature(function)
        *given, _ = own.parameters.values()
        spelled = own.replace(parameters=[*given, *added])

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                spelled.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{function.__name__}() {error}") from None
            return function(*args, **kwargs)

        vars(called)["__signature__"] = spelled
        return called

    return decorate


def as_score(source: Source) -> Score:
    """``source`` itself, or what `Score.read` makes of it."""
    return source if isinstance(source, Score) else Score.read(source)
