"""``orchestrion studio``: the page."""

from __future__ import annotations

import click

from orchestrion.cli.streams import echo
from orchestrion.progress import started


@click.command(short_help="A page to draw, compose, play and compare on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Of 127.0.0.1.  [default: any that is free]")
@click.option("--browser/--no-browser", default=True, help="Open the page, where there is a desktop.  [default: open it]")
def studio(port: int, browser: bool) -> None:
    """Open a page in the browser: draw notes or open a score, compose, play it while it is made, and compare.

    The page is served on 127.0.0.1, to whoever has the link that is shown; each link works once. Nothing is fetched and nothing
    leaves this machine. Ctrl-C ends it; what was not downloaded is then gone.

    \b
    Examples:
      orchestrion studio
      orchestrion studio --port 8765 --no-browser
    """
    from orchestrion.studio.packages import require_packages

    require_packages()

    from orchestrion.studio.server import serve

    serve(port, browser=browser, tell=_Links())
    echo("The studio is closed.", err=True)


class _Links:
    """Shows each link, the first with what it is."""

    def __init__(self) -> None:
        self._is_first = True

    def __call__(self, link: str) -> None:
        started()
        echo(f"The studio is open (Ctrl-C ends it): {link}" if self._is_first else f"For another browser: {link}", err=True)
        self._is_first = False
