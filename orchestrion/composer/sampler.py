"""Writing music step by step: the compiled twin of ``network.Biaxial.forward``.

A step costs one matrix product a time layer over all pitches of all pieces, and one compiled walk along the notes. State
goes in and comes out; nothing is ever run again. The random number of a decision is a function of (seed, voice, step,
pitch), and every row of a product is computed in one fixed order, so pieces written together equal pieces written alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from orchestrion.composer.config import CLOCK_WIDTHS, ComposerConfig
from orchestrion.composer.features import static_inputs
from orchestrion.composer.kernel import add_inputs, update_cells, walk_notes
from orchestrion.composer.network import Biaxial
from orchestrion.errors import OrchestrionError
from orchestrion.matrices.matrix import STORAGES, Matrix, grown, pack_matrix
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.matrices.product import product
from orchestrion.matrices.width import lanes_tag, storage_tag
from orchestrion.randomness import stream_key

LARGE_PARAMETERS = 1_000_000  # from here on the products over all pitches take most of the time
LEAST = np.float32(-np.inf)
_NONE_FORCED = np.zeros((0, 0, 2), dtype=np.uint8)


@dataclass
class State:
    """Of b pieces, between two steps: ``inputs`` of each time layer [b·p, .] (what comes from below, then its own output, then
    padding), its cells [b·p, u], the step just taken [b, p, 2] and the number of the next. ``Sampler`` writes into it."""

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
    """Steps of a trained network, for ``pieces`` at once.

    ``storage`` is that of the weights over all pitches: ``float32`` agrees with ``forward`` to 1e-4. In Ode to Joy the shipped
    composers' chances of a note differ from that by 0.0001 on average (0.02 at most) in ``bfloat16``, and by 0.0007 (0.08) in
    ``int8``, which is about twice as fast. None for `default_storage`.

    Raises:
        OrchestrionError: unknown storage.
    """

    def __init__(self, model: Biaxial, storage: str | None = None, pieces: int = 1):
        storage = storage or default_storage(model.config)
        if storage not in STORAGES:
            raise OrchestrionError(f"Unknown storage {storage!r}; choose one of {', '.join(STORAGES)}.")
        self.config, self.storage, self.pieces = model.config, storage, pieces
        self._pack_time(model)
        self._pack_notes(model)
        self._make_buffers()

    def twin(self, pieces: int | None = None) -> Sampler:
        """A sampler with the same weights and its own room to work in, for another thread or number of pieces."""
        twin = copy.copy(self)
        twin.pieces = pieces or self.pieces
        twin._make_buffers()
        return twin

    def _make_buffers(self) -> None:
        rows = self.pieces * self.config.n_pitches
        self._top = aligned_zeros(rows, self._note_in.k)
        self._products = [_Product(w, rows) for w in self._time]
        self._thinking = _Product(self._note_in, rows)

    def compile(self) -> None:
        """Have the loops compiled for this processor, or read from the cache: what a first step would wait for."""
        every = Choices(np.ones(self.config.n_pitches, dtype=np.uint8))
        clock = np.zeros(len(self._clock), dtype=np.float32)
        _, state = self.draw(self.initial_state(), clock, [every] * self.pieces, 0, range(self.pieces))
        self.force(state, clock, state.previous)

    def initial_state(self) -> State:
        """Silence before step 0."""
        p, rows = self.config.n_pitches, self.pieces * self.config.n_pitches
        inputs = [aligned_zeros(rows, w.k) for w in self._time]
        cells = [np.zeros((rows, u), dtype=np.float32) for u in self.config.time_sizes]
        return State(inputs, cells, np.zeros((self.pieces, p, 2), dtype=np.uint8))

    def force(self, state: State, clock: np.ndarray, rows: np.ndarray) -> State:
        """Take the given ``rows`` [b, p, 2] (or [p, 2] for all pieces) as the next step, without asking the note axis."""
        self._advance(state, clock)
        return _taken(state, self._for_all(rows))

    def logits(self, state: State, clock: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, State]:
        """Logits [b, p, 2] of the given next step, as in ``force``, and the state after it."""
        self._advance(state, clock)
        given = self._for_all(rows)
        every = [Choices(np.ones(self.config.n_pitches, dtype=np.uint8))] * self.pieces
        _, logits = self._walk(state, every, np.zeros(self.pieces, dtype=np.uint64), given)
        return logits, _taken(state, given)

    def draw(
        self, state: State, clock: np.ndarray, choices: Sequence[Choices], seed: int, voices: Sequence[int]
    ) -> tuple[np.ndarray, State]:
        """Draw the next step [b, p, 2] uint8 (sounding, articulated), and the state after it; choices and a voice a piece."""
        self._advance(state, clock)
        keys = np.array([stream_key(seed, voice) for voice in voices], dtype=np.uint64)
        rows, _ = self._walk(state, choices, keys, _NONE_FORCED)
        return rows, _taken(state, rows)

    def _for_all(self, rows: np.ndarray) -> np.ndarray:
        return np.array(np.broadcast_to(rows, (self.pieces, self.config.n_pitches, 2)), dtype=np.uint8)

    def _advance(self, state: State, clock: np.ndarray) -> None:
        """Run the time axis for the next step; leaves the last layer's output in ``_top``."""
        shift, p, below = clock.astype(np.float32) @ self._clock, self.config.n_pitches, 0
        for layer, (cells, u) in enumerate(zip(state.cells, self.config.time_sizes, strict=True)):
            own = state.inputs[layer]
            gates = self._products[layer](own)
            if layer == 0:
                for piece, previous in enumerate(state.previous):
                    rows = gates[piece * p : (piece + 1) * p]
                    add_inputs(
                        rows, self._fixed, previous, self._near, self._around, self.config.pitch_low, self.config.vicinity_wraps
                    )
            above = state.inputs[layer + 1] if layer + 1 < len(state.inputs) else self._top
            update_cells(gates, shift if layer == 0 else self._biases[layer], cells, own, below, above)
            below = u

    def _walk(
        self, state: State, choices: Sequence[Choices], keys: np.ndarray, forced: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.pieces, self.config.n_pitches, 2)
        rows, logits = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.float32)
        thoughts = self._thinking(self._top) + self._note_bias
        first = np.uint64((state.step * 128 + self.config.pitch_low) * 2)
        walk_notes(
            thoughts.reshape(*shape[:2], -1), self._note_sizes, self._notes, self._out_w, self._out_b, state.previous,
            np.stack([c.allowed for c in choices]), np.array([c.polyphony for c in choices]),
            np.array([c.conservativity for c in choices], dtype=np.float64),
            np.array([c.temperature for c in choices], dtype=np.float64), keys, first, forced, rows, logits,
        )  # fmt: skip
        return rows, logits

    def _pack_time(self, model: Biaxial) -> None:
        """Weights of the time axis as x @ W; those of the inputs by kind, since nearly all are zero or constant."""
        layers = [_parameters(layer) for layer in model.time_axis]
        w_in = np.ascontiguousarray(layers[0]["w_in"].T)  # [n_inputs, 4u]
        width = CLOCK_WIDTHS[self.config.clock]
        self._fixed = static_inputs(self.config).numpy() @ w_in[:13] + layers[0]["bias"]
        self._near = w_in[13:63].reshape(25, 2, -1)
        self._around = w_in[63:75]
        self._clock = w_in[75 : 75 + width]
        self._biases = [layer["bias"] for layer in layers]
        weights = [w["w_hidden"] if i == 0 else np.hstack([w["w_in"], w["w_hidden"]]) for i, w in enumerate(layers)]
        self._time = [pack_matrix(w.T, STORAGES[self.storage]) for w in weights]

    def _pack_notes(self, model: Biaxial) -> None:
        """Weights of the note axis in one vector: [below + own, 4u] a layer, its bias after it from the second on."""
        layers = [_parameters(layer) for layer in model.note_axis]
        top = self.config.time_sizes[-1]
        self._note_in = pack_matrix(layers[0]["w_in"][:, :top].T, STORAGES[self.storage])
        self._note_bias = grown(layers[0]["bias"], self._note_in.columns)
        parts = []
        for i, layer in enumerate(layers):
            below = layer["w_in"][:, top:] if i == 0 else layer["w_in"]
            parts.append(np.hstack([below, layer["w_hidden"]]).T.ravel())
            if i > 0:
                parts.append(layer["bias"])
        self._notes = np.concatenate(parts)
        self._note_sizes = np.array(self.config.note_sizes)
        self._out_w = np.ascontiguousarray(model.out.weight.detach().float().cpu().numpy().T)
        self._out_b = model.out.bias.detach().float().cpu().numpy()


class _Product:
    """x [rows, k] @ W [k, c] into a buffer of its own, overwritten next time; x lies within -1 .. 1, as outputs of cells do."""

    def __init__(self, weights: Matrix, rows: int):
        self._weights, self._tags = weights, (lanes_tag(), storage_tag(weights.kind))
        self._out = aligned_zeros(rows, weights.columns)
        self._zeros = aligned_zeros(weights.columns)
        self._whole = aligned_zeros(rows, 2 + weights.k // 2)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Of ``x`` [rows, k] with its padding, the product with its own."""
        w, columns = self._weights, self._weights.columns
        product(
            *self._tags, len(x), x.ctypes.data, w.k, w.k, w.address, columns, self._out.ctypes.data,
            columns, self._zeros.ctypes.data, 0, 0, w.scale.ctypes.data, self._whole.ctypes.data, 1, 0, 0, LEAST,
        )  # fmt: skip
        return self._out


def default_storage(config: ComposerConfig) -> str:
    """int8 for large networks, where it is fastest, else float32.

    On the six built-in tunes int8 changes the shipped composers' nats a step by -0.001 (melodies, of 0.913) and -0.034
    (chorales, of 3.737).
    """
    return "int8" if config.n_parameters > LARGE_PARAMETERS else "float32"


def _taken(state: State, rows: np.ndarray) -> State:
    """The state after ``rows`` [b, p, 2] were taken as the step that the time axis has just been run for."""
    return State(state.inputs, state.cells, rows, state.step + 1)


def _parameters(layer: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().float().cpu().numpy() for name, value in layer.named_parameters()}
