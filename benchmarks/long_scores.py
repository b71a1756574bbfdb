"""Time and peak memory of long scores: ``python benchmarks/long_scores.py [--hours 1 2] [--preset small]``.

The built-in tunes, again and again, through ``orchestrion render`` with random weights, to a WAV in a temporary folder (an hour
takes 115 MB). Time should grow with the score, and memory should not.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from orchestrion import weights
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.network import WaveNet
from orchestrion.score import BUILTIN_TUNES, Note, Part, Score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=[1.0, 2.0], help="from short to long: peaks only grow")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    options = parser.parse_args()
    torch.manual_seed(0)
    config = PRESETS[options.preset]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "random.safetensors"
        weights.save(model, WaveNet(config).state_dict(), {"architecture": "wavenet", "config": config.to_dict()})
        print("| hours | notes | seconds | times real time | peak memory (MiB) |\n| ---: | ---: | ---: | ---: | ---: |")
        for hours in options.hours:
            score = long_score(3600 * hours)
            score.write(Path(folder) / "score.mid")
            seconds = render(Path(folder), model)
            # The greatest of all renderings so far (on Linux in KiB).
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"| {hours:g} | {len(score.notes):,} | {seconds:.0f} | {3600 * hours / seconds:.0f} | {peak:.0f} |", flush=True)


def long_score(duration_s: float) -> Score:
    """The six tunes one after another, over and over."""
    notes, at_s = [], 0.0
    while at_s < duration_s:
        for tune in BUILTIN_TUNES.values():
            moved = [Note(at_s + n.onset_s, at_s + n.offset_s, n.pitch, n.velocity) for n in tune.notes]
            notes += [note for note in moved if note.offset_s <= duration_s]
            at_s += tune.duration_s
    return Score((Part("tunes", 0, tuple(notes)),))


def render(folder: Path, model: Path) -> float:
    """Seconds that the command took, its start included."""
    command = [sys.executable, "-m", "orchestrion", "render", folder / "score.mid", "-i", model, "-o", folder / "out.wav"]
    began = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
