"""Writing music step by step: the compiled twin of ``network.Biaxial.forward``.

A step costs one matrix product a time layer over all pitches (torch, float32 or bfloat16) and one compiled walk along
the notes. State goes in and comes out; nothing is ever run again. The random number of a decision is a function of (seed,
voice, step, pitch), so pieces written together equal pieces written alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch

from orchestrion.bridge.randomness import stream_key
from orchestrion.composer.config import CLOCK_WIDTHS, ComposerConfig
from orchestrion.composer.features import static_inputs
from orchestrion.composer.kernel import add_inputs, update_cells, walk_notes
from orchestrion.composer.network import Biaxial
from orchestrion.errors import OrchestrionError

LARGE_PARAMETERS = 1_000_000  # from here on the products over all pitches take most of the time
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_NONE_FORCED = np.zeros((0, 2), dtype=np.uint8)


@dataclass
class State:
    """Between two steps: ``inputs`` of each time layer [p, below + u] (the last u columns are its own output), its
    cells [p, u], the step just taken [p, 2] and the number of the next. ``Sampler`` writes into it."""

    inputs: list[np.ndarray]
    cells: list[np.ndarray]
    previous: np.ndarray
    step: int = 0


@dataclass(frozen=True)
class Choices:
    """How notes are chosen. ``allowed`` [p] in 0/1; ``polyphony``: most notes at once; P(play) ** ``conservativity``;
    logits / ``temperature``."""

    allowed: np.ndarray
    polyphony: int = 128
    conservativity: float = 1.0
    temperature: float = 1.0


class Sampler:
    """Steps of a trained network.

    ``precision`` is that of the products over all pitches: ``float32`` agrees with ``forward`` to 1e-4; ``bfloat16`` is
    up to three times as fast on processors that multiply it and differs in the third digit; None for `default_precision`.
    """

    def __init__(self, model: Biaxial, precision: str | None = None):
        precision = precision or default_precision(model.config)
        if precision not in PRECISIONS:
            raise OrchestrionError(f"Unknown precision {precision!r}; choose one of {', '.join(PRECISIONS)}.")
        self.config, self.precision = model.config, precision
        self._type = PRECISIONS[precision]
        self._pack_time(model)
        self._pack_notes(model)
        self._make_buffers()

    def twin(self) -> Sampler:
        """A sampler with the same weights and its own room to work in, for another thread."""
        twin = copy.copy(self)
        twin._make_buffers()
        return twin

    def _make_buffers(self) -> None:
        p = self.config.n_pitches
        self._top = np.zeros((p, self.config.time_sizes[-1]), dtype=np.float32)
        self._products = [_Product(w, p, self._type) for w in self._time]
        self._thinking = _Product(self._note_in, p, self._type)

    def compile(self) -> None:
        """Have the loops compiled for this processor, or read from the cache: what a first step would wait for."""
        every = Choices(np.ones(self.config.n_pitches, dtype=np.uint8))
        clock = np.zeros(len(self._clock), dtype=np.float32)
        _, state = self.draw(self.initial_state(), clock, every, 0, 0)
        self.force(state, clock, state.previous)

    def initial_state(self) -> State:
        """Silence before step 0."""
        p, sizes = self.config.n_pitches, self.config.time_sizes
        inputs = [np.zeros((p, w.shape[0]), dtype=np.float32) for w in self._time]
        return State(inputs, [np.zeros((p, u), dtype=np.float32) for u in sizes], np.zeros((p, 2), dtype=np.uint8))

    def force(self, state: State, clock: np.ndarray, row: np.ndarray) -> State:
        """Take the given ``row`` [p, 2] as the next step, without asking the note axis."""
        self._advance(state, clock)
        return _taken(state, row.astype(np.uint8))

    def logits(self, state: State, clock: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, State]:
        """Logits [p, 2] of the given next step, and the state after it."""
        thoughts = self._thoughts(self._advance(state, clock))
        every = Choices(np.ones(self.config.n_pitches, dtype=np.uint8))
        _, logits = self._walk(thoughts, state, every, np.uint64(0), row.astype(np.uint8))
        return logits, _taken(state, row.astype(np.uint8))

    def draw(
        self, state: State, clock: np.ndarray, choices: Choices, seed: int, voice: int
    ) -> tuple[np.ndarray, State]:
        """Draw the next step [p, 2] uint8 (sounding, articulated), and the state after it."""
        thoughts = self._thoughts(self._advance(state, clock))
        row, _ = self._walk(thoughts, state, choices, np.uint64(stream_key(seed, voice)), _NONE_FORCED)
        return row, _taken(state, row)

    def _advance(self, state: State, clock: np.ndarray) -> np.ndarray:
        """Run the time axis for the next step; the last layer's output [p, u]."""
        shift = clock.astype(np.float32) @ self._clock
        for layer, (cells, u) in enumerate(zip(state.cells, self.config.time_sizes, strict=True)):
            gates = self._products[layer](state.inputs[layer]).numpy()
            if layer == 0:
                low, wraps = self.config.pitch_low, self.config.vicinity_wraps
                add_inputs(gates, self._fixed, state.previous, self._near, self._around, low, wraps)
            own = state.inputs[layer]
            above = state.inputs[layer + 1] if layer + 1 < len(state.inputs) else self._top
            update_cells(gates, shift if layer == 0 else self._biases[layer], cells, own, own.shape[1] - u, above)
        return self._top

    def _thoughts(self, top: np.ndarray) -> np.ndarray:
        return self._thinking(top).add_(self._note_bias).numpy()

    def _walk(
        self, thoughts: np.ndarray, state: State, choices: Choices, key: np.uint64, forced: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        row = np.zeros((self.config.n_pitches, 2), dtype=np.uint8)
        logits = np.zeros((self.config.n_pitches, 2), dtype=np.float32)
        first = np.uint64((state.step * 128 + self.config.pitch_low) * 2)
        walk_notes(
            thoughts, self._note_sizes, self._notes, self._out_w, self._out_b, state.previous,
            choices.allowed, choices.polyphony, choices.conservativity, choices.temperature,
            key, first, forced, row, logits,
        )  # fmt: skip
        return row, logits

    def _pack_time(self, model: Biaxial) -> None:
        """Weights of the time axis as x @ W; those of the inputs by kind, since nearly all are zero or constant."""
        layers = [
            {name: value.detach().float().cpu() for name, value in layer.named_parameters()}
            for layer in model.time_axis
        ]
        w_in = layers[0]["w_in"].t()  # [n_inputs, 4u]
        width = CLOCK_WIDTHS[self.config.clock]
        self._fixed = (static_inputs(self.config) @ w_in[:13] + layers[0]["bias"]).contiguous().numpy()
        self._near = w_in[13:63].reshape(25, 2, -1).contiguous().numpy()
        self._around = w_in[63:75].contiguous().numpy()
        self._clock = w_in[75 : 75 + width].contiguous().numpy()
        self._biases = [layer["bias"].numpy() for layer in layers]
        self._time = [
            (layer["w_hidden"] if i == 0 else torch.cat([layer["w_in"], layer["w_hidden"]], dim=1))
            .t()
            .contiguous()
            .to(self._type)
            for i, layer in enumerate(layers)
        ]

    def _pack_notes(self, model: Biaxial) -> None:
        """Weights of the note axis in one vector: [below + own, 4u] a layer, its bias after it from the second on."""
        layers = [
            {name: value.detach().float().cpu() for name, value in layer.named_parameters()}
            for layer in model.note_axis
        ]
        top = self.config.time_sizes[-1]
        self._note_in = layers[0]["w_in"][:, :top].t().contiguous().to(self._type)
        self._note_bias = layers[0]["bias"]
        parts = []
        for i, layer in enumerate(layers):
            below = layer["w_in"][:, top:] if i == 0 else layer["w_in"]
            parts.append(torch.cat([below, layer["w_hidden"]], dim=1).t().reshape(-1))
            if i > 0:
                parts.append(layer["bias"])
        self._notes = torch.cat(parts).numpy()
        self._note_sizes = np.array(self.config.note_sizes)
        self._out_w = model.out.weight.detach().float().cpu().t().contiguous().numpy()
        self._out_b = model.out.bias.detach().float().cpu().numpy()


class _Product:
    """x [p, k] @ W [k, c] in one precision, into buffers of its own; the result is float32 and overwritten next time."""

    def __init__(self, weights: torch.Tensor, rows: int, kind: torch.dtype):
        self._weights = weights
        self._out = torch.empty(rows, weights.shape[1])
        self._narrow = None
        if kind is not torch.float32:
            self._narrow = torch.empty(rows, weights.shape[0], dtype=kind), torch.empty(rows, weights.shape[1], dtype=kind)

    def __call__(self, x: np.ndarray) -> torch.Tensor:
        if self._narrow is None:
            return torch.mm(torch.from_numpy(x), self._weights, out=self._out)
        given, product = self._narrow
        torch.mm(given.copy_(torch.from_numpy(x)), self._weights, out=product)
        return self._out.copy_(product)


def default_precision(config: ComposerConfig) -> str:
    """bfloat16 for large networks where the processor has instructions for it, else float32.

    On the six built-in tunes it costs the shipped composers 0.0002 (melodies) and 0.004 (chorales) nats a step.
    """
    narrow = config.n_parameters > LARGE_PARAMETERS and multiplies_bfloat16()
    return "bfloat16" if narrow else "float32"


def multiplies_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself: AMX's tiles, or AVX-512's dot products."""
    known = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("amx_tile", "avx512_bf16"))
    return any(has_it is not None and has_it() for has_it in known)


def _taken(state: State, row: np.ndarray) -> State:
    return State(state.inputs, state.cells, row, state.step + 1)
