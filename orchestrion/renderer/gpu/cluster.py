"""The sample loop spread over clusters of blocks (``cluster.cu``): its weights, constants and launches.

In numbers, for ``medium`` on an H200: a layer's matrices are 57 KB, all of them 1.2 MB. A program of ``kernel.py`` reads these from the
second-level cache for every sample of its 16 voices; 132 programs would need 160 MB a sample, 29 µs at 5.5 TB/s, and one alone waits for
20 layers of loads and barriers, 31 µs. Here they stay in the blocks of a cluster, 2 or 3 layers in each. A layer then costs a group
some 450 clock ticks, a step to the next block about as much, head and draw 1,500: one voice 8 to 12 µs. Shared memory gives 128 bytes a tick;
16 voices take 80 KB from it a layer, so that a block needs 1 to 2 µs a group, and eight groups of sixteen voices in each of sixteen clusters
(2,048 voices) 9 to 15 µs a sample.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from orchestrion.cachefolder import NotPrivateError
from orchestrion.compiled import folder
from orchestrion.compiledfiles import read, write
from orchestrion.renderer import coding
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.gpu.driver import Kernel, compiled, nvrtc_version
from orchestrion.renderer.gpu.weights import GpuWeights, kept, padded, shared_bytes

SOURCE = Path(__file__).with_name("cluster.cu")
TILE = 8  # voices that are multiplied together; a group is one or two
BLOCKS, LAYER_BLOCKS = 8, 7  # of a cluster; those that have layers
WIDTHS = (32, 64)
MOST_DEPTH = 3  # layers a block, whose matrices lie in registers
MOST_HISTORY = 16
OUTPUTS = 16
MOST_GROUPS = 9  # a cluster: H100 and H200 run 15 of these at once, which shall hold 2,048 voices
OLDEST = (9, 0)  # compute capability: clusters
PATIENCE = 4_000_000_000  # clock ticks, about two seconds


class Run(ctypes.Structure):
    """The kernel's argument, as ``struct Run`` in the source."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in (
            "w_past", "w_now", "w_res", "w_skip", "w_head", "w_out", "w_hist", "b_res", "b_skip", "b_head", "b_out", "rings", "keys",
            "counters", "recent", "pool", "drive", "centre", "places", "sharpness", "forced", "out", "logits", "failed",
            "waited",
        )),
        ("patience", ctypes.c_longlong),
        *((name, ctypes.c_int) for name in ("n_groups", "n_clusters", "clock", "first", "n_steps")),
    )  # fmt: skip


def unfit(config: WaveNetConfig) -> str | None:
    """Why clusters do not take networks of this size; None where they do."""
    c, width = config, padded(config.residual)
    if not c.mixtures or 3 * c.mixtures > OUTPUTS:
        return "its output is no mixture of up to five logistics"
    if width not in WIDTHS or not LAYER_BLOCKS <= c.layers <= LAYER_BLOCKS * MOST_DEPTH or not 2 <= c.history <= MOST_HISTORY:
        return "its layers do not fit the blocks of a cluster"
    return None


def has_clusters(config: WaveNetConfig) -> bool:
    """Whether this GPU has clusters, whose blocks have enough shared memory for the network."""
    if not torch.cuda.is_available() or torch.cuda.get_device_capability() < OLDEST:
        return False
    return _shared(config, 2, MOST_GROUPS) <= shared_bytes(torch.device("cuda"))


def constants_of(config: WaveNetConfig, tiles: int, groups: int) -> dict[str, object]:
    """What ``cluster.cu`` is compiled with, for groups of ``8 * tiles`` voices and up to ``groups`` of them a cluster."""
    c, width = config, padded(config.residual)
    part = 2 * width  # 16 rows for each warp
    found: dict[str, object] = {
        "LAYERS": c.layers, "CYCLE": c.cycle, "WIDTH": width, "SKIP": _whole(c.skip, part), "HEAD": _whole(c.head, part),
        "MIXTURES": c.mixtures, "HISTORY": c.history, "KEPT": kept(c), "GRID": c.coding.levels, "HOP": c.hop,
        "DRIVEN": int(c.drive_channels > 0), "TILES": tiles, "GROUPS": groups, "LEAST_REST": f"{coding.LEAST_REST}f",
        "LOG_SCALE_LOW": f"{coding.LOG_SCALE_LOW}f", "LOG_SCALE_HIGH": f"{coding.LOG_SCALE_HIGH}f",
        "LOG_SCALE_SHIFT": f"{coding.LOG_SCALE_SHIFT}f",
    }  # fmt: skip
    return found | {"SHARED": _shared(config, tiles, groups)}


def _shared(config: WaveNetConfig, tiles: int, groups: int) -> int:
    """Bytes of shared memory of a block: the sums of ``cluster.cu``, which refuses to compile with less."""
    c, width, voices = config, padded(config.residual), 8 * tiles
    skip, head, depth, warps = _whole(c.skip, 2 * width), _whole(c.head, 2 * width), -(-c.layers // LAYER_BLOCKS), width // 8
    recent = 4 * voices * (OUTPUTS * warps + groups * c.history)
    weights = max(depth * 2 * (2 * width * width + width * skip), 2 * head * (skip + OUTPUTS) + recent)
    common = weights + groups * (4 * voices * (width + skip) + 16) + max(4 * depth * width, 4 * (skip + head + OUTPUTS))
    layers = 3 * depth * voices * (2 * width + 16)
    last = voices * (2 * skip + 16 + 2 * head + 16 + 4 * OUTPUTS)
    return common + max(layers, last)


def _whole(size: int, part: int) -> int:
    return -(-max(size, 64) // part) * part


@dataclass(frozen=True, eq=False)
class Clusters:
    """A network laid out for the kernel, and the kernel for groups of one size."""

    arguments: Mapping[str, Tensor]
    loaded: Loaded

    @classmethod
    def of(cls, weights: GpuWeights, tiles: int) -> Clusters:
        """From the padded matrices of ``weights``, which must not be `unfit`."""
        a, width = weights.arguments, weights.width
        skip, head = (_whole(size, 2 * width) for size in (weights.config.skip, weights.config.head))
        gates = torch.arange(2 * width).unflatten(0, (-1, 8, 2)).transpose(1, 2).flatten()  # 8 filters, then their gates
        matrices = {
            "w_past": (a["w_past"], gates), "w_now": (a["w_now"], gates), "w_res": (a["w_res"], torch.arange(width)),
            "w_skip": (_padded(a["w_skip"], width, skip), torch.arange(skip)),
            "w_head": (_padded(a["w_head"], skip, head), torch.arange(head)),
            "w_out": (_padded(a["w_out"], head, OUTPUTS), torch.arange(OUTPUTS)),
        }  # fmt: skip
        arguments = {name: fragments(matrix, rows.to(matrix.device)) for name, (matrix, rows) in matrices.items()}
        arguments |= {
            "w_hist": a["w_hist"], "b_res": a["b_res"], "b_skip": F.pad(a["b_skip"], (0, skip - len(a["b_skip"]))),
            "b_head": F.pad(a["b_head"], (0, head - len(a["b_head"]))), "b_out": a["b_out"],
        }  # fmt: skip
        return cls({name: tensor.contiguous() for name, tensor in arguments.items()}, loaded(weights.config, tiles))

    def play(
        self, tensors: Mapping[str, Tensor], forced: Tensor | None, n_groups: int, clock: int, first: int, n_steps: int
    ) -> None:  # fmt: skip
        """Launch it, for samples ``first .. first + n_steps`` of a block; ``tensors`` as `Run` names them."""
        pointers = {name: tensor.data_ptr() for name, tensor in {**self.arguments, **tensors}.items()}
        n_clusters = min(self.loaded.n_clusters, n_groups)
        run = Run(
            **pointers, forced=None if forced is None else forced.data_ptr(), patience=PATIENCE, n_groups=n_groups,
            n_clusters=n_clusters, clock=clock, first=first, n_steps=n_steps,
        )  # fmt: skip
        self.loaded.kernel.launch(n_clusters * BLOCKS, self.loaded.threads, run)


def fragments(matrix: Tensor, rows: Tensor) -> Tensor:
    """``[..., k, n]`` as ``[..., m / 16, k / 16, 32 lanes, 8]``: what each lane of a warp multiplies (PTX, mma.m16n8k16, A).

    Args:
        rows: ``[m]`` which column of the matrix makes each row of the product.
    """
    k = matrix.shape[-2]
    lane, element = torch.arange(32, device=matrix.device)[:, None], torch.arange(8, device=matrix.device)
    row = lane // 4 + 8 * (element // 2 % 2)  # [32, 8] within a tile
    step = torch.arange(k // 16, device=matrix.device)[:, None, None]
    share = min(k, 64) // 4  # neighbouring channels of a lane
    channel = 64 * (step // 4) + share * (lane % 4) + 4 * (step % 4) + 2 * (element // 4) + element % 2
    column = rows.unflatten(0, (-1, 16))[:, row]  # [m / 16, 32, 8]
    return matrix[..., channel[None], column[:, None]]


def _padded(matrix: Tensor, *shape: int) -> Tensor:
    return F.pad(matrix, (0, shape[1] - matrix.shape[-1], 0, shape[0] - matrix.shape[-2]))


@dataclass(frozen=True, eq=False)
class Loaded:
    """The kernel on this GPU, for groups of one size."""

    kernel: Kernel
    threads: int
    n_clusters: int


@lru_cache
def loaded(config: WaveNetConfig, tiles: int) -> Loaded:
    """Compiled and loaded, once a process.

    Raises:
        OrchestrionError: that fails, or the GPU has no room for a cluster.
    """
    constants = constants_of(config, tiles, MOST_GROUPS)
    code = _code(constants, torch.cuda.get_device_capability())
    threads = 4 * padded(config.residual)
    kernel = Kernel(code, "play", int(str(constants["SHARED"])))
    return Loaded(kernel, threads, kernel.most_clusters(BLOCKS, threads))


def _code(constants: Mapping[str, object], capability: tuple[int, int]) -> bytes:
    """The kernel's machine code, from the user's cache where it is there whole: compiling takes seconds."""
    source = SOURCE.read_text("utf-8")
    of = repr((source, sorted(constants.items()), capability, nvrtc_version()))
    place = folder(Path(__file__))
    file = None if place is None else place / f"cluster-{hashlib.sha256(of.encode()).hexdigest()[:16]}.cubin"
    if file is not None:
        with suppress(OSError, NotPrivateError):
            if kept_code := read(file):
                return kept_code
    code = compiled(source, SOURCE.name, constants, capability)
    if file is not None:
        with suppress(OSError):  # a full disk: it is compiled again next time
            write(file, code)
    return code
