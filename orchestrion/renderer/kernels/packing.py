"""Weights laid out once for the kernels: panels of 32 columns, in float32, bfloat16 or int8.

A matrix ``[k, c]`` becomes panels ``[c / 32, k, 32]``, so that a tile reads its weights from front to back. Rows are padded
with zeros to multiples of 16 and columns to multiples of 32; the padding never reaches an output. The layout is the same
for all widths of vectors.

Storage:
    float32   as trained.
    bfloat16  two weights a 32-bit word: column j in the low half, j + 16 in the high half. The kernel shifts for the low
              one and takes the whole word for the high one, whose value so includes the low half as its last bits:
              packing rounds the high half to the nearest number *with* those bits.
    int8      whole numbers -127..127 with one scale a column, stored 128 higher, four rows side by side. What they
              multiply is rounded to 15 bits (with one power of two a product), and the sums are exact; see ``whole``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.kernels.emitter import BFLOAT16, FLOAT32, INT8_STORED, PANEL
from orchestrion.renderer.kernels.memory import aligned, together

STORAGES = {"float32": FLOAT32, "bfloat16": BFLOAT16, "int8": INT8_STORED}
ROW_MULTIPLE = 16
WHOLE_OFFSET = 128
LONGEST_WHOLE = 1024  # 16384 * 127 * 1024 is the last that an int32 holds
TINY = np.float32(2.0**-100)
NEVER = -1e30  # the logit of a level that does not exist


@dataclass(frozen=True)
class Matrix:
    """One packed matrix ``[k, c]``: ``panels`` of bytes, and ``scale [c]`` (ones unless int8)."""

    panels: np.ndarray
    scale: np.ndarray
    k: int
    columns: int

    @property
    def address(self) -> int:
        return self.panels.ctypes.data

    @property
    def n_bytes(self) -> int:
        return self.panels.nbytes


@dataclass(frozen=True)
class Packed:
    """A network ready for the kernels. ``width`` is the padded residual width; gates are ``[filter | gate]``, each of it."""

    config: WaveNetConfig
    storage: str
    width: int
    skip_width: int
    embed_now: np.ndarray  # [levels, width]
    embed_before: np.ndarray
    excitation: Matrix | None
    gates: tuple[Matrix, ...]  # [2 * width, 2 * width]: past rows, then present rows
    after_gates: tuple[Matrix, ...]  # [width, width + skip_width]: to the residual stream, then to the skip sum
    after_bias: np.ndarray  # [layers, width + skip_width]: the residual bias, then zeros
    skip_bias: np.ndarray
    head: Matrix
    head_bias: np.ndarray
    out: Matrix
    out_bias: np.ndarray  # padded with NEVER

    @property
    def n_bytes(self) -> int:
        """Bytes of weights one sample reads."""
        matrices = (*self.gates, *self.after_gates, self.head, self.out)
        return sum(matrix.n_bytes for matrix in matrices)


def pack(config: WaveNetConfig, tensors: Mapping[str, np.ndarray], storage: str = "float32") -> Packed:
    """Pack a network's tensors (named as in ``WaveNet.state_dict``), as numpy arrays.

    Raises:
        OrchestrionError: unknown storage.
    """
    if storage not in STORAGES:
        raise OrchestrionError(f"Weight storage {storage!r} is unknown; choose one of {', '.join(STORAGES)}.")
    if storage == "int8" and max(config.residual, config.skip, config.head) > LONGEST_WHOLE:
        raise OrchestrionError(f"Storage int8 takes layers of up to {LONGEST_WHOLE} channels; use bfloat16.")
    t = {name: np.asarray(value, dtype=np.float32) for name, value in tensors.items()}
    kind = STORAGES[storage]
    width, skip_width = padded(config.residual, PANEL), padded(config.skip, PANEL)
    layers = range(config.layers)
    packed = Packed(
        config, storage, width, skip_width,
        embed_now=_grow(t["embed_now.weight"], config.levels, width),
        embed_before=_grow(t["embed_before.weight"], config.levels, width),
        excitation=pack_matrix(_grow(t["w_exc"], padded(2 * config.harmonics), width), FLOAT32) if config.harmonics else None,
        gates=tuple(pack_matrix(_gate_matrix(t["w_past"][i], t["w_now"][i], config.residual), kind) for i in layers),
        after_gates=tuple(
            pack_matrix(np.hstack([_grow(t["w_res"][i], width, width), _grow(t["w_skip"][i], width, skip_width)]), kind)
            for i in layers
        ),
        after_bias=aligned(np.hstack([_grow(t["b_res"], config.layers, width), _grow(np.zeros((0, 0)), config.layers, skip_width)])),
        skip_bias=_grow(t["b_skip"], skip_width),
        head=pack_matrix(_grow(t["w_head"], skip_width, config.head), kind),
        head_bias=_grow(t["b_head"], padded(config.head, PANEL)),
        out=pack_matrix(_grow(t["w_out"], padded(config.head, PANEL), config.levels), kind),
        out_bias=_grow(t["b_out"], padded(config.levels, PANEL), fill=NEVER),
    )  # fmt: skip
    return _in_one_block(packed)


def _in_one_block(packed: Packed) -> Packed:
    """The same network with its matrices one after another, as a sample reads them."""
    ordered = [m for pair in zip(packed.gates, packed.after_gates, strict=True) for m in pair] + [packed.head, packed.out]
    blocks = together([m.panels for m in ordered])
    moved = [replace(m, panels=block) for m, block in zip(ordered, blocks, strict=True)]
    return replace(packed, gates=tuple(moved[:-2:2]), after_gates=tuple(moved[1:-2:2]), head=moved[-2], out=moved[-1])


def pack_matrix(matrix: np.ndarray, kind: int) -> Matrix:
    """Pack ``[k, c]`` float32."""
    k, columns = padded(matrix.shape[0]), padded(matrix.shape[1], PANEL)
    grown = _grow(matrix, k, columns).reshape(k, columns // PANEL, PANEL)
    panels: np.ndarray = grown.swapaxes(0, 1)  # [panels, k, 32]
    scale = np.ones(columns, dtype=np.float32)
    if kind == INT8_STORED:
        scale = _column_scales(panels).reshape(columns)
        whole = (np.rint(panels / scale.reshape(-1, 1, PANEL)) + WHOLE_OFFSET).astype(np.uint8)
        panels = whole.reshape(-1, k // 4, 4, PANEL).swapaxes(2, 3)  # [panels, k / 4, 32, 4]
    elif kind == BFLOAT16:
        panels = _bfloat16_words(panels[..., :16], panels[..., 16:])
    return Matrix(aligned(panels), aligned(scale), k, columns)


def unpack_matrix(matrix: Matrix, kind: int) -> np.ndarray:
    """The ``[k, c]`` float32 the kernel multiplies by: the twin of ``pack_matrix``."""
    panels = matrix.panels
    if kind == BFLOAT16:
        panels = np.concatenate([(panels << np.uint32(16)).view(np.float32), panels.view(np.float32)], axis=-1)
    if kind == INT8_STORED:
        panels = panels.swapaxes(2, 3).reshape(-1, matrix.k, PANEL).astype(np.float32) - WHOLE_OFFSET
    dense = panels.astype(np.float32).swapaxes(0, 1).reshape(matrix.k, matrix.columns)
    return dense * matrix.scale


def padded(size: int, multiple: int = ROW_MULTIPLE) -> int:
    return -(-size // multiple) * multiple


def _gate_matrix(past: np.ndarray, now: np.ndarray, residual: int) -> np.ndarray:
    """``[2 * width, 2 * width]``: rows past | now, columns filter | gate, each padded from ``residual``."""
    width = padded(residual, PANEL)
    out = np.zeros((2, width, 2, width), dtype=np.float32)
    for row, matrix in enumerate((past, now)):
        out[row, :residual, :, :residual] = matrix.reshape(residual, 2, residual)
    return out.reshape(2 * width, 2 * width)


def _grow(array: np.ndarray, *shape: int, fill: float = 0.0) -> np.ndarray:
    out = aligned(np.full(shape, fill, dtype=np.float32))
    out[tuple(slice(0, n) for n in array.shape)] = array
    return out


def _column_scales(panels: np.ndarray) -> np.ndarray:
    """``[panels, 32]``: a 127th of each column's greatest weight, and 1 for a column of zeros."""
    greatest = np.abs(panels).max(axis=1)
    return np.where(greatest > 0, greatest / 127, 1).astype(np.float32)


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
