"""``-v``: show the traceback behind an error's sentence. Accepted before and after the subcommand."""

from __future__ import annotations

import os

import click

KEY = "orchestrion.verbose"


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().meta[KEY] = True


verbose_option = click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, callback=_remember, help="Show tracebacks behind errors."
)


def is_verbose(ctx: click.Context) -> bool:
    """Whether ``-v`` was given or ``ORCHESTRION_DEBUG`` is set."""
    return bool(ctx.find_root().meta.get(KEY)) or bool(os.environ.get("ORCHESTRION_DEBUG"))
