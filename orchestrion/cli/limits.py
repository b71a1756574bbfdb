"""What a process needs to run at all: address space, without which libraries written in C++ abort, and a folder for temporary files."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click

from orchestrion import temporary
from orchestrion.errors import OrchestrionError

# A score of 20 s plays in 1.5 GiB on two processors; threads take 8 MiB each, and compiling the player some hundreds.
MIN_ADDRESS_SPACE = 2 << 30


def needing_address_space(command: click.Command) -> None:
    """Have ``command``, or each command of a group, refuse to run where it may not use `MIN_ADDRESS_SPACE`.

    Raises:
        OrchestrionError: when run; the shell or a batch system allows less address space (``ulimit -v``).
    """
    _before(command, _check_address_space)


def needing_temporary_files(command: click.Command) -> None:
    """Have ``command``, or each command of a group, keep temporary files near its output where there is no other folder for them."""
    _before(command, _provide_temporary_files)


def _before(command: click.Command, check: Callable[[Mapping[str, object]], None]) -> None:
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _before(subcommand, check)
        return
    work = command.callback
    if work is None:
        return

    @wraps(work)
    def guarded(*args: Any, **options: Any) -> Any:
        check(options)
        return work(*args, **options)

    command.callback = guarded


def _check_address_space(_: Mapping[str, object]) -> None:
    allowed, _hard = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < MIN_ADDRESS_SPACE:
        raise OrchestrionError(
            f"This process may use {allowed / 2**30:.1f} GiB of address space, and needs {MIN_ADDRESS_SPACE >> 30} GiB; "
            "raise the limit, for example: ulimit -v unlimited."
        )


def _provide_temporary_files(options: Mapping[str, object]) -> None:
    output = options.get("output")
    if isinstance(output, Path) and output != Path("-"):
        temporary.provide(output)
