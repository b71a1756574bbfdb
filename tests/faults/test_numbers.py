"""Numbers that are none, and numbers of processors that do not exist."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.cli.options import NumberRange, Threads
from orchestrion.errors import OrchestrionError
from orchestrion.options import Playing
from orchestrion.playing import play
from orchestrion.processors import usable_processors
from orchestrion.score import Score
from orchestrion.training.runs import SETTINGS, fit
from orchestrion.training.settings import LoopSettings


def options(command: click.Command = cli, path: str = "") -> Iterator[tuple[str, click.Parameter]]:
    for parameter in command.params:
        yield f"{path} {parameter.name}", parameter
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from options(subcommand, f"{path} {name}")


def test_every_decimal_option_refuses_what_is_no_finite_number() -> None:
    """`--gain nan` wrote silence with status 0. Every option that takes a decimal must refuse NaN and the infinities."""
    decimals = [(name, p) for name, p in options() if isinstance(p.type, click.types.FloatParamType)]
    assert len(decimals) > 20
    for name, parameter in decimals:
        assert isinstance(parameter.type, NumberRange), f"{name} is no Number"
        for text in ("nan", "inf", "-inf", "1e999"):
            with pytest.raises(click.BadParameter):
                parameter.type.convert(text, parameter, None)


@pytest.mark.parametrize("command", [("render", "ode-to-joy", "--gain"), ("train", "composer", "--data", "x", "--learning-rate")])
def test_nan_on_the_command_line_is_wrong_usage(command: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing is written, no run is claimed, and the status is that of wrong usage."""
    target = tmp_path / "out.wav"
    result = CliRunner().invoke(cli, [*command, "nan", "-o", str(target)])
    assert result.exit_code == 2 and "'nan' is not a finite number" in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["learning_rate", "minutes", "validate_minutes"])
def test_settings_of_a_training_refuse_it_too(name: str) -> None:
    """From Python, likewise, before a folder is claimed."""
    for value in (math.nan, math.inf):
        with pytest.raises(OrchestrionError, match=name):
            LoopSettings(**{"steps": 5, name: value})


@pytest.mark.parametrize("options", [{"gains_db": [math.nan]}, {"pans": [math.nan]}, {"temperature": math.nan}, {"temperature": -1.0}])
def test_from_python_they_are_refused_as_well(options: dict[str, Any], tiny: Path) -> None:
    """NaN made silence, or noise, of any score."""
    with pytest.raises(OrchestrionError, match="nan|-1"):
        play(Score.read("frere-jacques").crop(0, 0.2), [tiny], Playing(**options))


def test_threads_beyond_the_processors_are_as_many_as_there_are() -> None:
    """`--threads 10000` was taken at its word. It must be brought down to the processors there are, and this be said."""
    threads = [p for _, p in options() if p.name == "threads"]
    assert threads and all(isinstance(p.type, Threads) for p in threads)
    with pytest.warns(UserWarning, match="--threads 10000 is more than"):
        assert Threads().convert("10000", None, None) == usable_processors()
    assert Threads().convert("1", None, None) == 1


def test_a_training_that_fails_at_once_gives_its_folder_back(tmp_path: Path) -> None:
    """A failed training left its folder claimed, so that the corrected command was refused. It must be free again."""

    class Broken:
        model = None

    (tmp_path / SETTINGS).write_text("{}")
    with pytest.raises(AttributeError):
        fit(Broken(), tmp_path, LoopSettings(steps=1), resume=False)
    assert not (tmp_path / SETTINGS).exists()
