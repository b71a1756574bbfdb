"""Tries the GPU's player and prints its speed: ``python benchmarks/gpu.py [PRESET ...] [--designs NAME,...] [--seconds S] [--json FILE]
[--no-tests] [--repeats N]``.

The check that every rendering makes comes first, then the tests marked ``gpu`` and those of the player, which run on the GPU where
there is one. Then each design plays by itself, in a process of its own: microseconds a sample of some voices in lockstep, with the
registers, spilled bytes and shared memory of its kernel.

    programs-16, -32        one program owns so many voices and all layers (``kernel.py``); weights come from the cache
    clusters-8, -16         layers are spread over the blocks of a cluster, which groups of so many voices go round (``cluster.cu``)

Last comes what a user gets, with the targets for ``medium`` on an H200. Where there is no GPU that plays it says so in one sentence.
The exit status is 0 if all checks pass or there is no GPU, and 1 otherwise.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

from orchestrion.errors import OrchestrionError
from orchestrion.randomness import stream_key
from orchestrion.renderer.benchmark import Timing, benchmark_gpu
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.device import absence, choose

TARGETS = {"one_voice": 64_000 / 24_000, "parallel": 500.0, "2048_voices": 5_000.0}  # times real time, medium
TESTS = ("tests/renderer/gpu", "tests/renderer/test_device.py")
DESIGNS = ("programs-16", "programs-32", "clusters-8", "clusters-16")
VOICES = {"programs": (1, 480, 2048), "clusters": (1, 120, 240, 360, 480, 720, 960, 1440, 1920, 2048)}
FRAMES = 16  # a launch
LONGEST_S = 100.0  # for one design
LOCK = Path(tempfile.gettempdir()) / "orchestrion-gpu-benchmark.lock"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--designs", default=",".join(DESIGNS), help="some of %(default)s; they are compiled side by side")
    parser.add_argument("--seconds", type=float, default=LONGEST_S, help="after which a design is given up, %(default)s by default")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    parser.add_argument("--no-tests", action="store_true", help="leave the check and the tests out")
    parser.add_argument("--repeats", type=int, default=3, help="of what a user gets, the best of which counts; 0 leaves it out")
    parser.add_argument("--measure", choices=DESIGNS, help="measure this design alone, in this process")
    options = parser.parse_args()
    if missing := absence():
        print(f"{missing} Nothing was tried.")
        return 0
    if options.measure:
        print(json.dumps(measured(options.presets[0], options.measure)))
        return 0
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {triton_version()}", flush=True)
    failed = False
    if not options.no_tests:
        failed = not passes(options.presets)
    found = [row for preset in options.presets for row in designs(preset, options.designs.split(","), options.seconds)]
    for row in found:
        print(told(row), flush=True)
    rows = []
    if options.repeats:
        print("\n| preset | mode | seconds of audio | x real time | samples/s | target for medium |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for preset in options.presets:
            for row in benchmark_gpu(preset, options.repeats):
                print(line(row), flush=True)
                rows.append(asdict(row))
    if options.json:
        options.json.write_text(json.dumps({"device": torch.cuda.get_device_name(), "designs": found, "rows": rows}, indent=2))
    return int(failed or any("error" in row for row in found))


def triton_version() -> str:
    import triton

    return f"Triton {triton.__version__}"


def passes(presets: list[str]) -> bool:
    """The check of every rendering, and the tests."""
    started = time.perf_counter()
    try:
        choose("cuda", [PRESETS[preset] for preset in presets])
    except OrchestrionError as error:
        print(error)
        return False
    print(f"The check of {', '.join(presets)} passes in {time.perf_counter() - started:.1f} s.", flush=True)
    root = Path(__file__).parent.parent
    return not subprocess.run([sys.executable, "-m", "pytest", "-q", *TESTS], cwd=root, check=False).returncode


def designs(preset: str, names: list[str], seconds: float) -> list[dict]:
    """What each design measures; those that fail or hang cost their own figures only."""
    begun = {
        name: subprocess.Popen(
            [sys.executable, __file__, preset, "--measure", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name in names
        if name
    }
    end, found = time.monotonic() + seconds, []
    for name, process in begun.items():
        try:
            out, told = process.communicate(timeout=max(end - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            out, told = process.communicate()
            told += f"\nGiven up after {seconds:g} s."
        try:
            found.append(json.loads(out.splitlines()[-1]))
        except (IndexError, json.JSONDecodeError):
            found.append({"preset": preset, "design": name, "error": told[-6000:]})
    return found


def measured(preset: str, design: str) -> dict:
    """Kernel and times of one design."""
    from orchestrion.renderer.gpu import checking
    from orchestrion.renderer.gpu.batch import Layout
    from orchestrion.renderer.network import WaveNet

    config, (kind, rows) = PRESETS[preset], design.split("-")
    layout = Layout(int(rows), kind == "clusters")
    result: dict = {"preset": preset, "design": design, "times_us": {}, "waited": {}}
    try:
        torch.manual_seed(0)
        model = WaveNet(config).eval().requires_grad_(False)
        started = time.perf_counter()
        trial = checking._trial(config, layout.rows + 1)
        with kernel_of(layout, config, result):
            trial.logit_error([0], layout)
        result["seconds_to_the_first_sample"] = time.perf_counter() - started
        result["logit_error"] = trial.logit_error([0, layout.rows], layout)
        together = trial.drawn(range(layout.rows + 1), layout=layout)
        alone = trial.drawn([layout.rows], cut=config.hop + 1, layout=layout)
        result["alone_as_among_others"] = bool((together[:, layout.rows] == alone[:, 0]).all())
        with alone_on_the_gpu():
            for n in VOICES[kind]:
                result["times_us"][n], result["waited"][n] = microseconds(model, layout, n)
    except Exception:  # noqa: BLE001 - a design that fails is a result, and what it says is wanted whole
        result["error"] = traceback.format_exc()[-6000:]
    return result


@contextmanager
def kernel_of(layout, config, result: dict) -> Iterator[None]:
    """Notes the registers, spilled bytes and shared memory of the kernel that is launched meanwhile."""
    from orchestrion.renderer.gpu import batch, cluster

    launched: list = []

    class Watched:
        def __getitem__(self, grid):
            return lambda **arguments: launched.append(play[grid](**arguments))

    play, batch.play = batch.play, Watched()
    try:
        yield
    finally:
        batch.play = play
    if layout.clusters:
        loaded = cluster.loaded(config, layout.rows // cluster.TILE)
        shared = int(str(cluster.constants_of(config, layout.rows // cluster.TILE, cluster.MOST_GROUPS)["SHARED"]))
        result |= {"registers": loaded.kernel.registers, "spilled_bytes": loaded.kernel.local_bytes, "shared_bytes": shared}
        result["clusters"] = loaded.n_clusters
    elif launched:
        kernel = launched[-1]
        result |= {"registers": kernel.n_regs, "spilled_bytes": kernel.n_spills, "shared_bytes": kernel.metadata.shared}


@contextmanager
def alone_on_the_gpu() -> Iterator[None]:
    """One design at a time."""
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def microseconds(model, layout, n: int) -> tuple[float | None, list[int]]:
    """A sample of ``n`` voices in lockstep, each with a score of its own; None where they do not go at once.

    And of each block of a cluster, the clock ticks a sample that it waits for others: the one that waits least holds the others up.
    """
    from orchestrion.renderer.gpu import cluster
    from orchestrion.renderer.gpu.batch import GpuBatch, GpuBlock
    from orchestrion.renderer.gpu.weights import GpuWeights
    from orchestrion.renderer.kernels.batch import VoiceState

    c, weights = model.config, GpuWeights.of(model)
    device, width = weights.device, weights.width
    if layout.clusters and -(-n // layout.rows) > cluster.MOST_GROUPS * cluster.loaded(c, layout.rows // cluster.TILE).n_clusters:
        return None, []
    batch = GpuBatch(weights, n, layout)
    batch.put(range(n), [VoiceState.silent(weights, int(stream_key(0, voice))) for voice in range(n)])
    places = torch.arange(FRAMES * batch.n, device=device).view(FRAMES, batch.n)
    pool = torch.randn(FRAMES * batch.n, c.layers, 2 * width, device=device)
    drive = torch.randn(FRAMES * batch.n * c.hop, width if c.drive_channels else 1, device=device)
    centre = torch.zeros(FRAMES * batch.n * c.hop, device=device)
    block = GpuBlock(pool, drive, centre, places, torch.ones(FRAMES, batch.n, device=device), None)
    out, times = torch.empty(FRAMES * c.hop, batch.n, dtype=torch.int32, device=device), []
    for _ in range(4):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        batch.run(block, 0, len(out), out)
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1000 / len(out))
    if batch.failed.item():
        raise OrchestrionError("A launch has given up.")
    waited = batch.waited[: cluster.BLOCKS].tolist() if layout.clusters else []
    return min(times[1:]), [round(ticks / len(out)) for ticks in waited]


def told(row: dict) -> str:
    if "error" in row and not row.get("times_us"):
        return f"\n{row['preset']} {row['design']}: FAILED\n{row['error']}"
    times = ", ".join(
        f"{n}: {us:.2f} µs ({int(n) * 1e6 / us / PRESETS[row['preset']].sample_rate:,.1f} x)" if us else f"{n}: does not go at once"
        for n, us in row["times_us"].items()
    )
    kernel = {key: row.get(key) for key in ("registers", "spilled_bytes", "shared_bytes", "clusters", "logit_error", "alone_as_among_others")}
    if any(row["waited"].values()):
        times += f"\n  waited, a sample and block: {row['waited']}"
    return f"\n{row['preset']} {row['design']}: {kernel}, first sample after {row.get('seconds_to_the_first_sample', 0):.1f} s\n  {times}" + (
        f"\n  then FAILED\n{row['error']}" if "error" in row else ""
    )


def line(row: Timing) -> str:
    target = f"{TARGETS[row.mode]:,.1f}" if row.preset == "medium" else ""
    return (
        f"| {row.preset} | {row.mode} | {row.audio_seconds:,.0f} | {row.times_real_time:,.1f} | "
        f"{row.samples_per_second:,.0f} | {target} |"
    )


if __name__ == "__main__":
    sys.exit(main())
