"""Figures of a data set, for people or for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from orchestrion.cli.streams import echo


def show_figures(figures: Mapping[str, object], as_json: bool) -> None:
    """Print a line for each figure, or JSON."""
    if as_json:
        echo(json.dumps(figures, indent=2, ensure_ascii=False))
        return
    for name, value in figures.items():
        shown = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else value
        if shown not in ("", None):
            echo(f"{name.replace('_', ' '):<14} {shown}")
