"""Whatever a command can be asked for, its function can, under the same name (`tests.test_options` has the commands themselves)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import click
import pytest

import orchestrion
from orchestrion.cli.app import cli
from orchestrion.generators.table import BACKENDS
from orchestrion.options import Listening

# What a file or a screen needs and Python does not: where to write, how, and what to print. Audio is written by ``.write``.
OF_FILES = {"output", "as_json", "verbose", "kind", "rate", "channels", "bits", "count", "resume", "force", "shard", "cluster"}
# What `arrange` takes; a score in Python is arranged first.
OF_ARRANGING = {"part", "transpose", "tempo", "speed", "start", "end", "tail", "strict"}
# By another name, or as part of another argument.
ELSEWHERE = {
    "bench": {"everything", "score_seconds"}, "data label": {"audio"}, "data prepare": {"sources", "stem", "keep_copies", "seed",
    "validation_share", "transpose"}, "data shard": {"folder", "megabytes"}, "data soundfont": {"soundfont_path"},
    "data validate": {"sources", "write_checksums"}, "evaluate composer": {"writing", "seed"}, "info": {"file"}, "perform": {"name"},
    "live": {"rendered", "listing"}, "listen serve": {"key_file"}, "play": {"instruments"},
    "render": {"scores", "instruments"}, "train sweep": {"backend", "hidden", "vary"},
    "listen build": {field.name for field in fields(Listening)},  # which it takes as one
}  # fmt: skip


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below ``command`` that has none below it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    for name, each in sorted((below or {}).items()):
        yield from leaves(each, (*path, name))


COMMANDS = dict(leaves(cli))


def function(path: tuple[str, ...]) -> Any:
    found: Any = orchestrion
    for name in path:
        found = getattr(found, name.replace("-", "_"))
    return found


@pytest.mark.parametrize("path", [path for path in COMMANDS if path[-1] not in {*BACKENDS, "studio"}], ids=" ".join)
def test_every_option_is_an_argument(path: tuple[str, ...]) -> None:
    given = {parameter.name for parameter in COMMANDS[path].params} - OF_FILES - OF_ARRANGING - ELSEWHERE.get(" ".join(path), set())
    assert given <= set(inspect.signature(function(path)).parameters)


def test_back_ends_have_names_of_their_own() -> None:
    assert orchestrion.train.spectral_lstm.args == ("spectral-lstm",)
    assert orchestrion.train.wavenet is orchestrion.train.renderer
    assert orchestrion.evaluate.tcn.args == ("tcn",)
    assert {"spectral_lstm", "renderer"} <= set(dir(orchestrion.train))
    for module in (orchestrion.train, orchestrion.evaluate):
        with pytest.raises(AttributeError, match="spectral_lstn"):
            getattr(module, "spectral_" + "lstn")
