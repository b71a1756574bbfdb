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

from orchestrion.composer.config import CLOCK_WIDTHS, NEAR, ComposerConfig
from orchestrion.composer.features import static_inputs
from orchestrion.composer.kernel import add_inputs, add_memories, update_cells, walk_notes
from orchestrion.composer.network import Biaxial
from orchestrion.errors import OrchestrionError
from orchestrion.matrices.arithmetic import STORAGES, host
from orchestrion.matrices.matrix import Matrix, grown, pack_matrix
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.matrices.operands import NO_ROWS, Rows
from orchestrion.matrices.product import call_product
from orchestrion.randomness import stream_key

LARGE_PARAMETERS = 1_000_000  # from here on the products over all pitches take most of the time
LEAST = np.float32(-np.inf)


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
    logits / ``temperature``; ``urge``: added to the logits of attacks, taken from those of notes that go on."""

    allowed: np.ndarray
    polyphony: int = 128
    conservativity: float = 1.0
    temperature: float = 1.0
    urge: float = 0.0


@dataclass(frozen=True)
class Around:
    """What a step hears beside the one before it.

    Attributes:
        memory: earlier rolls [b, m, p, 2] (`features.memories`); None for silence.
        ahead: what the network's backward axis says of given notes [b, p, f]; None where nothing is given.
        given: (known, sounding, articulated) [b, p, 3]: these are not drawn; None where nothing is given.
    """

    memory: np.ndarray | None = None
    ahead: np.ndarray | None = None
    given: np.ndarray | None = None


ALONE = Around()


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
        memory = np.zeros((self.pieces, self.config.n_memories, self.config.n_pitches, 2), dtype=np.uint8)
        around = Around(memory=memory) if self.config.n_memories else ALONE
        _, state = self.draw(self.initial_state(), clock, [every] * self.pieces, 0, range(self.pieces), around)
        self.force(state, clock, state.previous)

    def initial_state(self) -> State:
        """Silence before step 0."""
        p, rows = self.config.n_pitches, self.pieces * self.config.n_pitches
        inputs = [aligned_zeros(rows, w.k) for w in self._time]
        cells = [np.zeros((rows, u), dtype=np.float32) for u in self.config.time_sizes]
        return State(inputs, cells, np.zeros((self.pieces, p, 2), dtype=np.uint8))

    def force(self, state: State, clock: np.ndarray, rows: np.ndarray, around: Around = ALONE) -> State:
        """Take the given ``rows`` [b, p, 2] (or [p, 2] for all pieces) as the next step, without asking the note axis.

        ``clock`` is [w], or [b, w] where pieces are told different things.
        """
        self._advance(state, clock, around)
        return _taken(state, self._for_all(rows))

    def logits(
        self, state: State, clock: np.ndarray, rows: np.ndarray, around: Around = ALONE
    ) -> tuple[np.ndarray, State]:
        """Logits [b, p, 2] of the given next step, as in ``force``, and the state after it."""
        self._advance(state, clock, around)
        given = self._for_all(rows)
        every = [Choices(np.ones(self.config.n_pitches, dtype=np.uint8))] * self.pieces
        all_known = np.concatenate([np.ones_like(given[..., :1]), given], axis=-1)
        _, logits, _ = self._walk(state, every, np.zeros(self.pieces, dtype=np.uint64), all_known)
        return logits, _taken(state, given)

    def draw(
        self, state: State, clock: np.ndarray, choices: Sequence[Choices], seed: int, voices: Sequence[int],
        around: Around = ALONE,
    ) -> tuple[np.ndarray, State]:  # fmt: skip
        """Draw the next step [b, p, 2] uint8 (sounding, articulated), and the state after it; choices and a voice a piece."""
        rows, state, _ = self.draw_around(state, clock, choices, seed, voices, around)
        return rows, state

    def draw_around(
        self, state: State, clock: np.ndarray, choices: Sequence[Choices], seed: int, voices: Sequence[int], around: Around
    ) -> tuple[np.ndarray, State, np.ndarray]:
        """As ``draw``, and how surprising the given notes are after what was drawn: minus log likelihood in nats, [b]."""
        self._advance(state, clock, around)
        return self.draw_again(state, choices, seed, voices, around)

    def draw_again(
        self, state: State, choices: Sequence[Choices], seed: int, voices: Sequence[int], around: Around
    ) -> tuple[np.ndarray, State, np.ndarray]:
        """Another draw of the step that ``draw_around`` has just drawn from ``state``, by other ``voices``: the note axis alone is run."""
        keys = np.array([stream_key(seed, voice) for voice in voices], dtype=np.uint64)
        given = around.given
        if given is None:
            given = np.zeros((self.pieces, self.config.n_pitches, 3), dtype=np.uint8)
        rows, _, surprise = self._walk(state, choices, keys, given)
        return rows, _taken(state, rows), surprise

    def picked(self, state: State, pieces: np.ndarray) -> State:
        """The state of ``len(pieces)`` pieces, of which piece i is what piece ``pieces[i]`` was."""
        rows = (pieces[:, None] * self.config.n_pitches + np.arange(self.config.n_pitches)).ravel()
        inputs = [aligned_zeros(len(rows), each.shape[1]) for each in state.inputs]
        for new, old in zip(inputs, state.inputs, strict=True):
            new[...] = old[rows]
        return State(inputs, [cells[rows] for cells in state.cells], state.previous[pieces], state.step)

    def _for_all(self, rows: np.ndarray) -> np.ndarray:
        return np.array(np.broadcast_to(rows, (self.pieces, self.config.n_pitches, 2)), dtype=np.uint8)

    def _advance(self, state: State, clock: np.ndarray, around: Around) -> None:
        """Run the time axis for the next step; leaves what the note axis makes of it, before it hears any note, in ``_thoughts``."""
        shifts, p, below = [row.astype(np.float32) @ self._clock for row in np.atleast_2d(clock)], self.config.n_pitches, 0
        for layer, (cells, u) in enumerate(zip(state.cells, self.config.time_sizes, strict=True)):
            own = state.inputs[layer]
            gates = self._products[layer](own)
            if layer == 0:
                for piece, previous in enumerate(state.previous):
                    rows = gates[piece * p : (piece + 1) * p]
                    add_inputs(
                        rows, self._fixed, shifts[piece % len(shifts)], previous, self._near, self._around, self.config.pitch_low,
                        self.config.vicinity_wraps,
                    )  # fmt: skip
                    if around.memory is not None:
                        add_memories(rows, self._memories, around.memory[piece])
                    if around.ahead is not None:
                        rows[:, : self._ahead.shape[1]] += around.ahead[piece] @ self._ahead
            above = state.inputs[layer + 1] if layer + 1 < len(state.inputs) else self._top
            update_cells(gates, self._biases[layer], cells, own, below, above)
            below = u
        self._thoughts = self._thinking(self._top) + self._note_bias

    def _walk(
        self, state: State, choices: Sequence[Choices], keys: np.ndarray, given: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shape = (self.pieces, self.config.n_pitches, 2)
        rows, logits = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.float32)
        surprise = np.zeros(self.pieces)
        first = np.uint64((state.step * 128 + self.config.pitch_low) * 2)
        walk_notes(
            self._thoughts.reshape(*shape[:2], -1), self.config.n_below, self._note_sizes, self._notes, self._out_w, self._out_b, state.previous,
            np.stack([c.allowed for c in choices]), np.array([c.polyphony for c in choices]),
            np.array([c.conservativity for c in choices], dtype=np.float64),
            np.array([c.temperature for c in choices], dtype=np.float64), keys, first, np.ascontiguousarray(given[..., 0]),
            np.ascontiguousarray(given[..., 1:]), np.array([c.urge for c in choices], dtype=np.float64), rows, logits, surprise,
        )  # fmt: skip
        return rows, logits, surprise

    def _pack_time(self, model: Biaxial) -> None:
        """Weights of the time axis as x @ W; those of the inputs by kind, since nearly all are zero or constant."""
        layers = [_parameters(layer) for layer in model.time_axis]
        w_in = np.ascontiguousarray(layers[0]["w_in"].T)  # [n_inputs, 4u]
        width = CLOCK_WIDTHS[self.config.clock]
        self._fixed = static_inputs(self.config).numpy() @ w_in[:13] + layers[0]["bias"]
        self._near = w_in[13:63].reshape(25, 2, -1)
        self._around = w_in[63:75]
        self._clock = w_in[75 : 75 + width]
        later = 75 + width + self.config.spare_input
        ends = later + 2 * NEAR * self.config.n_memories
        self._memories = np.ascontiguousarray(w_in[later:ends].reshape(-1, NEAR, 2, w_in.shape[1]))
        self._ahead = np.ascontiguousarray(w_in[ends:])
        # The first layer's bias is in what is fixed.
        self._biases = [np.zeros_like(layers[0]["bias"]), *(layer["bias"] for layer in layers[1:])]
        weights = [w["w_hidden"] if i == 0 else np.hstack([w["w_in"], w["w_hidden"]]) for i, w in enumerate(layers)]
        self._time = [pack_matrix(w.T, self.storage) for w in weights]

    def _pack_notes(self, model: Biaxial) -> None:
        """Weights of the note axis in one vector: [below + own, 4u] a layer, its bias after it from the second on."""
        layers = [_parameters(layer) for layer in model.note_axis]
        top = self.config.time_sizes[-1]
        self._note_in = pack_matrix(layers[0]["w_in"][:, :top].T, self.storage)
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
        self._weights, self._how = weights, host(weights.storage)
        self._out = aligned_zeros(rows, weights.columns)
        self._zeros = aligned_zeros(weights.columns)
        self._whole = aligned_zeros(rows, 2 + weights.k // 2)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Of ``x`` [rows, k] with its padding, the product with its own."""
        w = self._weights
        call_product(
            self._how, len(x), Rows(x.ctypes.data, w.k), w.weights, Rows(self._out.ctypes.data, w.columns),
            Rows(self._zeros.ctypes.data, 0), 0, NO_ROWS, self._whole.ctypes.data, 1, LEAST,
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
