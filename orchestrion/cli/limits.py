"""What a process must be allowed for the networks to run at all: without it libraries written in C++ abort."""

from __future__ import annotations

import resource
from functools import wraps
from typing import Any

import click

from orchestrion.errors import OrchestrionError

# A score of 20 s plays in 1.5 GiB on two processors; threads take 8 MiB each, and compiling the player some hundreds.
MIN_ADDRESS_SPACE = 2 << 30


def needing_address_space(command: click.Command) -> None:
    """Have ``command``, or each command of a group, refuse to run where it may not use `MIN_ADDRESS_SPACE`.

    Raises:
        OrchestrionError: when run; the shell or a batch system allows less address space (``ulimit -v``).
    """
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            needing_address_space(subcommand)
        return
    work = command.callback
    if work is None:
        return

    @wraps(work)
    def guarded(*args: Any, **options: Any) -> Any:
        allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
        if allowed != resource.RLIM_INFINITY and allowed < MIN_ADDRESS_SPACE:
            raise OrchestrionError(
                f"This process may use {allowed / 2**30:.1f} GiB of address space, and needs {MIN_ADDRESS_SPACE >> 30} GiB; "
                "raise the limit, for example: ulimit -v unlimited."
            )
        return work(*args, **options)

    command.callback = guarded
