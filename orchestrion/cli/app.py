"""The ``orchestrion`` command: its subcommands, and the one place where errors become sentences and exit statuses."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import NoReturn, TextIO

import click

from orchestrion.cli import signals
from orchestrion.cli.aloud import live, play
from orchestrion.cli.bench import bench
from orchestrion.cli.compare import compare, compare_all
from orchestrion.cli.compose import compose
from orchestrion.cli.data import data
from orchestrion.cli.evaluate import evaluate
from orchestrion.cli.generate import generate
from orchestrion.cli.info import info
from orchestrion.cli.learn import learn
from orchestrion.cli.limits import needing_address_space, needing_temporary_files
from orchestrion.cli.listen import listen
from orchestrion.cli.models import models
from orchestrion.cli.output import printable
from orchestrion.cli.paper import paper
from orchestrion.cli.perform import perform
from orchestrion.cli.render import render
from orchestrion.cli.streams import echo, open_closed, to_output
from orchestrion.cli.studio import studio
from orchestrion.cli.train import train
from orchestrion.cli.transcribe import transcribe
from orchestrion.cli.verbose import is_verbose, verbose_option
from orchestrion.errors import IgnoredWarning, OrchestrionError
from orchestrion.progress import starting
from orchestrion.terminal import escaped
from orchestrion.version import VERSION

STATUS_ERROR = 1
MEMORY = "There is not enough memory for this; try a shorter score, fewer takes or a smaller batch."


class Orchestrion(click.Group):
    """Turns what a user can cause into one sentence on standard error; a bug keeps its traceback."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        try:
            with _shown_safely():
                return super().make_context(info_name, args, parent, **extra)
        except KeyboardInterrupt:
            sys.exit(signals.INTERRUPTED)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        close = get_close_matches(args[0], self.list_commands(ctx), 1)
        if self.get_command(ctx, args[0]) is None and close and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            with _shown_safely(), starting():
                return super().invoke(ctx)
        except OrchestrionError as error:
            _fail(ctx, error, str(error))
        except MemoryError as error:
            _fail(ctx, error, MEMORY)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when the reader of a pipe has gone
            _fail(ctx, error, _sentence(error))
        except KeyboardInterrupt as stop:
            _stopped(ctx, signal.SIGINT, stop)
        except SystemExit as stop:
            if stop.code != signals.TERMINATED:
                raise
            _stopped(ctx, signal.SIGTERM, stop)


@contextmanager
def _shown_safely() -> Iterator[None]:
    """What click says of wrong usage repeats what was typed."""
    try:
        yield
    except click.UsageError as error:
        said = error.format_message()
        if escaped(said) == said:
            raise
        raise click.UsageError(escaped(said), error.ctx) from error


def _sentence(error: OSError) -> str:
    return f"{error.strerror or error}{f': {printable(error.filename)}' if error.filename else ''}."


def _fail(ctx: click.Context, error: BaseException, sentence: str) -> NoReturn:
    number = signals.received()
    if number is not None:
        _stopped(ctx, number, error)
    if is_verbose(ctx):
        traceback.print_exc()
    words = " ".join([sentence, *getattr(error, "__notes__", ())]).split()
    echo(f"Error: {' '.join(words)}", err=True)
    ctx.exit(STATUS_ERROR)


def _stopped(ctx: click.Context, number: int, stop: BaseException) -> NoReturn:
    echo(f"\n{signals.sentence(number, stop)}", err=True)
    ctx.exit(128 + number)


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


for _command in (compose, render, play, live, perform, transcribe, generate, compare, compare_all, paper, learn, train, evaluate, data, info, listen, models, bench, studio):
    _add_verbose(_command)
    cli.add_command(_command)
    needing_temporary_files(_command)
    if _command not in (info, listen, models):  # which load no network
        needing_address_space(_command)


def run() -> None:
    """Run the command that the arguments name; `orchestrion.cli.main` calls this."""
    open_closed()
    signals.install()
    warnings.showwarning = _show_warning
    # Where the home cannot be written it would say in two lines that its list of fonts is kept among the temporary files.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        with to_output():
            cli(prog_name="orchestrion")
    except OrchestrionError as error:
        # Help that standard output did not take; commands' errors end above.
        echo(f"Error: {error}", err=True)
        sys.exit(STATUS_ERROR)
    except MemoryError:
        # Not even the error above could be handled.
        os.write(2, f"Error: {MEMORY}\n".encode())
        os._exit(STATUS_ERROR)
    finally:
        signals.leave_quietly_when_done()


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
    if issubclass(category, IgnoredWarning):
        echo(str(message), err=True)
    elif issubclass(category, UserWarning) and f"{os.sep}orchestrion{os.sep}" in filename:
        echo(f"Warning: {message}", err=True)
    elif context is not None and is_verbose(context):
        echo(warnings.formatwarning(message, category, filename, lineno, line).rstrip(), err=True)
