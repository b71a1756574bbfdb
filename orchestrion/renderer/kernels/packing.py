"""A network's weights for the compiled loop: every matrix packed, one after another as a sample reads them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.matrices.arithmetic import FLOAT32, INT8, STORAGES
from orchestrion.matrices.emitter import PANEL
from orchestrion.matrices.matrix import GREATEST, Matrix, grown, pack_matrix, padded
from orchestrion.matrices.memory import aligned, together
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.kernels.context import Context

GATED = 64  # channels whose filters and gates come together: four panels
NEVER = -1e30  # the logit of a level that does not exist
REMEMBERED = 4  # packed networks: an ensemble's, or one that plays again and again
_remembered: dict[bytes, Packed] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Packed:
    """A network ready for the kernels. ``width`` is the padded residual width; gates are in the order of ``gate_order``."""

    config: WaveNetConfig
    storage: str
    width: int
    skip_width: int
    embed_now: np.ndarray  # [levels, width]; empty with a mixture
    embed_before: np.ndarray
    history: Matrix | None  # [history, width] of a mixture
    past: tuple[Matrix, ...]  # [width, 2 * width] of the gates
    now: tuple[Matrix, ...]
    residual: tuple[Matrix, ...]  # [width, width]
    skips: tuple[Matrix, ...]  # [width, skip_width]
    residual_bias: np.ndarray  # [layers, width]
    skip_bias: np.ndarray
    head: Matrix
    head_bias: np.ndarray
    out: Matrix
    out_bias: np.ndarray  # padded with NEVER
    context: Context  # float32 in every storage

    @property
    def n_bytes(self) -> int:
        """Bytes of weights one sample reads."""
        matrices = (*self.past, *self.now, *self.residual, *self.skips, self.head, self.out)
        return sum(matrix.n_bytes for matrix in matrices)


def pack(config: WaveNetConfig, tensors: Mapping[str, np.ndarray], storage: str = "float32") -> Packed:
    """Pack a network's tensors (named as in ``WaveNet.state_dict``), as numpy arrays; the last few are remembered.

    Raises:
        OrchestrionError: unknown storage.
    """
    if storage not in STORAGES:
        raise OrchestrionError(f"Weight storage {storage!r} is unknown; choose one of {', '.join(STORAGES)}.")
    contents = hashlib.blake2b(repr((config, storage)).encode())
    for name, value in sorted(tensors.items()):
        contents.update(name.encode() + np.ascontiguousarray(value).tobytes())
    key = contents.digest()
    with _lock:
        packed = _remembered.pop(key, None) or _pack(config, tensors, storage)
        _remembered[key] = packed  # the latest last
        if len(_remembered) > REMEMBERED:
            del _remembered[next(iter(_remembered))]
    return packed


def _pack(config: WaveNetConfig, tensors: Mapping[str, np.ndarray], storage: str) -> Packed:
    t = {name: np.asarray(value, dtype=np.float32) for name, value in tensors.items()}
    width, skip_width = padded(config.residual, PANEL), padded(config.skip, PANEL)
    packed = Packed(
        config, storage, width, skip_width,
        embed_now=_embedding(t, "embed_now.weight", width),
        embed_before=_embedding(t, "embed_before.weight", width),
        history=pack_matrix(grown(t["w_hist"], padded(config.history), width), FLOAT32) if config.mixtures else None,
        past=tuple(pack_matrix(_gates(w, width), storage) for w in t["w_past"]),
        now=tuple(pack_matrix(_gates(w, width), storage) for w in t["w_now"]),
        residual=tuple(pack_matrix(grown(w, width, width), storage) for w in t["w_res"]),
        skips=tuple(pack_matrix(grown(w, width, skip_width), storage) for w in t["w_skip"]),
        residual_bias=grown(t["b_res"], config.layers, width),
        skip_bias=grown(t["b_skip"], skip_width),
        head=pack_matrix(grown(t["w_head"], skip_width, config.head), storage),
        head_bias=grown(t["b_head"], padded(config.head, PANEL)),
        out=_pack_out(t, config, storage),
        out_bias=grown(t["b_out"], padded(config.outputs, PANEL), fill=NEVER),
        context=_pack_context(config, t, width),
    )  # fmt: skip
    return _in_one_block(packed)


def _in_one_block(packed: Packed) -> Packed:
    """The same network with its matrices one after another, as a sample of one voice reads them."""
    p, n = packed, packed.config.layers
    layers = [m for i in range(n) for m in (p.now[i], *p.skips[i - 1 : i], p.residual[i])]
    ordered = [*layers, p.skips[-1], p.head, p.out, *p.past]
    blocks = together([m.panels for m in ordered])
    moved = {id(m): replace(m, panels=block) for m, block in zip(ordered, blocks, strict=True)}
    past, now, residual, skips = (tuple(moved[id(m)] for m in many) for many in (p.past, p.now, p.residual, p.skips))
    return replace(p, past=past, now=now, residual=residual, skips=skips, head=moved[id(p.head)], out=moved[id(p.out)])


def gate_order(width: int) -> np.ndarray:
    """Where the gates' columns come from in ``[filter | gate]`` of ``width`` each: 64 of the one, then 64 of the other, and so on."""
    channels = [np.arange(start, min(start + GATED, width)) for start in range(0, width, GATED)]
    return np.concatenate([np.concatenate([part, width + part]) for part in channels])


def in_gate_order(rows: np.ndarray) -> np.ndarray:
    """``[..., 2, width]`` filters and gates as ``[..., 2 * width]`` in the order of ``gate_order``."""
    width = rows.shape[-1]
    flat = rows.reshape(*rows.shape[:-2], 2 * width)
    return flat if width <= GATED else aligned(flat[..., gate_order(width)])


def _pack_out(tensors: Mapping[str, np.ndarray], config: WaveNetConfig, storage: str) -> Matrix:
    rows = padded(config.head, PANEL)
    if config.mixtures:  # twelve columns: too few to save anything by rounding, and each a number to be exact about
        return pack_matrix(grown(tensors["w_out"], rows, config.outputs), FLOAT32)
    if storage != INT8:
        return pack_matrix(grown(tensors["w_out"], rows, config.levels), storage)
    from orchestrion.renderer.kernels import rounding  # with torch, which nothing else here waits for

    whole, scales = rounding.rounded_out(tensors, GREATEST)
    return pack_matrix(grown(whole * scales, rows, config.levels), storage, scales)


def _pack_context(config: WaveNetConfig, tensors: Mapping[str, np.ndarray], width: int) -> Context:
    w = tensors.get("w_cond", np.zeros((1, config.layers * 2 * config.residual), dtype=np.float32))
    each = w.reshape(-1, config.layers, 2 * config.residual).swapaxes(0, 1)
    rows = np.stack([_columns_of_gates(layer, width) for layer in each], 1).reshape(len(w), -1)
    return Context.of(config, tensors, rows, _columns_of_gates(tensors["b_gate"], width).ravel(), width)


def _embedding(tensors: Mapping[str, np.ndarray], name: str, width: int) -> np.ndarray:
    return grown(tensors[name], len(tensors[name]), width) if name in tensors else np.zeros((0, width), dtype=np.float32)


def _gates(matrix: np.ndarray, width: int) -> np.ndarray:
    """``[residual, filter | gate]`` as ``[width, 2 * width]`` in the order of ``gate_order``."""
    return _columns_of_gates(grown(matrix, width, matrix.shape[1]), width)


def _columns_of_gates(matrix: np.ndarray, width: int) -> np.ndarray:
    """``[k, filter | gate]`` as ``[k, 2 * width]`` in the order of ``gate_order``."""
    k, residual = len(matrix), matrix.shape[1] // 2
    return in_gate_order(grown(matrix.reshape(k, 2, residual), k, 2, width))
