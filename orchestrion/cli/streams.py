"""Standard output and error as they may be: a terminal, a pipe, a full disk, or closed."""

from __future__ import annotations

import os
import sys

import click

from orchestrion.errors import OrchestrionError
from orchestrion.terminal import escaped

_closed: set[int] = set()


def open_closed() -> None:
    """Give closed standard streams the null device.

    Python leaves them None, and the system hands their numbers to the next files that are opened: a library that prints
    would print into the user's audio.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            _closed.add(number)
            # The lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def require_output(what: str) -> None:
    """Refuse, before any work, to make what nobody could receive.

    Raises:
        OrchestrionError: standard output is closed.
    """
    if 1 in _closed:
        raise OrchestrionError(f"Standard output is closed; {what} has nowhere to go.")


def echo(text: object = "", err: bool = False) -> None:
    """Print ``text`` with its control characters escaped; what standard error cannot take is lost.

    Raises:
        OSError: standard output cannot be written.
    """
    try:
        click.echo(escaped(str(text)), err=err)
    except OSError:
        if not err:
            raise


def drop_output() -> None:
    """Forget what standard output could not take, so that Python does not complain again when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
