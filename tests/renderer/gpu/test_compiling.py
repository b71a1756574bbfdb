"""Real GPUs' code of the sample loop, which the interpreter never sees: it compiles, fits, and keeps to its registers."""

import os
import subprocess
import sys

import pytest

# What matters is that neither weights nor sums leave the registers within the loop over samples: a thread's stack has no byte.
LARGE, SMALL = 227 << 10, 99 << 10  # shared memory of a program on data centres' and on most other GPUs


def compiled(preset, capability, shared_bytes, folder):
    """(bytes of shared memory, bytes of stack), from another process: this one's Triton interprets."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    found = subprocess.run(
        [sys.executable, "-m", "tests.renderer.gpu.compiling", preset, str(capability), str(shared_bytes)],
        env=environment | {"TRITON_CACHE_DIR": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    shared, stack = map(int, found.stdout.split())
    return shared, stack


@pytest.mark.parametrize("preset", ["medium", "medium-undriven"])
def test_what_ships_compiles_for_a_large_gpu(preset, tmp_path):
    shared, stack = compiled(preset, 90, LARGE, tmp_path)
    assert shared <= LARGE and stack == 0


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["small", "medium", "medium-undriven", "paper"])
@pytest.mark.parametrize("capability, shared_bytes", [(80, 163 << 10), (86, SMALL), (89, SMALL), (90, LARGE), (120, SMALL)])
def test_presets_compile_for_all_gpus(preset, capability, shared_bytes, tmp_path):
    shared, stack = compiled(preset, capability, shared_bytes, tmp_path)
    assert shared <= shared_bytes and stack == 0
