"""Matrices of shipped back-ends and composers in a byte a number: each row in steps of its own, a 127th of its largest magnitude.

The error of a number is half a step at most. Of a matrix NAME a file then holds NAME (int8) and NAME.step (float32, one a row).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from torch import Tensor

from orchestrion.errors import OrchestrionError

STEP = ".step"
LARGEST = 127


def quantised(name: str, matrix: Tensor) -> dict[str, Tensor]:
    """What a file holds of ``matrix`` ``[rows, columns]``."""
    largest = matrix.float().abs().amax(1)
    step = torch.where(largest > 0, largest / LARGEST, torch.ones_like(largest))
    return {name: (matrix.float() / step[:, None]).round().to(torch.int8), name + STEP: step}


def restored(tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file in float32, quantised ones multiplied out.

    Raises:
        OrchestrionError: steps that are not one a row of a matrix of bytes, or beyond what float32 holds.
    """
    floats = {}
    for name, tensor in tensors.items():
        step = tensors.get(name + STEP)
        if step is None:
            if not name.endswith(STEP) or name.removesuffix(STEP) not in tensors:
                floats[name] = tensor.float()
            continue
        if tensor.dtype != torch.int8 or tensor.ndim != 2 or step.shape != tensor.shape[:1]:
            raise OrchestrionError(f"{os.fspath(path)} holds {name[:80]} in steps that do not fit it; download or train it again.")
        floats[name] = tensor.float() * step.float()[:, None]
        if not torch.isfinite(floats[name]).all():
            raise OrchestrionError(f"{os.fspath(path)} holds {name[:80]} in steps that are too large; download or train it again.")
    return floats
