"""Train the paper's network (Manzelli et al. 2018) and its twins, in a time that is known beforehand: on one GPU, or further on one core.

    python benchmarks/train_paper.py DATA RUN [--size paper|small] [--unconditioned] [--steps N] [--until UNIX_TIME] [--every N]
    python benchmarks/train_paper.py DATA RUN --from EARLIER/model.safetensors --crop 1.024 --batch 1 --history-gain 12 --steps N

Crops are 1.5 s unless said, four times what the published network hears. Twins with the same ``--steps`` and ``--seed`` see the same crops. Weights
are also kept every ``--every`` updates, as ``RUN/step-NNNNNN.safetensors``: twins are compared at the last step that both have. ``--until``
bounds the whole script: the learning rate has fallen by then, whatever the machine's pace. A line every 20 updates says the pace.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

from orchestrion.options import Crops
from orchestrion.renderer.config import PRESETS, UNDRIVEN
from orchestrion.training.precision import native_precision
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_renderer import train_renderer

SIZES = {"paper": PRESETS["paper"], "small": UNDRIVEN["small"]}
MOST_KEPT = 400
SPARED_S = 8.0  # for the last validation
SNAPSHOT = "step-{:06d}.safetensors"
FIRST_REPORTED, REPORTED = (1, 2, 5, 10), 20


@dataclasses.dataclass(frozen=True)
class Bounded(LoopSettings):
    """Settings whose training ends at ``deadline_s`` (Unix time) at the latest."""

    begun_s: float = 0.0
    deadline_s: float = float("inf")

    def progress(self, step: int, elapsed_s: float) -> float:
        """The share that is done, by steps or by the clock."""
        passed_s = time.time() - self.begun_s
        by_clock = passed_s / (self.deadline_s - self.begun_s)
        if step in FIRST_REPORTED or step and step % REPORTED == 0:
            print(f"step {step} at {passed_s:.2f} s", flush=True)
        return min(1.0, max(super().progress(step, elapsed_s), by_clock))


def main() -> None:
    """Train."""
    begun_s = time.time()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--size", choices=SIZES, default="paper")
    parser.add_argument("--unconditioned", action="store_true")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--until", type=float, default=float("inf"), help="Unix time, in seconds")
    parser.add_argument("--every", type=int, default=250, help="updates between kept weights")
    parser.add_argument("--validations", type=int, default=8)
    parser.add_argument("--from", dest="start_from", type=Path, help="weights to begin with, of the same size")
    parser.add_argument("--crop", type=float, default=1.5, help="seconds")
    parser.add_argument("--warmup", type=int, default=200, help="updates in which the learning rate rises")
    parser.add_argument("--average", type=float, default=0.999, help="decay an update of the weights' moving average")
    parser.add_argument("--batch", type=int, default=4, help="crops an update")
    parser.add_argument("--learning-rate", type=float, default=1.5e-3)
    parser.add_argument("--history-gain", type=float, default=0.0, help="dB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-compile", action="store_true")
    asked = parser.parse_args()
    config = SIZES[asked.size]
    loop = Bounded(
        steps=asked.steps, learning_rate=asked.learning_rate, warmup_steps=asked.warmup, ema_decay=asked.average,
        precision=native_precision(), seed=asked.seed, keep="last",
        compile=not asked.no_compile, validate_steps=asked.every * asked.validations,
        keep_steps=tuple((step, SNAPSHOT.format(step)) for step in range(asked.every, min(asked.steps, MOST_KEPT * asked.every) + 1, asked.every)),
        begun_s=begun_s, deadline_s=asked.until - SPARED_S,
    )  # fmt: skip
    crops = Crops(
        batch_size=asked.batch, crop_frames=round(asked.crop * config.sample_rate / config.hop), gain_db=0.0, polarity=False,
        history_gain_db=asked.history_gain,
    )  # fmt: skip
    measures = train_renderer(
        asked.data, asked.run, preset=asked.size, config=config, unconditioned=asked.unconditioned, start_from=asked.start_from, loop=loop, crops=crops,
        listen=False, tell=lambda sentence: print(f"{time.time() - begun_s:.1f} s: {sentence}", flush=True),
    )  # fmt: skip
    print(measures, flush=True)


if __name__ == "__main__":
    main()
