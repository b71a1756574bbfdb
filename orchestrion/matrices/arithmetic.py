"""How kernels compute, which their compiler must know: the width of vectors, fused multiply-adds, the storage of weights.

An `Arithmetic` is an argument of every kernel. For numba each is a type of its own, so that it compiles (and caches on disk) a version
of a kernel for each, in which all that it says is constant.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.extending import NativeValue, intrinsic, models, register_model, typeof_impl, unbox

from orchestrion.errors import OrchestrionError

FLOAT32, BFLOAT16, INT8 = "float32", "bfloat16", "int8"
STORAGES = (FLOAT32, BFLOAT16, INT8)
PANEL_BYTES = {FLOAT32: 128, BFLOAT16: 64, INT8: 32}  # of one row of a panel of 32 columns
ROWS = {FLOAT32: 1, BFLOAT16: 1, INT8: 4}  # of a panel, side by side
LANES = (16, 8, 4)
VARIABLE = "ORCHESTRION_LANES"


@dataclass(frozen=True)
class Arithmetic:
    """What a version of the kernels is compiled for.

    Attributes:
        lanes: float32 in a vector.
        fuses: whether a multiplication and an addition round once; without, products differ in the last bits.
        storage: of the weights.
        quads: whether weights of whole numbers are multiplied four bytes at once, not two by two.
    """

    lanes: int
    fuses: bool
    storage: str
    quads: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether weights are whole numbers."""
        return self.storage == INT8

    @property
    def input_bytes(self) -> int:
        """Of one number that weights multiply: 4 of a float; of a whole one 1, or 2 where they go two by two."""
        return 4 if not self.is_whole else 1 if self.quads else 2

    @property
    def row_bytes(self) -> int:
        """Of one row of a panel."""
        return PANEL_BYTES[self.storage]

    @property
    def step_bytes(self) -> int:
        """Of the rows of a panel that lie side by side."""
        return ROWS[self.storage] * self.row_bytes


def host(storage: str, lanes: int | None = None, quads: bool | None = None) -> Arithmetic:
    """The best of this processor for weights of ``storage``; ``lanes`` and ``quads`` force others, which are slower, not wrong."""
    if quads is None:
        quads = all(quad_product(width) for width in LANES)
    return Arithmetic(lanes or host_lanes(), host_fuses(), storage, quads and storage == INT8)


class ArithmeticType(types.Dummy):
    """numba's type of one `Arithmetic`; at run time it is nothing."""

    def __init__(self, how: Arithmetic):
        self.how = how
        super().__init__(name=f"{how.lanes}x{'fused' if how.fuses else 'rounded'}-{how.storage}{'-quads' if how.quads else ''}")


register_model(ArithmeticType)(models.OpaqueModel)


@typeof_impl.register(Arithmetic)
def _typeof(value, context):
    return ArithmeticType(value)


@unbox(ArithmeticType)
def _unbox(kind, value, context):
    return NativeValue(context.context.get_dummy_value())


def _constant(of: Callable[[Arithmetic], int]) -> Any:
    """A function for compiled code: what ``of`` says of its argument's `Arithmetic`."""

    @intrinsic
    def constant(typing, how):
        return types.int64(how), lambda context, builder, signature, arguments: ir.IntType(64)(int(of(how.how)))

    return constant


lanes = _constant(lambda how: how.lanes)
is_whole = _constant(lambda how: how.is_whole)
input_bytes = _constant(lambda how: how.input_bytes)
row_bytes = _constant(lambda how: how.row_bytes)
step_bytes = _constant(lambda how: how.step_bytes)


@lru_cache
def _features() -> Mapping[str, bool]:
    features: Mapping[str, bool] = llvm.get_host_cpu_features()
    return features


def host_lanes() -> int:
    """16 with AVX-512, 8 with AVX2 and FMA, else 4 (NEON, SSE); the variable ORCHESTRION_LANES forces another.

    Raises:
        OrchestrionError: the variable is not 16, 8 or 4. Wider than the host is allowed: it is slower, not wrong.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        if forced not in map(str, LANES):
            raise OrchestrionError(f"{VARIABLE} is {forced!r}; set it to 16, 8 or 4, or unset it.")
        return int(forced)
    features = _features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") and features.get("fma") else 4


def host_fuses() -> bool:
    """Whether a multiplication and an addition round once (FMA); without, products differ in the last bits."""
    return platform.machine().lower() in ("arm64", "aarch64") or bool(_features().get("fma"))


def quad_product(lanes: int) -> str | None:
    """LLVM's name for the host's sum to int32 ``lanes`` of four products of bytes; None where it has none."""
    features = _features()
    has_it = features.get("avx512vnni") and (lanes == 16 or features.get("avx512vl"))
    return f"llvm.x86.avx512.vpdpbusd.{32 * lanes}" if has_it else None


def pair_product(lanes: int) -> str | None:
    """LLVM's name for the host's product of int16 pairs summed to int32 ``lanes``; None where it has none."""
    features = _features()
    names = {
        16: ("avx512bw", "llvm.x86.avx512.pmaddw.d.512"),
        8: ("avx2", "llvm.x86.avx2.pmadd.wd"),
        4: ("sse2", "llvm.x86.sse2.pmadd.wd"),
    }
    feature, name = names[lanes]
    return name if features.get(feature) else None
