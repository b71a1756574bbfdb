"""A network laid out for the GPU's sample loop: float16 matrices, padded to powers of two with what changes nothing."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.network import WaveNet, drive_inputs
from orchestrion.renderer.output import compand_tensor

DEVICE = torch.device("cuda")
NEVER = -1e30  # the logit of a level that does not exist
LEAST = 16  # channels that a product of Triton's takes
# Beyond these a program's registers would not hold its voices.
WIDEST = {"residual": 128, "skip": 512, "head": 4096, "outputs": 512}
TILE_BYTES = 48 << 10  # of the head's weights at a time
WIDEST_TILE = 64  # of its channels, which lie in registers
SPARE_BYTES = 24 << 10  # of shared memory, for what is not weights
MOST_STAGES = 3


@dataclass(frozen=True, eq=False)
class GpuWeights:
    """What the kernel and its conditioning multiply by.

    Attributes:
        device: a GPU; tests with Triton's interpreter put the CPU in its place.
        arguments: the kernel's tensors by their names there.
        sizes: the kernel's constants.
        context: y of the network in float64: no GPU rounds that to fewer digits by itself. None when unconditioned.
        w_cond: ``[conditioning_channels, layers * 2 * width]`` float64, or None.
        b_gate: ``[layers * 2 * width]`` float64.
        w_exc: ``[drive_channels, width]`` float64, or None.
    """

    config: WaveNetConfig
    device: torch.device
    arguments: dict[str, Tensor]
    sizes: dict[str, int]
    context: nn.Module | None
    w_cond: Tensor | None
    b_gate: Tensor
    w_exc: Tensor | None

    @classmethod
    def of(cls, model: WaveNet) -> GpuWeights:
        """The weights of ``model`` on the GPU.

        Raises:
            OrchestrionError: layers too wide for the kernel, or weights that float16 cannot hold.
        """
        c, device = model.config, DEVICE
        if trouble := too_wide(c):
            raise OrchestrionError(trouble)
        t = {name: value.detach().to(device, torch.float32) for name, value in model.state_dict().items()}
        sizes = sizes_of(c, shared_bytes(device))
        width, skip, head, levels = (sizes[name] for name in ("WIDTH", "SKIP", "HEAD", "LEVELS"))
        past, now = (turns(t[name], c.residual, width) for name in ("w_past", "w_now"))
        nothing = torch.zeros(1, width, device=device)
        arguments = {
            "embed_now": nothing if c.mixtures else _grown(t["embed_now.weight"], levels, width),
            "embed_before": nothing if c.mixtures else _grown(t["embed_before.weight"], levels, width),
            "w_hist": _grown(t["w_hist"], c.history, width) if c.mixtures else nothing,
            "w_past": _half(_grown(past, c.layers, width, 2 * width)),
            "w_now": _half(_grown(now, c.layers, width, 2 * width)),
            "w_res": _half(_grown(t["w_res"], c.layers, width, width)),
            "b_res": _grown(t["b_res"], c.layers, width),
            "w_skip": _half(_grown(t["w_skip"], c.layers, width, skip)),
            "b_skip": _grown(t["b_skip"], skip),
            "w_head": _half(_grown(t["w_head"], skip, head)),
            "b_head": _grown(t["b_head"], head),
            "w_out": _half(_grown(t["w_out"], head, levels)),
            "b_out": _grown(t["b_out"], levels, fill=NEVER),
        }
        context = w_cond = None
        if c.conditioned:
            context = copy.deepcopy(model.context).to(device, torch.float64).requires_grad_(False)
            w_cond = turns(t["w_cond"].unflatten(1, (c.layers, -1)), c.residual, width).flatten(1).double()
        b_gate = turns(t["b_gate"], c.residual, width).flatten().double()
        w_exc = _grown(t["w_exc"], c.drive_channels, width).double() if c.drive_channels else None
        return cls(c, device, arguments, sizes, context, w_cond, b_gate, w_exc)

    @property
    def width(self) -> int:
        """Channels of the residual stream with their padding."""
        return self.sizes["WIDTH"]

    def rows(self, frames: Tensor) -> Tensor:
        """V·y + gate biases of ``[b, f, input_channels]``, ``[b, f, layers, 2 * width]`` float32; columns take turns.

        Frames before the first and after the last count as silent, as in ``WaveNet.conditioning_rows``.
        """
        rows = self.b_gate.expand(*frames.shape[:2], -1)
        if self.context is not None:
            rows = rows + self.context(frames.double()) @ self.w_cond
        result: Tensor = rows.float().unflatten(2, (self.config.layers, -1))
        return result

    def drive(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        """``[b, t, width]`` float32, added at the input, and what a mixture's means lie about, ``[b, t]``; of `Features.signal`, ``[b, …]``."""
        assert self.w_exc is not None  # a network without has no signal
        c, exact = self.config, signal.double()
        drive = (drive_inputs(exact, c) @ self.w_exc).float()
        if not c.source_window:
            return drive, torch.zeros(drive.shape[:2], device=drive.device)
        return drive, compand_tensor(exact[:, c.source_window : -c.source_window]).float()


def too_wide(config: WaveNetConfig) -> str | None:
    """A sentence where the kernel cannot play networks of this size."""
    for name, most in WIDEST.items():
        if getattr(config, name) > most:
            # A softmax's outputs are its levels.
            word = "levels" if name == "outputs" and not config.mixtures else name
            return f"The GPU's player takes a {word} of up to {most}, and this network has {getattr(config, name)}."
    return None


def sizes_of(config: WaveNetConfig, shared_bytes: int) -> dict[str, int]:
    """The kernel's constants for a GPU with so much shared memory a program."""
    c = config
    width, skip, head, levels = (padded(size) for size in (c.residual, c.skip, c.head, c.outputs))
    chunk = min(head, WIDEST_TILE, max(LEAST, padded(TILE_BYTES // (2 * (skip + levels)) + 1) // 2))
    # float16 weights, and past [16, width] and rows [16, 2 * width] of the voices.
    layer_bytes = 2 * (4 * width * width + width * (skip + width)) + LEAST * width * (2 + 8)
    head_bytes = 2 * chunk * (skip + levels)
    stages = min(MOST_STAGES, 1 + max(0, shared_bytes - SPARE_BYTES) // max(layer_bytes, head_bytes))
    return {
        "LAYERS": c.layers, "CYCLE": c.cycle, "WIDTH": width, "SKIP": skip, "HEAD": head, "LEVELS": levels,
        "HOP": c.hop, "CHUNK": chunk, "STAGES": stages, "DRIVEN": int(c.drive_channels > 0), "MIXTURES": c.mixtures,
        "HISTORY": c.history, "KEPT": kept(c), "GRID": c.coding.levels,
    }  # fmt: skip


def kept(config: WaveNetConfig) -> int:
    """Codes of each voice in memory: a power of two above those that the input hears."""
    return 1 << config.history.bit_length()


def padded(size: int) -> int:
    """The power of two of at least 16 that is not below ``size``."""
    return max(LEAST, 1 << (size - 1).bit_length())


def shared_bytes(device: torch.device) -> int:
    if device.type != "cuda":
        return 0
    properties = torch.cuda.get_device_properties(device)
    # torch hands it out without naming it in its types.
    return int(getattr(properties, "shared_memory_per_block_optin", properties.shared_memory_per_block))


def turns(gates: Tensor, residual: int, width: int) -> Tensor:
    """``[..., 2 * residual]``, filters then gates, as ``[..., 2 * width]``: filter 0, gate 0, filter 1, …"""
    turns = gates.unflatten(-1, (2, residual)).transpose(-1, -2)
    return F.pad(turns, (0, 0, 0, width - residual)).flatten(-2)


def _grown(tensor: Tensor, *shape: int, fill: float = 0.0) -> Tensor:
    out = torch.full(shape, fill, dtype=torch.float32, device=tensor.device)
    out[tuple(slice(0, n) for n in tensor.shape)] = tensor
    return out


def _half(tensor: Tensor) -> Tensor:
    half = tensor.half()
    if not bool(half.isfinite().all()):
        raise OrchestrionError("The model has weights beyond 65,504, which float16 cannot hold; play it on the CPU.")
    return half
