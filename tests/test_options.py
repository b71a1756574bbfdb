"""One parser of values for the command line and for Python, and one place for each default and range."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import click
import numpy as np
import pytest

import orchestrion
from orchestrion import OrchestrionError, values
from orchestrion.cli.app import cli
from orchestrion.matrices import arithmetic
from orchestrion.options import (
    STORAGES,
    Arranging,
    BackendTraining,
    ComparingAll,
    Composing,
    Crops,
    Generating,
    Listening,
    Options,
    Playing,
    Reproducing,
    Training,
    Transcribing,
)

KINDS = [Arranging, Composing, Playing, Generating, ComparingAll, Transcribing, Training, BackendTraining, Crops, Listening, Reproducing]


@pytest.mark.parametrize(
    ("parser", "given", "meant"),
    [
        (values.Number(10, 500), "90", 90.0),
        (values.Number(), np.float32(0.5), 0.5),
        (values.Whole(), "7", 7),
        (values.Whole(-127, 127), "-12", -12),
        (values.Whole(), np.int64(3), 3),
        (values.Several(values.Number()), "0.5", (0.5,)),
        (values.Several(values.Number()), [1, "2"], (1.0, 2.0)),
        (values.Several(values.Number()), np.array([1.0, 2.0]), (1.0, 2.0)),
        (values.meter, "6/8", (6, 8)),
        (values.meter, [3, 4], (3, 4)),
        (values.pitch_range, "C4-C6", (60, 84)),
        (values.pitch_range, "60-84", (60, 84)),
        (values.pitch_range, (60, 84), (60, 84)),
        (values.part, "Melody", "Melody"),
        (values.part, 1, 1),
        (values.key, "F# minor", "F# minor"),
        (values.models, ["tcn=runs/tcn"], {"tcn": "runs/tcn"}),
        (values.models, {"tcn": Path("runs/tcn")}, {"tcn": "runs/tcn"}),
        (values.path, Path("a") / "b", "a/b"),
        (values.stages, "32,64@300", ((0, 32), (300, 64))),
        (values.stages, 16, ((0, 16),)),
        (values.Listed(values.Whole(1)), "4,8", (4, 8)),
        (values.Listed(values.Whole(1)), [4, "8"], (4, 8)),
    ],
)
def test_values_are_read_as_text_and_as_they_are(parser: values.Parser[object], given: object, meant: object) -> None:
    assert parser(given) == meant
    assert parser(parser(given)) == meant


@pytest.mark.parametrize(
    ("kind", "wish"),
    [
        (Composing, {"tempo": "fast"}),
        (Composing, {"tempo": math.nan}),
        (Composing, {"meter": "3/5"}),
        (Composing, {"meter": 3}),
        (Composing, {"pitch_range": "C6-C4"}),
        (Composing, {"pitch_range": "60"}),
        (Composing, {"key": "H major"}),
        (Composing, {"bars": 2.5}),
        (Composing, {"seed": 2**63}),
        (Composing, {"seed": None}),
        (Composing, {"count": 0}),
        (Playing, {"gains_db": ["loud"]}),
        (Playing, {"pans": 2}),
        (Playing, {"parallel": "yes"}),
        (Playing, {"storage": "float8"}),
        (Generating, {"seconds": 0}),
        (BackendTraining, {"batch": "32@1"}),
        (BackendTraining, {"batch": "64,32@0"}),
        (BackendTraining, {"keep_epochs": "4,0"}),
        (BackendTraining, {"optimizer": "lion"}),
        (ComparingAll, {"models": "tcn"}),
        (ComparingAll, {"clips": 0}),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_with_the_name(kind: type[Options], wish: dict[str, object]) -> None:
    with pytest.raises(OrchestrionError) as refused:
        kind.of(**wish)
    assert str(refused.value).startswith(f"{next(iter(wish))}: ") and str(refused.value).count("\n") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_frozen_say_each_field_and_hold_their_defaults(kind: type[Options]) -> None:
    made = kind()
    for each in fields(made):
        assert f"\n        {each.name}: " in inspect.cleandoc(kind.__doc__ or "").replace("\n    ", "\n        "), each.name
        with pytest.raises(FrozenInstanceError):
            setattr(made, each.name, getattr(made, each.name))


def test_storages_are_those_of_the_matrices() -> None:
    assert list(STORAGES) == list(arithmetic.STORAGES)


SPELLED = [
    (orchestrion.arrange, Arranging, {"tail"}),
    (orchestrion.compose, Composing, set()),
    (orchestrion.render, Playing, set()),
    (orchestrion.stream, Playing, {"gains_db", "pans", "only_source"}),
    (orchestrion.generate, Generating, set()),
    (orchestrion.compare_all, ComparingAll, set()),
    (orchestrion.paper, Reproducing, set()),
    (orchestrion.train.renderer, Training, set()),
    (orchestrion.train.composer, Training, {"compiled"}),
    (orchestrion.train.backend, BackendTraining, set()),
    (orchestrion.train.sweep, BackendTraining, set()),
    (orchestrion.transcribe, Transcribing, set()),
]


@pytest.mark.parametrize(("function", "kind", "absent"), SPELLED)
def test_functions_spell_out_every_option_with_its_default(function: object, kind: type[Options], absent: set[str]) -> None:
    parameters = inspect.signature(function).parameters
    defaults = {each.name: getattr(kind(), each.name) for each in fields(kind)}
    assert defaults.keys() - parameters.keys() == absent
    for name in defaults.keys() & parameters.keys():
        spelled = parameters[name].default
        assert (spelled or None) == (defaults[name] or None), name


@pytest.mark.parametrize(
    ("function", "given", "unknown"),
    [(orchestrion.compose, (), "wishes"), (orchestrion.perform, (), "keep"), (orchestrion.train.backend, ("tcn", "set", "run"), "recipe")],
)
def test_a_keyword_that_is_not_spelled_out_is_refused(function: Callable[..., object], given: tuple[str, ...], unknown: str) -> None:
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) got an unexpected keyword argument '{unknown}'$"):
        function(*given, **{unknown: None})


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield from commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]


# A page for people, which does what the others do.
PAGES = {("studio",)}


@pytest.mark.parametrize("path", [path for path in commands() if path not in PAGES], ids=" ".join)
def test_whatever_the_command_line_can_do_python_can_under_the_same_name(path: tuple[str, ...]) -> None:
    found: object = orchestrion
    for name in path:
        found = getattr(found, name.replace("-", "_"))
    assert callable(found)


def test_no_function_hides_its_arguments() -> None:
    public = [orchestrion, *(getattr(orchestrion, name) for name in ("data", "evaluate", "listen", "models", "train"))]
    for module in public:
        functions = [getattr(module, name) for name in getattr(module, "__all__", dir(module))]
        for function in filter(inspect.isfunction, functions):
            for parameter in inspect.signature(function).parameters.values():
                assert parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL), function
                assert "Any" not in str(parameter.annotation), (function, parameter)
