"""Times a peer's sampling loop beside ours, at the peer's own settings: ``python benchmarks/peer.py CHECKOUT [--steps N]``.

The peer is pytorch-wavenet by Vincent Herrmann (MIT), the most used WaveNet in PyTorch that keeps queues instead of
computing the window again; nothing of it is in this repository:

    git clone https://github.com/vincentherrmann/pytorch-wavenet
    python benchmarks/peer.py pytorch-wavenet

Its settings are those of its ``train_script.py``: 3 stacks of 10 layers, 32 channels, 1024 skip and 512 end channels, 256
levels, no conditioning. Weights are random in both. Times are of the thread itself, on one thread.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from bench_kernel import processor

from orchestrion.bridge import ConditioningSeries
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.sampler import compile_kernels, generate
from orchestrion.score import Note

SETTINGS = {"layers": 10, "blocks": 3, "dilation_channels": 32, "residual_channels": 32, "skip_channels": 1024,
            "end_channels": 512, "output_length": 16, "bias": True}  # fmt: skip
RATE = 16000
OURS = WaveNetConfig(layers=30, residual=32, skip=1024, head=512, conditioning="none", groups=(), harmonics=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    play = peer(options.checkout)
    rates = {"pytorch-wavenet, generate_fast": options.steps / least_seconds(lambda: play(options.steps), 2)}
    model = WaveNet(OURS).eval().requires_grad_(False)
    second = ConditioningSeries.from_notes([Note(0.0, 1.0, 60, 64)], tail_s=0.0)
    for storage in ("float32", "bfloat16", "int8"):
        compile_kernels(storage)
        played = least_seconds(lambda storage=storage: generate(model, [second], threads=1, storage=storage), 3)
        rates[f"orchestrion, {storage}"] = second.n_samples / played
    slowest = next(iter(rates.values()))
    print(f"{processor()}, one thread, torch {torch.__version__}\n")
    print("| loop | samples/s | × real time | × peer |\n| --- | ---: | ---: | ---: |")
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.0f} | {rate / RATE:.3f} | {rate / slowest:.0f} |")


def peer(checkout: Path) -> Callable[[int], np.ndarray]:
    """The peer's fast generation, as a function of the number of samples."""
    sys.path.insert(0, str(checkout.resolve()))
    # Its data loader imports librosa, which generation does not use.
    sys.modules.setdefault("librosa", types.ModuleType("librosa"))
    from wavenet_model import WaveNetModel
    from wavenet_modules import DilatedQueue

    # PyTorch of 2018 stored a column [c, 1] in a slot [c]; today's does not.
    enqueue = DilatedQueue.enqueue
    DilatedQueue.enqueue = lambda queue, column: enqueue(queue, column.squeeze(-1))
    model = WaveNetModel(**SETTINGS)

    def play(n_samples: int) -> np.ndarray:
        with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
            return model.generate_fast(n_samples)

    return play


def least_seconds(run: Callable[[], object], repeats: int) -> float:
    """Processor seconds of the best of ``repeats`` runs."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()
