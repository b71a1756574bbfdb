"""How fast composing is: steps a second of one piece and of eight together on one core, with random weights, beside plain re-running.

    python benchmarks/composer.py [--json]

A step is a sixteenth; at 120 beats a minute music plays eight of them a second. `re-running` is the alternative to a
stateful sampler: torch's forward over the last 128 steps for every note decision, estimated from one forward. Times are
of the thread itself, so that other programs on the core do not count.
"""

from __future__ import annotations

import argparse
import json
import platform
import time

import numpy as np
import torch

from orchestrion.composer.config import PRESETS
from orchestrion.composer.features import clock_rows
from orchestrion.composer.network import Biaxial
from orchestrion.composer.sampler import Choices, Sampler
from orchestrion.matrices.arithmetic import STORAGES

STEPS_A_SECOND = 8.0
WINDOW = 128
ROUNDS, ROUND_STEPS = 8, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(preset, storage, pieces) for preset in PRESETS for storage in STORAGES for pieces in (1, 8)]
    if arguments.json:
        print(json.dumps({"machine": machine(), "rows": rows}, indent=2))
        return
    print(f"{machine()}, one core, best of {ROUNDS} rounds of {ROUND_STEPS} steps\n")
    print("| preset | storage | pieces | steps/s | × real time | ms of first step (compiled or from cache) | × re-running |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for r in rows:
        numbers = [r[key] for key in ("steps_per_second", "times_real_time", "first_step_ms", "times_rerunning")]
        print(f"| {r['preset']} | {r['storage']} | {r['pieces']} | {' | '.join(f'{number:.0f}' for number in numbers)} |")


def measure(preset: str, storage: str, pieces: int) -> dict[str, object]:
    """Speed of one preset; the chance of a note is set to about two notes a step, as in music."""
    config = PRESETS[preset]
    torch.manual_seed(0)
    model = Biaxial(config).eval()
    torch.nn.init.constant_(model.out.bias, float(np.log(2 / config.n_pitches)))
    sampler = Sampler(model, storage, pieces)
    choices, voices = [Choices(np.ones(config.n_pitches, dtype=np.uint8))] * pieces, range(pieces)
    clock = clock_rows(config, (4, 4), 0, 1 + ROUNDS * ROUND_STEPS, None)
    started = time.perf_counter()
    _, state = sampler.draw(sampler.initial_state(), clock[0], choices, 0, voices)
    first_s, times = time.perf_counter() - started, []
    for ticks in np.split(clock[1:], ROUNDS):
        started = time.thread_time()
        for tick in ticks:
            _, state = sampler.draw(state, tick, choices, 0, voices)
        times.append((time.thread_time() - started) / ROUND_STEPS)
    rate = pieces / min(times)
    return {
        "preset": preset,
        "mode": "compose",
        "storage": storage,
        "pieces": pieces,
        "threads": 1,
        "parameters": config.n_parameters,
        "steps_per_second": rate,
        "times_real_time": rate / STEPS_A_SECOND,
        "first_step_ms": first_s * 1e3,
        "times_rerunning": rate * window_s(model) * config.n_pitches,
    }


def window_s(model: Biaxial) -> float:
    """Seconds of one forward over a window."""
    config = model.config
    grid = torch.zeros(1, WINDOW, config.n_pitches, 2)
    clock = torch.from_numpy(clock_rows(config, (4, 4), 0, WINDOW, None))[None]
    started = time.thread_time()
    with torch.no_grad():
        model(grid, clock)
    return time.thread_time() - started


def machine() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
