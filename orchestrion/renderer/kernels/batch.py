"""Voices in lockstep: the state of up to some dozens of voices, and the call into the compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol

import numpy as np

from orchestrion.compiling import at_hand
from orchestrion.errors import OrchestrionError
from orchestrion.matrices.arithmetic import FLOAT32, host
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.kernels import layout, loop
from orchestrion.renderer.kernels.helper import Helper, own_columns
from orchestrion.renderer.kernels.packing import Packed

AHEAD = 8  # samples whose past is multiplied at once; a power of two
FEW = 4  # voices up to which that pays, and a helper may
LOUDEST = 1e6  # that de-emphasis ever comes to, many times


class UnfitState(OrchestrionError):
    """A state that is not one of this network playing this score."""


class Prepared(Protocol):
    """A network's weights as the player of some device wants them: `Packed`, or those of ``renderer.gpu``."""

    @property
    def config(self) -> WaveNetConfig: ...

    @property
    def width(self) -> int:
        """Channels of the residual stream with their padding."""
        ...


@dataclass
class VoiceState:
    """All that one voice remembers between two samples.

    Attributes:
        history: ``[sum of dilations, width]`` float32: every layer's last inputs one after another, oldest first.
        recent: ``[config.history]`` int64 codes of the last samples, oldest first.
        counter: samples drawn so far, which is the number of the next random number.
        key: the voice's stream of random numbers (uint64).
        last: where de-emphasis goes on from (`Deemphasis.last`); streaming keeps it.
    """

    history: np.ndarray
    recent: np.ndarray
    counter: int
    key: int
    last: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def silent(cls, packed: Prepared, key: int, counter: int = 0) -> VoiceState:
        """Before the first sample. A voice that starts in the middle of a piece gives its ``counter``."""
        recent = np.full(packed.config.history, packed.config.coding.silence, dtype=np.int64)
        return cls(silence(sum(packed.config.dilations), packed.width), recent, counter, key)

    def check(self, packed: Prepared, key: int, counter: int) -> None:
        """Compiled code takes shapes and codes at their word; so this must come before, of a state that was read from a file.

        Raises:
            UnfitState: not the state of a voice of ``packed`` with ``key`` after ``counter`` samples.
        """
        expected = VoiceState.silent(packed, key, counter)
        for name, found, wanted in (("history", self.history, expected.history), ("recent", self.recent, expected.recent)):
            if found.dtype != wanted.dtype or found.shape != wanted.shape:
                raise UnfitState(f"its {name} is {found.dtype} {found.shape}, not {wanted.dtype} {wanted.shape}")
        check_codes(self.recent, packed.config)
        if not np.isfinite(self.history).all() or not all(abs(value) <= LOUDEST for value in self.last):
            raise UnfitState("it holds numbers that no playing comes to")
        if (self.key, self.counter) != (key, counter):
            raise UnfitState("it is of another seed or another place in the score")


@lru_cache(maxsize=8)
def silence(n: int, width: int) -> np.ndarray:
    """The ``history`` of a voice before its first sample, ``[n, width]`` float32: one for all, since thousands of voices may begin at once."""
    zeros = np.zeros((n, width), dtype=np.float32)
    zeros.setflags(write=False)
    return zeros


def check_codes(codes: np.ndarray, config: WaveNetConfig) -> None:
    """Raise `UnfitState` where ``codes`` has any that samples of the network cannot have."""
    if len(codes) and not (0 <= codes.min() and codes.max() < config.coding.levels):
        raise UnfitState("it holds codes that no sample has")


@dataclass(frozen=True)
class Block:
    """What the voices of a batch need for the same number of frames.

    Attributes:
        rows: ``[f, layers, v, 2 * width]`` float32, V·y and the gate biases, in the order of
            ``packing.gate_order``.
        drive: ``[f * hop, v, width]`` float32, added at the input, or None.
        centre: ``[f * hop, v]`` float32, what a mixture's means lie about, or None.
        sharpness: ``[f, v]`` float32, one over the temperature.
        forced: ``[f * hop, v]`` int32; a level >= 0 is taken instead of the drawn one.
    """

    rows: np.ndarray
    drive: np.ndarray | None
    centre: np.ndarray | None
    sharpness: np.ndarray
    forced: np.ndarray


class Batch:
    """``voices`` in lockstep; ``run`` advances all of them.

    Args:
        lanes, quads: force other instructions than the host's best; see `Arithmetic`.
        helped: whether a second thread shares the work of up to ``FEW`` voices; the numbers are the same.
    """

    def __init__(
        self,
        packed: Packed,
        voices: Sequence[VoiceState],
        lanes: int | None = None,
        quads: bool | None = None,
        helped: bool = False,
    ):
        self.packed, self.n = packed, len(voices)
        storages = packed.storage, FLOAT32, FLOAT32 if packed.config.mixtures else packed.storage
        self._how, self._plain, self._last = (host(storage, lanes, quads) for storage in storages)
        self._clock = 0
        self._keys = np.array([voice.key for voice in voices], dtype=np.uint64)
        self._counters = np.array([voice.counter for voice in voices], dtype=np.int64)
        self._recent = np.stack([voice.recent for voice in voices]).astype(np.int64)
        self._rings = aligned_zeros(sum(packed.config.dilations), self.n, packed.width)
        for column, voice in enumerate(voices):
            self._rings[:, column] = voice.history
        self._ahead = AHEAD if self.n <= FEW else 1
        self._chains = aligned_zeros(packed.config.layers, 2 * self._ahead * self.n, 2 * packed.width)
        self._zeros = aligned_zeros(2 * packed.width)
        self.helper = Helper() if helped and self.n <= FEW else None
        self._buffers = self._scratch()
        self._own = self._scratch_addresses()
        self._helpers = self._own.copy()
        self._helpers["room"] = self._buffers["helpers_room"].ctypes.data
        self._layers = self._layer_addresses()
        self._network = self._network_addresses()

    def run(self, block: Block, first: int, n_steps: int, out: np.ndarray) -> None:
        """Samples ``first .. first + n_steps`` of ``block`` into ``out [f * hop, v]`` int32."""
        drive, centre = (0 if given is None else given.ctypes.data for given in (block.drive, block.centre))
        network = self._network.ctypes.data
        helping = self._how, self._last, self.n, network, self._helpers.ctypes.data, self._clock, n_steps
        help_along, is_compiled = partial(loop.help_along, *helping), partial(at_hand, loop.help_along, *helping)
        with self.helper.beside(n_steps, help_along, is_compiled) if self.helper else nullcontext():
            loop.run(
                self._how, self._plain, self._last, network, self._own.ctypes.data, block.rows.ctypes.data, drive, centre,
                block.sharpness, self._keys, self._counters, self._recent, out, block.forced,
                self._clock, first, n_steps,
            )  # fmt: skip
        self._clock += n_steps

    def states(self) -> list[VoiceState]:
        """A copy of every voice's state."""
        history = np.empty_like(self._rings)
        start = 0
        for dilation in self.packed.config.dilations:
            ring = self._rings[start : start + dilation]
            history[start : start + dilation] = np.roll(ring, -(self._clock % dilation), axis=0)
            start += dilation
        return [
            VoiceState(history[:, v].copy(), self._recent[v].copy(), int(self._counters[v]), int(self._keys[v]))
            for v in range(self.n)
        ]

    @property
    def logits(self) -> np.ndarray:
        """``[v, outputs]`` of the last sample drawn: logits, or a mixture's parameters."""
        return self._buffers["out"][:, : self.packed.config.outputs].copy()

    def _scratch(self) -> dict[str, np.ndarray]:
        p = self.packed
        room = self._ahead * (2 + max(p.width, p.skip_width, p.head.columns))
        sizes = {
            "stream": p.width + p.skip_width, "a": 2 * p.width, "z": p.width * (p.config.layers if self._keeps_gates else 1),
            "hidden": p.head.columns, "out": p.out.columns, "weights": p.out.columns, "room": room, "helpers_room": room,
            "whole_h": 16 + p.width, "whole_z": 2 * (16 + p.width), "values": p.history.k if p.history is not None else 1,
        }  # fmt: skip
        return {name: aligned_zeros(self.n, size) for name, size in sizes.items()}

    @property
    def _keeps_gates(self) -> bool:
        """Whether every layer's gates stay until the sample is done: one voice's skip sums come late, and a helper's later."""
        return self.n == 1 or self.helper is not None

    def _scratch_addresses(self) -> np.ndarray:
        scratch = layout.table(layout.SCRATCH)
        for name in layout.SCRATCH.names or ():
            scratch[name] = self._buffers[name].ctypes.data
        return scratch

    def _layer_addresses(self) -> np.ndarray:
        p, c, slot = self.packed, self.packed.config, 0
        layers = layout.table(layout.LAYER, c.layers)
        for i, (layer, dilation) in enumerate(zip(layers, c.dilations, strict=True)):
            for name in ("past", "now", "residual", "skips"):
                layer[name] = layout.row_of(getattr(p, name)[i])
            layer["residual_bias"], layer["ring"] = p.residual_bias[i].ctypes.data, self._rings[slot].ctypes.data
            layer["dilation"], layer["ahead"] = dilation, min(dilation, self._ahead)
            layer["chain"], layer["made"] = self._chains[i].ctypes.data, -1
            slot += dilation
        return layers

    def _network_addresses(self) -> np.ndarray:
        p, c = self.packed, self.packed.config
        network = layout.table(layout.NETWORK)
        net = network[0]
        net["layers"], net["n_layers"], net["width"], net["hop"] = self._layers.ctypes.data, c.layers, p.width, c.hop
        net["codes"], net["mixtures"] = c.coding.levels, c.mixtures
        net["head"], net["out"] = layout.row_of(p.head), layout.row_of(p.out)
        if p.history is not None:
            net["history"] = layout.row_of(p.history)
        for name in ("embed_now", "embed_before", "skip_bias", "head_bias", "out_bias"):
            net[name] = getattr(p, name).ctypes.data
        net["zeros"] = self._zeros.ctypes.data
        if self._keeps_gates:
            net["z_step"] = self._buffers["z"].nbytes // c.layers
        if self.helper:
            net["words"] = self.helper.words.ctypes.data
            net["own_skips"], net["own_head"], net["own_out"] = own_columns(p)
        return network
