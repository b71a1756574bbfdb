"""Fault: a process that renders for days. 200 renderings in one process must leave its memory flat."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrion
from orchestrion.score import Note, Part, Score
from tests.invoking import run

N, WARM_UP = 200, 50
MOST_GROWTH_MIB = 8.0


def resident_mib() -> float:
    gc.collect()
    if sys.platform == "linux":
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())])) / 2**10


def soak(way: str, weights: Path, folder: Path) -> list[float]:
    """Weights are read anew each time; scores differ in length, so that parallel and exact playing take turns."""
    measured = []
    for n in range(N):
        notes = tuple(Note(i / 2, i / 2 + 0.4, 52 + (n + i) % 20, 80) for i in range(4 + n % 5 * 6))
        score = Score((Part("", 0, notes),), title=f"Number {n}")
        if way == "api":
            orchestrion.render(score, weights, seed=n, device="cpu").write(folder / "out.wav")
        else:
            score.write(folder / "in.mid")
            arguments = ["render", folder / "in.mid", "-i", weights, "--seed", n, "--device", "cpu", "--resume", "-o", folder / "out.flac"]
            run(*arguments)
        if n >= WARM_UP - 1:
            measured.append(resident_mib())
    return measured


@pytest.mark.slow
@pytest.mark.parametrize("way", ["api", "command"])
def test_200_renderings_leave_memory_flat(way: str, tiny: Path, tmp_path: Path) -> None:
    """In a process of its own: what other tests have left in this one would move under the measurement."""
    program = "import json, sys; from pathlib import Path; from tests.faults.test_soak import soak; print(json.dumps(soak(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))"
    done = subprocess.run([sys.executable, "-c", program, way, tiny, tmp_path], check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    growth = measured[-1] - measured[0]
    print(f"{way}: {measured[0]:.0f} MiB after {WARM_UP}, {measured[-1]:.0f} after {N}, at most {max(measured):.0f}")
    assert len(measured) == N - WARM_UP + 1 and growth < MOST_GROWTH_MIB, measured[::10]
