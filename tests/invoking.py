"""The command line in this process, and what its refusals look like."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from orchestrion.cli.app import cli

REFUSED_WITHIN_S = 1.0


def invoke(*arguments: object) -> Result:
    """``orchestrion ARGUMENTS``, however it ends."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def run(*arguments: object, status: int = 0) -> Result:
    """``orchestrion ARGUMENTS``, which must end with ``status``."""
    result = invoke(*arguments)
    assert result.exit_code == status, result.output
    return result


def check_refused(call: Callable[[], Result], folder: Path) -> str:
    """Status 1, one sentence that starts with Error, in time, and ``folder`` as before; returns the sentence."""
    before = listing(folder)
    started = time.process_time()  # the machine may be busy with other things
    result = call()
    elapsed_s = time.process_time() - started
    assert result.exit_code == 1, (result.exit_code, result.output)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), lines
    assert elapsed_s < REFUSED_WITHIN_S, f"{elapsed_s:.2f} s"
    assert listing(folder) == before
    return lines[0]


def listing(folder: Path) -> list[bytes]:
    """Names in a folder, also those that are no text."""
    return sorted(os.listdir(os.fsencode(folder)))


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """Writing beyond that fails half-way, as on a full disk, in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
