"""How the tables of a harmonic source lie in a file of weights: by how much each number lies over the one before.

Levels fall slowly over age, and courses and attacks are smooth: so written, an archive holds them in an eighth less. Nothing is lost, and files that
hold the tables as they are load as ever.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestrion.bridge.source import HarmonicSource
from orchestrion.errors import OrchestrionError

SOURCE = "source."  # before the names of its tables in a weights file
RISE = "_rise"  # behind the names of those that are written as rises along their last axis
SMOOTH = ("level_db", "noise_db", "modulation_db", "noise_modulation_db", "attack")


def source_tensors(source: HarmonicSource) -> dict[str, np.ndarray]:
    """The tables as an instrument's file holds them; `tables_of` is the inverse."""
    made: dict[str, np.ndarray] = {}
    for name, table in source.tensors().items():
        if name in SMOOTH and table.dtype == np.int8:
            name, table = name + RISE, np.diff(table, axis=-1, prepend=np.int8(0))  # a rise beyond 127 goes round, and back again in the sum
        made[SOURCE + name] = table
    return made


def tables_of(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tables for `HarmonicSource.from_tensors`, of names without ``SOURCE``.

    Raises:
        OrchestrionError: rises that are no int8, or a table in both ways.
    """
    found = {name: table for name, table in tensors.items() if not name.endswith(RISE)}
    for name, rises in ((name.removesuffix(RISE), table) for name, table in tensors.items() if name.endswith(RISE)):
        if name not in SMOOTH or name in found or rises.dtype != np.int8 or not rises.ndim:
            raise OrchestrionError(f"Its table {name[:60]!r} is written in a way that is unknown.")
        found[name] = np.cumsum(rises, axis=-1, dtype=np.int8)
    return found
