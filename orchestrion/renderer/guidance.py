"""Guidance: a network's own answer, away from that of its twin which is not told the notes (Ho and Salimans 2022, equation 6).

Logits are (1 + w) c - w u, c of the network and u of the twin. What the past alone makes likely, as silence after silence, counts for less, and what the
score makes likely for more. Both networks are laid side by side into one: nothing else of the sampler changes.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.instrument import Instrument

STRONGEST = 20.0
AS_THEY_ARE = ("context.", "w_cond")  # the twin has none


def guided(told: Instrument, untold: Instrument, strength: float) -> Instrument:
    """``told`` as it plays with guidance; twice as wide.

    Args:
        untold: its twin: the same network without conditioning.
        strength: w, 0 (the network itself) to 20; 1 to 1.5 served `cello-paper` best.

    Raises:
        OrchestrionError: no twins, or a strength that is none. Networks that a source drives have no logits to guide.
    """
    c = told.config
    if not (math.isfinite(strength) and 0 <= strength <= STRONGEST):
        raise OrchestrionError(f"A guidance of {strength} is impossible; give 0 (none) to {STRONGEST:g}.")
    if c.mixtures or c.drive_channels or not c.conditioned or untold.config != c.unconditioned():
        raise OrchestrionError(f"{untold.name} is no twin of {told.name}: guidance needs a network without a source, and the same one without notes.")
    ours, theirs = told.parameters.arrays, untold.parameters.arrays
    arrays = {name: array for name, array in ours.items() if name.startswith(AS_THEY_ARE)}
    for name in ("w_res", "w_skip", "w_head"):
        arrays[name] = _beside(ours[name], theirs[name])
    for name in ("b_res", "b_skip", "b_head", "embed_now.weight", "embed_before.weight"):
        arrays[name] = np.concatenate([ours[name], theirs[name]], -1)
    for name in ("w_past", "w_now"):
        halves = (_beside(*(array[..., half] for array in (ours[name], theirs[name]))) for half in _halves(c.residual))
        arrays[name] = np.concatenate(list(halves), -1)
    arrays["b_gate"] = _gates(ours["b_gate"], theirs["b_gate"], c.residual)
    rows = ours["w_cond"].reshape(-1, c.layers, 2 * c.residual)
    arrays["w_cond"] = _gates(rows, np.zeros_like(rows), c.residual).reshape(len(rows), -1)
    arrays["w_out"] = np.concatenate([(1 + strength) * ours["w_out"], -strength * theirs["w_out"]])
    arrays["b_out"] = (1 + strength) * ours["b_out"] - strength * theirs["b_out"]
    config = dataclasses.replace(c, residual=2 * c.residual, skip=2 * c.skip, head=2 * c.head)
    parameters = dataclasses.replace(told.parameters, config=config, arrays={name: array.astype(np.float32) for name, array in arrays.items()})
    return dataclasses.replace(told, name=f"{told.name} guided by {strength:g}", parameters=parameters)


def twin_of(player: Instrument) -> Instrument:
    """`NAME-unconditioned`, which lies beside the network's file, as it does beside those that ship.

    Raises:
        OrchestrionError: there is none.
    """
    twin = player.path and player.path.with_name(f"{player.path.stem}-unconditioned{player.path.suffix}")
    if twin is None or not twin.is_file():
        raise OrchestrionError(f"{player.name} has no twin to guide it; guidance is for networks like cello-paper, beside which cello-paper-unconditioned lies.")
    return Instrument.load(twin)


def _halves(residual: int) -> tuple[slice, slice]:
    """Of a gate's columns: its filter and its gate."""
    return slice(residual), slice(residual, None)


def _gates(ours: np.ndarray, theirs: np.ndarray, residual: int) -> np.ndarray:
    """Columns of two gates as those of one: filters of both, then gates of both."""
    return np.concatenate([array[..., half] for half in _halves(residual) for array in (ours, theirs)], -1)


def _beside(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """``[..., a + b, c + d]`` of ``[..., a, c]`` and ``[..., b, d]``, neither of which hears the other."""
    made = np.zeros((*ours.shape[:-2], ours.shape[-2] + theirs.shape[-2], ours.shape[-1] + theirs.shape[-1]), np.float32)
    made[..., : ours.shape[-2], : ours.shape[-1]], made[..., ours.shape[-2] :, ours.shape[-1] :] = ours, theirs
    return made
