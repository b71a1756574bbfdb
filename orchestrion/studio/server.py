"""The studio's server: on 127.0.0.1 only, for whoever has the link."""

from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from orchestrion.errors import OrchestrionError
from orchestrion.studio.app import create_app
from orchestrion.studio.guard import Guard

HOST = "127.0.0.1"
KEEP_ALIVE_S = 75


def serve(
    port: int = 0,
    *,
    browser: bool = True,
    tell: Callable[[str], None] = print,
    create: Callable[[int, Callable[[str], None]], Guard] = create_app,
) -> None:
    """Open the studio and serve it until Ctrl-C.

    Args:
        create: makes the application for a port; another one than the studio's.
        port: of 127.0.0.1; 0 for any that is free.
        browser: open the page, where there is a desktop to open it on.
        tell: called with each link: the first, and a new one whenever one has been used.

    Raises:
        OrchestrionError: the port is taken, or not to be had.
    """
    with listening(port) as own:
        app = create(own.getsockname()[1], tell)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, date_header=False, proxy_headers=False, ws="none",
            http="h11", h11_max_incomplete_event_size=32 << 10, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=2, backlog=128,
        )  # fmt: skip
        tell(app.link)
        if browser and has_desktop():
            # The socket listens already; the page waits until it is answered.
            threading.Thread(target=webbrowser.open, args=(app.link,), daemon=True).start()
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[own])


def listening(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1.

    Raises:
        OrchestrionError: the port is taken, or not to be had.
    """
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind((HOST, port))
        own.listen(128)
    except OSError as error:
        own.close()
        raise OrchestrionError(f"Cannot listen on port {port} of {HOST}: {error.strerror or error}; leave --port out for a free one.") from error
    return own


def has_desktop() -> bool:
    """Whether a browser has a screen to open on; without one, Python would start a browser in the terminal."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
