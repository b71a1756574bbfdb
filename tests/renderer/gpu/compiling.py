"""Compiles the GPU's sample loop without a GPU: ``python -m tests.renderer.gpu.compiling PRESET CAPABILITY SHARED_BYTES``.

Prints the bytes of shared memory that a program takes, and the bytes of stack of a thread: what its registers do not hold.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.renderer.gpu.kernel import PROGRAM_VOICES, WARPS, play
from orchestrion.renderer.gpu.weights import sizes_of

HALVES = ("w_past", "w_now", "w_res", "w_skip", "w_head", "w_out", "rings")
INTEGERS = {"keys": 64, "counters": 64, "places": 64, "recent": 32, "forced": 32, "out": 32}
NUMBERS = ("n_voices", "clock", "first", "n_steps")


def main(preset: str, capability: str, shared_bytes: str) -> None:
    configs = PRESETS | {f"{name}-undriven": config for name, config in UNDRIVEN.items()}
    constants = {**sizes_of(configs[preset], int(shared_bytes)), "FORCED": False, "ROWS": PROGRAM_VOICES}
    names = [name for name in play.arg_names if name not in constants]
    aligned = {(play.arg_names.index(name),): [["tt.divisibility", 16]] for name in names if name not in NUMBERS[1:]}
    fixed = {(play.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(play, {name: _type(name) for name in names}, fixed, aligned)
    compiled = triton.compile(source, target=GPUTarget("cuda", int(capability), 32), options={"num_warps": WARPS})
    print(compiled.metadata.shared, _stack(compiled.asm["cubin"]))


def _type(name: str) -> str:
    if name in NUMBERS:
        return "i32"
    return f"*i{INTEGERS[name]}" if name in INTEGERS else "*fp16" if name in HALVES else "*fp32"


def _stack(cubin: bytes) -> int:
    reader = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(cubin)
        usage = subprocess.run([reader, "-res-usage", file], capture_output=True, text=True, check=True).stdout
    return max(int(found) for found in re.findall(r"STACK:(\d+)", usage))


if __name__ == "__main__":
    main(*sys.argv[1:])
