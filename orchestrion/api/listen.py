"""``orchestrion.listen``: as ``orchestrion listen``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from orchestrion.evaluation.listening.build import build_page as build
from orchestrion.evaluation.listening.results import evaluate_answers as results

__all__ = ["build", "results", "serve"]


def serve(
    page: str | os.PathLike[str],
    output: str | os.PathLike[str],
    key_file: str | os.PathLike[str] | None = None,
    *,
    port: int = 0,
    browser: bool = True,
    tell: Callable[[str], None] = print,
    received: Callable[[str, int], None] = lambda listener, n: None,
) -> None:
    """Serve a page that was built with ``collect`` on 127.0.0.1 until Ctrl-C, and keep the answers in the folder ``output``.

    Args:
        output: an existing folder; one file a listener.
        key_file: the page's key file; None for the one beside it.
        port: 0 for any that is free.
        browser: open the page, where there is a desktop.
        tell: called with each link, which opens the page in one browser.
        received: called with a listener's name and the number of answers that have been kept.

    Raises:
        OrchestrionError: no such page, key or folder, or the port is taken.
    """
    from orchestrion.studio.packages import require_packages

    require_packages()

    from orchestrion.studio.collecting import create_collector
    from orchestrion.studio.server import serve as run

    folder = Path(page)
    own_key = Path(key_file) if key_file is not None else folder.with_name(f"{folder.resolve().name}-key.json")
    run(port, browser=browser, tell=tell, create=lambda own, told: create_collector(folder, own_key, Path(output), own, told, received))
