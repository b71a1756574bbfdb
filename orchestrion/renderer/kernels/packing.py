"""Weights laid out once for the kernels: panels of 32 columns, in float32, bfloat16 or int8.

A matrix ``[k, c]`` becomes panels of 32 columns, four of them side by side (in the end, if so many are left, two and one):
``[k, 4, 32]``, so that one row's tile reads its weights from front to back, which is half as fast again as four streams are.
Rows are padded with zeros to multiples of 16 and columns to multiples of 32; the padding never reaches an output. The layout
is the same for all widths of vectors.

Storage:
    float32   as trained.
    bfloat16  two weights a 32-bit word: column j in the low half, j + 16 in the high half. The kernel shifts for the low
              one and takes the whole word for the high one, whose value so includes the low half as its last bits:
              packing rounds the high half to the nearest number *with* those bits.
    int8      whole numbers -127..127 with one scale a column, stored 128 higher, four rows side by side. What they
              multiply is rounded as finely (with one scale a product), and the sums are exact; see ``whole``. The last
              matrix, whose errors go straight to the logits, is rounded with more care; see ``rounding``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.kernels.emitter import BFLOAT16, FLOAT32, INT8_STORED, PANEL, PANEL_BYTES, ROWS
from orchestrion.renderer.kernels.memory import aligned, together
from orchestrion.renderer.kernels.rounding import rounded_out

STORAGES = {"float32": FLOAT32, "bfloat16": BFLOAT16, "int8": INT8_STORED}
ROW_MULTIPLE = 16
TOGETHER = 4  # panels side by side
GATED = 64  # channels whose filters and gates come together: four panels
WHOLE_OFFSET = 128
GREATEST = 127
TINY = np.float32(2.0**-100)
NEVER = -1e30  # the logit of a level that does not exist


@dataclass(frozen=True)
class Matrix:
    """One packed matrix ``[k, c]``: ``panels``, its bytes, and ``scale [c]`` (ones unless they are whole numbers)."""

    panels: np.ndarray
    scale: np.ndarray
    k: int
    columns: int
    kind: int

    @property
    def address(self) -> int:
        return self.panels.ctypes.data

    @property
    def n_bytes(self) -> int:
        return self.panels.nbytes


@dataclass(frozen=True)
class Packed:
    """A network ready for the kernels. ``width`` is the padded residual width; gates are in the order of ``gate_order``."""

    config: WaveNetConfig
    storage: str
    width: int
    skip_width: int
    embed_now: np.ndarray  # [levels, width]
    embed_before: np.ndarray
    excitation: Matrix | None
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

    @property
    def n_bytes(self) -> int:
        """Bytes of weights one sample reads."""
        matrices = (*self.past, *self.now, *self.residual, *self.skips, self.head, self.out)
        return sum(matrix.n_bytes for matrix in matrices)


def pack(config: WaveNetConfig, tensors: Mapping[str, np.ndarray], storage: str = "float32") -> Packed:
    """Pack a network's tensors (named as in ``WaveNet.state_dict``), as numpy arrays.

    Raises:
        OrchestrionError: unknown storage.
    """
    if storage not in STORAGES:
        raise OrchestrionError(f"Weight storage {storage!r} is unknown; choose one of {', '.join(STORAGES)}.")
    t = {name: np.asarray(value, dtype=np.float32) for name, value in tensors.items()}
    kind = STORAGES[storage]
    width, skip_width = padded(config.residual, PANEL), padded(config.skip, PANEL)
    packed = Packed(
        config, storage, width, skip_width,
        embed_now=_grow(t["embed_now.weight"], config.levels, width),
        embed_before=_grow(t["embed_before.weight"], config.levels, width),
        excitation=pack_matrix(_grow(t["w_exc"], padded(2 * config.harmonics), width), FLOAT32) if config.harmonics else None,
        past=tuple(pack_matrix(_gates(w, width), kind) for w in t["w_past"]),
        now=tuple(pack_matrix(_gates(w, width), kind) for w in t["w_now"]),
        residual=tuple(pack_matrix(_grow(w, width, width), kind) for w in t["w_res"]),
        skips=tuple(pack_matrix(_grow(w, width, skip_width), kind) for w in t["w_skip"]),
        residual_bias=_grow(t["b_res"], config.layers, width),
        skip_bias=_grow(t["b_skip"], skip_width),
        head=pack_matrix(_grow(t["w_head"], skip_width, config.head), kind),
        head_bias=_grow(t["b_head"], padded(config.head, PANEL)),
        out=_pack_out(t, config, kind),
        out_bias=_grow(t["b_out"], padded(config.levels, PANEL), fill=NEVER),
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


def _pack_out(tensors: Mapping[str, np.ndarray], config: WaveNetConfig, kind: int) -> Matrix:
    rows = padded(config.head, PANEL)
    if kind != INT8_STORED:
        return pack_matrix(_grow(tensors["w_out"], rows, config.levels), kind)
    whole, scales = rounded_out(tensors, GREATEST)
    return pack_matrix(_grow(whole * scales, rows, config.levels), kind, scales)


def pack_matrix(matrix: np.ndarray, kind: int, scales: np.ndarray | None = None) -> Matrix:
    """Pack ``[k, c]`` float32. ``scales [c]``, for whole numbers: by default, a 127th of each column's greatest."""
    k, columns = padded(matrix.shape[0]), padded(matrix.shape[1], PANEL)
    grown = _grow(matrix, k, columns).reshape(k, columns // PANEL, PANEL)
    panels: np.ndarray = grown.swapaxes(0, 1)  # [panels, k, 32]
    scale = np.ones(columns, dtype=np.float32)
    if kind == INT8_STORED:
        scale = _column_scales(panels).reshape(columns) if scales is None else _grow(scales, columns, fill=1)
        whole = np.rint(panels / scale.reshape(-1, 1, PANEL)) + WHOLE_OFFSET
        panels = whole.astype(np.uint8).reshape(-1, k // 4, 4, PANEL).swapaxes(2, 3)  # [panels, k / 4, 32, 4]
    elif kind == BFLOAT16:
        panels = _bfloat16_words(panels[..., :16], panels[..., 16:])
    groups = [panels[first : first + size].swapaxes(0, 1) for first, size in _groups(len(panels))]
    flat = np.concatenate([np.ascontiguousarray(group).reshape(-1).view(np.uint8) for group in groups])
    return Matrix(aligned(flat), aligned(scale), k, columns, kind)


def unpack_matrix(matrix: Matrix) -> np.ndarray:
    """The ``[k, c]`` float32 the kernel multiplies by: the twin of ``pack_matrix``."""
    kind, k, parts = matrix.kind, matrix.k, []
    for first, size in _groups(matrix.columns // PANEL):
        start, n_bytes = (panels * k * PANEL_BYTES[kind] for panels in (first, size))
        group = matrix.panels[start : start + n_bytes].reshape(k // ROWS[kind], size, -1).swapaxes(0, 1)
        parts.append(np.ascontiguousarray(group))
    panels = np.concatenate(parts)  # [panels, k / rows side by side, bytes]
    if kind == INT8_STORED:
        values = (panels.reshape(-1, k // 4, PANEL, 4).astype(np.float32) - WHOLE_OFFSET).swapaxes(2, 3)
    elif kind == BFLOAT16:
        words = panels.view(np.uint32)
        values = np.concatenate([(words << np.uint32(16)).view(np.float32), words.view(np.float32)], axis=-1)
    else:
        values = panels.view(np.float32)
    dense = values.reshape(-1, k, PANEL).swapaxes(0, 1).reshape(k, matrix.columns)
    return dense * matrix.scale


def _groups(n: int) -> list[tuple[int, int]]:
    """(first, how many) of the panels that lie side by side, as ``products`` takes them."""
    fours = [(first, 4) for first in range(0, n - 3, 4)]
    twos = [(n // 4 * 4, 2)] if n & 2 else []
    return fours + twos + ([(n - 1, 1)] if n & 1 else [])


def padded(size: int, multiple: int = ROW_MULTIPLE) -> int:
    return -(-size // multiple) * multiple


def _gates(matrix: np.ndarray, width: int) -> np.ndarray:
    """``[residual, filter | gate]`` as ``[width, 2 * width]`` in the order of ``gate_order``."""
    residual = len(matrix)
    out = np.zeros((width, 2, width), dtype=np.float32)
    out[:residual, :, :residual] = matrix.reshape(residual, 2, residual)
    return in_gate_order(out)


def _grow(array: np.ndarray, *shape: int, fill: float = 0.0) -> np.ndarray:
    out = aligned(np.full(shape, fill, dtype=np.float32))
    out[tuple(slice(0, n) for n in array.shape)] = array
    return out


def _column_scales(panels: np.ndarray) -> np.ndarray:
    """``[panels, 32]``: what makes each column's greatest weight 127, and 1 for a column of zeros."""
    greatest = np.abs(panels).max(axis=1)
    return np.where(greatest > 0, greatest / GREATEST, 1).astype(np.float32)


def _bfloat16_words(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    low_bits = _round_to_bfloat16(low)
    # A high half of 0 would make the word a denormal number, on which processors stall: 2**-100 is as good as nothing.
    high = np.where(np.abs(high) < TINY, TINY, high).astype(np.float32)
    below = (np.ascontiguousarray(high).view(np.uint32) & np.uint32(0xFFFF0000)) | low_bits
    candidates = np.stack([below - np.uint32(0x10000), below, below + np.uint32(0x10000)])
    # A step down from +0 or up from the largest exponent would be NaN or another sign: such candidates never win.
    values = np.nan_to_num(candidates.view(np.float32), nan=np.inf, posinf=np.inf, neginf=np.inf)
    best = np.abs(values.astype(np.float64) - high).argmin(axis=0)
    return np.take_along_axis(candidates, best[None], axis=0)[0]


def _round_to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper 16 bits of each value rounded to nearest even, as uint32 below 65536."""
    bits = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
    rounded = bits + np.uint64(0x7FFF) + ((bits >> np.uint64(16)) & np.uint64(1))
    return (rounded >> np.uint64(16)).astype(np.uint32)
