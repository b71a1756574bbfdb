"""How wide the host's vectors are: float32 lanes of the compiled kernels.

Sizes that the compiler must know travel as tuples whose *length* is the number: numba compiles (and caches on disk) one
version of a function for each, and a run-time value can be none of them by mistake.
"""

from __future__ import annotations

import os
import platform

import llvmlite.binding as llvm

from orchestrion.errors import OrchestrionError
from orchestrion.matrices.emitter import INT8_STORED

LANES = (16, 8, 4)
VARIABLE = "ORCHESTRION_LANES"


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
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") and features.get("fma") else 4


def host_fuses() -> bool:
    """Whether a multiplication and an addition round once (FMA); without, products differ in the last bits."""
    return platform.machine().lower() in ("arm64", "aarch64") or bool(llvm.get_host_cpu_features().get("fma"))


def lanes_tag(lanes: int | None = None) -> tuple:
    """The compile-time argument of the kernels: ``lanes`` zeros, whole numbers where the host has FMA, else floats."""
    return (0 if host_fuses() else 0.0,) * (lanes or host_lanes())


def storage_tag(length: int, quads: bool | None = None) -> tuple:
    """The compile-time argument for weights: its length tells the storage. Of whole-number weights, those multiplied in bytes
    have zeros of whole numbers (by default where the host has instructions for that), and the others have floats.
    """
    if length < INT8_STORED:
        quads = True
    if quads is None:
        quads = all(quad_product(lanes) for lanes in LANES)
    return (0 if quads else 0.0,) * length


def quad_product(lanes: int) -> str | None:
    """LLVM's name for the host's sum to int32 ``lanes`` of four products of bytes; None where it has none."""
    features = llvm.get_host_cpu_features()
    has_it = features.get("avx512vnni") and (lanes == 16 or features.get("avx512vl"))
    return f"llvm.x86.avx512.vpdpbusd.{32 * lanes}" if has_it else None


def pair_product(lanes: int) -> str | None:
    """LLVM's name for the host's product of int16 pairs summed to int32 ``lanes``; None where it has none."""
    features = llvm.get_host_cpu_features()
    names = {
        16: ("avx512bw", "llvm.x86.avx512.pmaddw.d.512"),
        8: ("avx2", "llvm.x86.avx2.pmadd.wd"),
        4: ("sse2", "llvm.x86.sse2.pmadd.wd"),
    }
    feature, name = names[lanes]
    return name if features.get(feature) else None
