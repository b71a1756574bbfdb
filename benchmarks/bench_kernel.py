"""Prints the table of sampling speed in docs/figures/speed.md: ``python benchmarks/bench_kernel.py [PRESET ...] [--json]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence

from orchestrion.matrices.arithmetic import STORAGES
from orchestrion.renderer.benchmark import MODES, Timing, benchmark
from orchestrion.renderer.config import PRESETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--modes", nargs="*", default=list(MODES))
    parser.add_argument("--storages", nargs="*", default=list(STORAGES))
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--score-s", type=float, default=120.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measured = benchmark(options.presets, options.threads, options.modes, options.storages, options.score_s)
    if options.json:
        print(json.dumps([row.to_dict() for row in measured], indent=2))
        return
    print(f"{processor()}, {os.cpu_count()} processors\n")
    print("| preset | mode | device | storage | threads | x real time | undisturbed | samples/s | x torch | of peak | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    for r in measured:
        rows.append(r)
        print(
            f"| {r.preset} | {r.mode} | {r.device} | {r.storage} | {r.threads} | {r.times_real_time:.2f} | {r.times_real_time_undisturbed:.2f} | "
            f"{r.samples_per_second:,.0f} | {r.times_torch:.0f} | {r.fraction_of_peak or 0:.0%} | {r.peak_memory_bytes / 2**20:.0f} |",
            flush=True,
        )
    print("\n" + summary(rows))


def summary(rows: Sequence[Timing]) -> str:
    """The table: one voice on one core and one score on the most threads, a line a preset and storage."""
    rows = [r for r in rows if r.device == "cpu"]
    found = {(r.preset, r.storage, r.mode, r.threads): r for r in rows}
    most = max(r.threads for r in rows)
    lines = [
        f"| preset | storage | one voice, one core | against torch | one score in parallel, {most} threads | against torch |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for preset, storage in dict.fromkeys((r.preset, r.storage) for r in rows):
        cells = [found.get((preset, storage, *how)) for how in (("one_voice", 1), ("parallel", most))]
        if not any(cells):
            continue
        texts = [f"{r.times_real_time:.1f} | {r.times_torch:.0f}" if r else "– | –" for r in cells]
        lines.append(f"| {preset} | {storage} | {' | '.join(texts)} |")
    return "\n".join(lines)


def processor() -> str:
    """The processor's name as the system gives it."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
