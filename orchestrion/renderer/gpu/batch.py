"""Voices on the GPU: their rings, codes and counters, and the launch of the kernel that plays them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from orchestrion.renderer.gpu import cluster
from orchestrion.renderer.gpu.kernel import PROGRAM_VOICES, WARPS, play
from orchestrion.renderer.gpu.weights import GpuWeights, kept
from orchestrion.renderer.kernels.batch import VoiceState, silence

CLOCK = 1 << 20  # a multiple of every ring's length, and of the codes kept
WAITED = "its blocks have waited for each other in vain"


@dataclass(frozen=True)
class Layout:
    """How voices are spread over the GPU.

    Attributes:
        rows: voices a program of ``kernel.py``, or a group of ``cluster.cu`` (8 or 16).
        clusters: whether ``cluster.cu`` plays, which takes some networks only.
    """

    rows: int
    clusters: bool = False


PROGRAMS = Layout(PROGRAM_VOICES)


@dataclass(frozen=True)
class GpuBlock:
    """What the voices of a batch need for the same number of frames; all on the GPU.

    Attributes:
        pool: ``[places, layers, 2 * width]`` float32, V·y and the gate biases of frames.
        drive: ``[places * hop, width]`` float32, what is added at the input in the same frames.
        centre: ``[places * hop]`` float32, what a mixture's means lie about.
        places: ``[f, v]`` int64: which of those each voice hears.
        sharpness: ``[f, v]`` float32, one over the temperature.
        forced: ``[f * hop, v]`` int32 or None; a code >= 0 is taken instead of the drawn one.
    """

    pool: Tensor
    drive: Tensor
    centre: Tensor
    places: Tensor
    sharpness: Tensor
    forced: Tensor | None


class GpuBatch:
    """Places for ``n`` voices or some more in lockstep; a voice may take a place whenever it is free.

    A place without a voice is computed like the others, and no other one hears of it.

    Attributes:
        failed: ``[1]`` int32 on the GPU, 1 where a launch has given up (`WAITED`).
        waited: ``[blocks]`` int64 clock ticks that each block of a cluster has waited for others in the last launch.
    """

    def __init__(self, weights: GpuWeights, n: int, layout: Layout = PROGRAMS):
        c, device, rows = weights.config, weights.device, layout.rows
        programs = -(-n // rows)
        self._clusters = cluster.Clusters.of(weights, rows // cluster.TILE) if layout.clusters else None
        self.weights, self.n, self._rows, self._clock = weights, programs * rows, rows, 0
        n = self.n
        self._rings = torch.zeros(programs, 2 * sum(c.dilations), rows, weights.width, dtype=torch.float16, device=device)
        self._keys, self._counters = (torch.zeros(n, dtype=torch.int64, device=device) for _ in range(2))
        self._recent = torch.full((kept(c), n), c.coding.silence, dtype=torch.int32, device=device)
        self._logits = torch.zeros(n, weights.sizes["LEVELS"], device=device)
        self._nothing = torch.zeros(1, dtype=torch.int32, device=device)
        self.failed = torch.zeros(1, dtype=torch.int32, device=device)
        self.waited = torch.zeros(programs * cluster.BLOCKS, dtype=torch.int64, device=device)

    def put(self, places: Sequence[int], voices: Sequence[VoiceState]) -> None:
        """Let ``voices`` go on from their states in ``places``."""
        if not places:
            return
        device = self.weights.device
        where = torch.tensor(places, device=device)
        self._keys[where] = torch.tensor([_signed(voice.key) for voice in voices], device=device)
        self._counters[where] = torch.tensor([voice.counter for voice in voices], device=device)
        recent = torch.from_numpy(np.stack([voice.recent for voice in voices], 1)).to(device, torch.int32)
        self._recent[self._last_codes()[:, None], where] = recent
        self._rings[where // self._rows, :, where % self._rows] = 0
        slots, nothing = self._slots(), silence(sum(self.weights.config.dilations), self.weights.width)
        for place, voice in zip(places, voices, strict=True):
            if voice.history is not nothing and voice.history.any():
                self._ring(place)[slots] = torch.from_numpy(voice.history).to(device, torch.float16)

    def states(self, places: Sequence[int]) -> list[VoiceState]:
        """A copy of the state of each voice in ``places``."""
        slots = self._slots()
        counters = self._counters.tolist()
        recent = self._recent[self._last_codes()].cpu().numpy().astype(np.int64)
        keys = self._keys.cpu().numpy().view(np.uint64)
        histories = [self._ring(place)[slots].float().cpu().numpy() for place in places]
        return [
            VoiceState(history, recent[:, place].copy(), counters[place], int(keys[place]))
            for place, history in zip(places, histories, strict=True)
        ]

    def run(self, block: GpuBlock, first: int, n_steps: int, out: Tensor) -> None:
        """Samples ``first .. first + n_steps`` of ``block`` into ``out [f * hop, n]`` int32."""
        tensors = {
            "rings": self._rings, "keys": self._keys, "counters": self._counters, "recent": self._recent, "pool": block.pool,
            "drive": block.drive, "centre": block.centre, "places": block.places, "sharpness": block.sharpness, "out": out,
            "logits": self._logits,
        }  # fmt: skip
        if self._clusters is not None:
            self._clusters.play(tensors | {"failed": self.failed, "waited": self.waited}, block.forced, self.n // self._rows, self._clock, first, n_steps)
        else:
            play[(self.n // self._rows,)](
                **self.weights.arguments, **tensors, forced=self._nothing if block.forced is None else block.forced,
                n_voices=self.n, clock=self._clock, first=first, n_steps=n_steps, **self.weights.sizes,
                FORCED=block.forced is not None, ROWS=self._rows, num_warps=WARPS,
            )  # fmt: skip
        self._counters += n_steps
        self._clock = (self._clock + n_steps) % CLOCK

    @property
    def logits(self) -> Tensor:
        """``[n, outputs]`` of the last sample."""
        return self._logits[:, : self.weights.config.outputs]

    def _ring(self, place: int) -> Tensor:
        """The rings ``[slots, width]`` of one place."""
        return self._rings[place // self._rows, :, place % self._rows]

    def _last_codes(self) -> Tensor:
        """Where the codes of the last ``history`` samples lie, oldest first."""
        n = self.weights.config.history
        return (self._clock - n + torch.arange(n, device=self.weights.device)) % len(self._recent)

    def _slots(self) -> Tensor:
        """Where in a ring the ``[sum of dilations]`` inputs of a `VoiceState` lie now, oldest first."""
        slots, start = [], 0
        for dilation in self.weights.config.dilations:
            slots.append(start + (self._clock + dilation + np.arange(dilation)) % (2 * dilation))
            start += 2 * dilation
        return torch.from_numpy(np.concatenate(slots)).to(self.weights.device)


def _signed(key: int) -> int:
    """The int64 with the bits of a uint64."""
    return key - (1 << 64) if key >> 63 else key
