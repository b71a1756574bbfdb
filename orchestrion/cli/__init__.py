"""The command line: each file parses one subcommand, calls one library function and prints."""

import os
import signal
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Entry point of the ``orchestrion`` script."""
    # Before anything else is imported, as that takes long enough for a Ctrl-C to fall into it.
    signal.signal(signal.SIGINT, _leave)
    from orchestrion.cli.app import run

    run()


def _leave(number: int, frame: FrameType | None) -> None:
    # Nothing has been written yet, and imports turn exceptions into errors of their own: no clean-up, no traceback.
    os._exit(128 + number)
