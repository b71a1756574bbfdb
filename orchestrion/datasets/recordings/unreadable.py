"""Tells a source that cannot be read from a set that cannot be written: the first costs one piece, the second ends the work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from orchestrion.errors import OrchestrionError


class UnreadableError(OrchestrionError):
    """Audio that is cut off, holds what is no number, or is too long or short."""


def telling(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """``blocks``; what goes wrong in reading them is raised as `UnreadableError`."""
    try:
        yield from blocks
    except OrchestrionError as error:
        raise UnreadableError(str(error)) from error
