"""Checkpoints of a running training: tensors in safetensors, counters as JSON in its header; no pickle.

One file holds the weights, their moving average, the optimiser's moments, and how far the training is. A task's batches
depend on the step alone, so nothing else is needed to continue as if never stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from orchestrion import header, weights
from orchestrion.errors import OrchestrionError
from orchestrion.header import is_number, is_whole

ARCHITECTURE = header.CHECKPOINT
MAX_BYTES = 16 << 30  # three or four times the weights; the largest published back-end has 1.7 GB of them


@dataclass
class TrainingProgress:
    """Steps done, seconds trained, and the best validation loss so far."""

    step: int = 0
    elapsed_s: float = 0.0
    best: float = float("inf")


def save(
    path: Path, model: torch.nn.Module, average: torch.nn.Module, optimizer: torch.optim.Optimizer, progress: TrainingProgress,
    holds: Mapping[str, object] | None = None,
) -> None:  # fmt: skip
    """Write a checkpoint atomically; ``holds`` describes the model, where it can be used without the training."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    counters = {"step": progress.step, "elapsed_s": progress.elapsed_s, "best": min(progress.best, 1e30)}
    weights.save(path, tensors, {"architecture": ARCHITECTURE, "progress": counters, "holds": dict(holds or {})})


def load(path: Path, model: torch.nn.Module, average: torch.nn.Module, optimizer: torch.optim.Optimizer) -> TrainingProgress:
    """Read a checkpoint into ``model``, ``average`` and ``optimizer``.

    Raises:
        OrchestrionError: the file is damaged, or of a training with another config.
    """
    tensors, metadata = weights.load(path, architecture=ARCHITECTURE, max_bytes=MAX_BYTES)
    weights.load_into(model, _under(tensors, "model."), path)
    weights.load_into(average, _under(tensors, "average."), path)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _under(tensors, "optimizer.").items():
        index, moment = name.split(".", 1)
        state.setdefault(int(index), {})[moment] = tensor
    groups = optimizer.state_dict()["param_groups"]
    if len(state) not in (0, sum(len(group["params"]) for group in groups)):
        raise OrchestrionError(f"The checkpoint {path} belongs to a training with other parameters.")
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return _progress(metadata.get("progress"), path)


def _progress(counters: object, path: Path) -> TrainingProgress:
    if isinstance(counters, dict):
        step, elapsed_s, best = (counters.get(name) for name in ("step", "elapsed_s", "best"))
        if is_whole(step, 0, 1 << 62) and is_number(elapsed_s, 0, 1e12) and is_number(best, -1e30, 1e30):
            return TrainingProgress(step, float(elapsed_s), float(best))
    raise OrchestrionError(f"The checkpoint {path} does not say how far the training is; start it anew.")


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
