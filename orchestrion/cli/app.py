"""The ``orchestrion`` command: its subcommands, and the one place where errors become sentences and exit statuses."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
import warnings
from types import FrameType
from typing import Any, NoReturn, TextIO

import click

from orchestrion.cli.bench import bench
from orchestrion.cli.compare import compare
from orchestrion.cli.compose import compose
from orchestrion.cli.data import data
from orchestrion.cli.evaluate import evaluate
from orchestrion.cli.generate import generate
from orchestrion.cli.listen import listen
from orchestrion.cli.models import models
from orchestrion.cli.perform import perform
from orchestrion.cli.render import render
from orchestrion.cli.train import train
from orchestrion.cli.verbose import is_verbose, verbose_option
from orchestrion.errors import OrchestrionError
from orchestrion.version import VERSION

STATUS_ERROR = 1
STATUS_INTERRUPTED = 130
STATUS_TERMINATED = 143


class Orchestrion(click.Group):
    """Turns what a user can cause into one sentence on standard error; a bug keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OrchestrionError as error:
            _fail(ctx, str(error))
        except MemoryError:
            _fail(ctx, "There is not enough memory for this; try a shorter score, fewer takes or a smaller batch.")
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when the reader of a pipe has gone
            _fail(ctx, f"{error.strerror or error}{f': {_printable(error.filename)}' if error.filename else ''}.")
        except KeyboardInterrupt:
            click.echo("\nInterrupted; nothing half-written was kept.", err=True)
            ctx.exit(STATUS_INTERRUPTED)


def _fail(ctx: click.Context, sentence: str) -> NoReturn:
    if is_verbose(ctx):
        traceback.print_exc()
    click.echo(f"Error: {' '.join(sentence.split())}", err=True)
    ctx.exit(STATUS_ERROR)


def _printable(path: str | bytes) -> str:
    return os.fsencode(path).decode("utf-8", "replace")


@click.group(cls=Orchestrion, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(VERSION, prog_name="orchestrion")
@verbose_option
def cli() -> None:
    """Compose melodies, and play any score as raw audio with a neural instrument that obeys the notes.

    \b
    Examples:
      orchestrion render ode-to-joy --instrument violin -o ode.wav
      orchestrion compose --bars 8 --seed 7 -o tune.mid
      orchestrion perform -o demo
      orchestrion COMMAND --help
    """


def _add_verbose(command: click.Command) -> None:
    verbose_option(command)
    for subcommand in getattr(command, "commands", {}).values():
        _add_verbose(subcommand)


for _command in (compose, render, perform, generate, compare, train, evaluate, data, listen, models, bench):
    _add_verbose(_command)
    cli.add_command(_command)


def main() -> None:
    """Entry point of the ``orchestrion`` script."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.unraisablehook = _deliver_again
    warnings.showwarning = _show_warning
    cli(prog_name="orchestrion")


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # An exception, so that temporary files are removed on the way out.
    sys.exit(STATUS_TERMINATED)


def _deliver_again(lost: sys.UnraisableHookArgs) -> None:
    """A signal that comes while C calls Python back (the compiler does) is lost there: send it again a moment later."""
    is_interrupt = isinstance(lost.exc_value, KeyboardInterrupt)
    is_terminate = isinstance(lost.exc_value, SystemExit) and lost.exc_value.code == STATUS_TERMINATED
    main_thread = threading.main_thread().ident
    if main_thread is None or not (is_interrupt or is_terminate) or not hasattr(signal, "pthread_kill"):
        sys.__unraisablehook__(lost)
        return
    number = signal.SIGINT if is_interrupt else signal.SIGTERM
    again = threading.Timer(0.05, signal.pthread_kill, [main_thread, number])
    again.daemon = True
    again.start()


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    # Other people's deprecations are for developers; ours are for whoever typed the command.
    context = click.get_current_context(silent=True)
    if issubclass(category, UserWarning) and f"{os.sep}orchestrion{os.sep}" in filename:
        click.echo(f"Warning: {message}", err=True)
    elif context is not None and is_verbose(context):
        click.echo(warnings.formatwarning(message, category, filename, lineno, line), err=True, nl=False)
