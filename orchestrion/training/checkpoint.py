"""Checkpoints of a running training: tensors in safetensors, counters as JSON in its header; no pickle.

One file holds the weights, their moving average, the optimiser's moments, and how far the training is. A task's batches
depend on the step alone, so nothing else is needed to continue as if never stopped.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from orchestrion import header, weights
from orchestrion.errors import OrchestrionError
from orchestrion.header import is_number, is_whole

ARCHITECTURE = header.CHECKPOINT
NEVER_NEGATIVE = ("step", "exp_avg_sq", "square_avg")  # of what torch's optimisers keep
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
    groups = optimizer.state_dict()["param_groups"]
    state = _moments(_under(tensors, "optimizer."), optimizer, path)
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return _progress(metadata.get("progress"), path)


def _moments(tensors: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer, path: Path) -> dict[int, dict[str, torch.Tensor]]:
    """The optimiser's state by number of parameter: none at all, or of each all that it keeps, in the right shape.

    Raises:
        OrchestrionError: it is not.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    kept = _kept(optimizer)
    expected = {
        f"{index}.{name}": (parameter.dtype, parameter.shape) if shape else (dtype, shape)
        for index, parameter in enumerate(parameters) for name, (dtype, shape) in kept.items()
    }  # fmt: skip
    if tensors and {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()} != expected:
        raise OrchestrionError(f"The checkpoint {path} belongs to a training with other parameters, or another optimiser.")
    # A number of steps below nothing would be an exponent, and the root of a mean square below nothing is not a number.
    if any(bool((tensor < 0).any()) for name, tensor in tensors.items() if name.partition(".")[2] in NEVER_NEGATIVE):
        raise OrchestrionError(f"The checkpoint {path} holds moments that no optimiser comes to.")
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name in expected if tensors else ():
        index, _, moment = name.partition(".")
        state.setdefault(int(index), {})[moment] = tensors[name]
    return state


def _kept(optimizer: torch.optim.Optimizer) -> dict[str, tuple[torch.dtype, torch.Size]]:
    """Names, types and shapes of what ``optimizer`` keeps of a parameter of two numbers, found out by a step of a twin."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.zeros(2)
    taken = inspect.signature(type(optimizer)).parameters
    twin = type(optimizer)([parameter], **{name: value for name, value in optimizer.defaults.items() if name in taken})
    twin.step()
    return {name: (value.dtype, value.shape) for name, value in twin.state[parameter].items() if isinstance(value, torch.Tensor)}


def _progress(counters: object, path: Path) -> TrainingProgress:
    if isinstance(counters, dict):
        step, elapsed_s, best = (counters.get(name) for name in ("step", "elapsed_s", "best"))
        if is_whole(step, 0, 1 << 62) and is_number(elapsed_s, 0, 1e12) and is_number(best, -1e30, 1e30):
            return TrainingProgress(step, float(elapsed_s), float(best))
    raise OrchestrionError(f"The checkpoint {path} does not say how far the training is; start it anew.")


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
