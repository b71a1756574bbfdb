"""Tries the GPU's player and prints its speed: ``python benchmarks/gpu.py [PRESET ...]``.

The check that every rendering makes comes first, then the tests marked ``gpu`` and those of the player, which run on the
GPU where there is one; then the speed of each preset, beside the targets for ``medium`` on an H200. Where there is no GPU
that plays it says so in one sentence. The exit status is 0 if all checks pass or there is no GPU, and 1 otherwise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import torch

from orchestrion.errors import OrchestrionError
from orchestrion.renderer.benchmark import Timing, benchmark_gpu
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.device import absence, choose

TARGETS = {"one_voice": 64_000 / 16_000, "parallel": 500.0, "2048_voices": 5_000.0}  # times real time, medium
TESTS = ("tests/renderer/gpu", "tests/renderer/test_device.py")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    options = parser.parse_args()
    if missing := absence():
        print(f"{missing} Nothing was tried.")
        return 0
    try:
        choose("cuda", [PRESETS[preset] for preset in options.presets])
    except OrchestrionError as error:
        print(error)
        return 1
    root = Path(__file__).parent.parent
    if subprocess.run([sys.executable, "-m", "pytest", "-q", *TESTS], cwd=root, check=False).returncode:
        return 1
    print(f"\n{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print("| preset | mode | seconds of audio | x real time | samples/s | target for medium |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for preset in options.presets:
        for row in benchmark_gpu(preset):
            print(line(row), flush=True)
    return 0


def line(row: Timing) -> str:
    target = f"{TARGETS[row.mode]:,.0f}" if row.preset == "medium" else ""
    return (
        f"| {row.preset} | {row.mode} | {row.audio_seconds:,.0f} | {row.times_real_time:,.1f} | "
        f"{row.samples_per_second:,.0f} | {target} |"
    )


if __name__ == "__main__":
    sys.exit(main())
