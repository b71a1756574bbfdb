"""Standard output and error as they may be: a terminal, a pipe, a full disk, or closed."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import click

from orchestrion.errors import OrchestrionError
from orchestrion.progress import print_above
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


@contextmanager
def to_output() -> Iterator[None]:
    """Turn what standard output cannot take into one sentence; a pipe whose reader has gone ends quietly (by click).

    Raises:
        OrchestrionError: it is a full disk, say.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE or error.filename is not None:
            raise
        # Python would complain once more at its end.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        raise OrchestrionError(f"Cannot write to standard output: {error.strerror or error}.") from error


def echo(text: object = "", err: bool = False) -> None:
    """Print ``text`` with its control characters escaped, above a progress bar that is drawn; what standard error cannot take is lost.

    Raises:
        OrchestrionError: standard output cannot be written.
    """
    line = escaped(str(text))
    if not err:
        with to_output():
            if not (sys.stdout.isatty() and print_above(line)):
                click.echo(line)
        return
    with suppress(OSError):
        if not print_above(line):
            click.echo(line, err=True)


def echo_measures(result: Mapping[str, object], as_json: bool) -> None:
    """Print measures as JSON, or those that are no list one a line; those of a group have its name before theirs."""
    if as_json:
        echo(json.dumps(result, indent=2))
        return
    flat: dict[str, object] = {}
    for name, value in result.items():
        flat |= {f"{name}_{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    single = {name: value for name, value in flat.items() if not isinstance(value, list)}
    width = max(map(len, single))
    for name, value in single.items():
        echo(f"{name:<{width}}  {_shown(value)}")


def _shown(value: object) -> str:
    """A measure for people: ``0.1234``, ``yes``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
