"""Fault: a process that renders for days. 200 renderings in one process must leave its memory flat."""

from __future__ import annotations

import gc
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


@pytest.mark.slow
@pytest.mark.parametrize("way", ["api", "command"])
def test_200_renderings_leave_memory_flat(way: str, tiny: Path, tmp_path: Path) -> None:
    """Weights are read anew each time; scores differ in length, so that parallel and exact playing take turns."""
    measured = []
    for n in range(N):
        notes = tuple(Note(i / 2, i / 2 + 0.4, 52 + (n + i) % 20, 80) for i in range(4 + n % 5 * 6))
        score = Score((Part("", 0, notes),), title=f"Number {n}")
        if way == "api":
            orchestrion.render(score, tiny, seed=n, device="cpu").write(tmp_path / "out.wav")
        else:
            score.write(tmp_path / "in.mid")
            arguments = ["render", tmp_path / "in.mid", "-i", tiny, "--seed", n, "--device", "cpu", "--resume", "-o", tmp_path / "out.flac"]
            run(*arguments)
        if n >= WARM_UP - 1:
            measured.append(resident_mib())
    growth = measured[-1] - measured[0]
    print(f"{way}: {measured[0]:.0f} MiB after {WARM_UP}, {measured[-1]:.0f} after {N}, at most {max(measured):.0f}")
    assert growth < MOST_GROWTH_MIB, measured[::10]
