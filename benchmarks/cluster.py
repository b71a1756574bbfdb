"""What a Dask cluster costs: the same scores rendered by one process, and by as many workers on the same machine.

    python benchmarks/cluster.py --scores 100 --seconds 3

Runs take turns (here, cluster, here, …), the files of all are compared to the byte, and beside the clock's time stands the processor time
of everything that took part (command, scheduler, workers). Scheduler and workers tick while they have nothing to do, so many hundredths of
a processor by the clock; that is measured first, and named apart: on a machine that other programs want, a run takes long by the clock, and
the ticking would pass for work. Each worker is kept on a processor of its own, and the run without a cluster on as many.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import psutil

from orchestrion.score import Note, Part, Score

IDLE_S, LOADED_S = 20.0, 60.0
ORCHESTRION = [sys.executable, "-m", "orchestrion"]
DASK = [sys.executable, "-m", "dask"]


def write_scores(folder: Path, n: int, seconds: float) -> None:
    """``n`` scores of about ``seconds`` each, no two alike."""
    folder.mkdir()
    for number in range(n):
        notes = tuple(Note(i / 4, i / 4 + 0.24, 55 + (5 * i + number) % 24, 60 + 10 * (i % 5)) for i in range(max(1, round(4 * (seconds - 1)))))
        Score((Part("", 0, notes),), title=f"Number {number}").write(folder / f"s{number:04d}.mid")


def processor_s(process: psutil.Process) -> float:
    """Of a process and its children, those that have ended included."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


@contextmanager
def workers(folder: Path, n: int) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A scheduler's address, and the processes of it and of ``n`` workers, which have loaded nothing yet."""
    where = folder / f"scheduler-{n}.json"
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    started = [subprocess.Popen([*DASK, "scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(where)], **quiet)]
    try:
        while not where.exists():
            time.sleep(0.1)
        address = json.loads(where.read_text())["address"]
        for number in range(n):
            command = [*DASK, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
            started.append(subprocess.Popen(command, **quiet))
            psutil.Process(started[-1].pid).cpu_affinity([processors(n)[number]])
        yield address, [psutil.Process(process.pid) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def processors(n: int) -> list[int]:
    """The last ``n`` that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    if n > len(allowed):
        raise click.ClickException(f"There are {len(allowed)} processors; {n} workers cannot be compared with them.")
    return allowed[-n:]


def run(arguments: Sequence[str], n: int, beside: Sequence[psutil.Process] = ()) -> tuple[float, float]:
    """Seconds of the clock, and of all processors that took part."""
    before, began = sum(map(processor_s, beside)), time.monotonic()
    with subprocess.Popen([*ORCHESTRION, *arguments], stdout=subprocess.DEVNULL) as process:
        psutil.Process(process.pid).cpu_affinity(processors(n))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"orchestrion {' '.join(arguments)} failed.")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime + sum(map(processor_s, beside)) - before


def ticking(beside: Sequence[psutil.Process]) -> float:
    """Processors that scheduler and workers take together while they have nothing to do, once they have loaded themselves."""
    began, rate = time.monotonic(), float("inf")
    while time.monotonic() - began < LOADED_S:
        before, at = sum(map(processor_s, beside)), time.monotonic()
        time.sleep(IDLE_S)
        rate = min(rate, (sum(map(processor_s, beside)) - before) / (time.monotonic() - at))
    return rate


@click.command()
@click.option("--scores", "n", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seconds", type=click.FloatRange(1.5), default=3.0, show_default=True, help="Of each.")
@click.option("--instrument", default="piano", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True)
@click.option("--workers", "counts", type=int, multiple=True, default=(1, 2), show_default=True)
def main(n: int, seconds: float, instrument: str, rounds: int, counts: Sequence[int]) -> None:
    """Overhead of a cluster, and files and hours of audio an hour."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scores(folder / "scores", n, seconds)
        common = ["render", str(folder / "scores"), "-i", instrument, "--device", "cpu", "--force"]
        run([*common, "-o", str(folder / "warm"), "--shard", f"1/{n}"], 1)
        for count in counts:
            here, there = [], []
            with workers(folder, count) as (address, processes):
                idle = ticking(processes)
                for _ in range(rounds):
                    here.append(run([*common, "-o", str(folder / "here")], count))
                    there.append(run([*common, "-o", str(folder / "there"), "--cluster", address], count, processes))
            audio_s = 0.0
            for path in sorted((folder / "here").glob("*.wav")):
                assert path.read_bytes() == (folder / "there" / path.name).read_bytes(), path
                audio_s += json.loads(path.with_name(f"{path.name}.json").read_text())["duration_s"]
            wall, cpu = (statistics.median(t[i] / h[i] for h, t in zip(here, there, strict=True)) for i in (0, 1))
            work = statistics.median((t[1] - idle * t[0]) / h[1] for h, t in zip(here, there, strict=True))
            an_hour = 3600 / statistics.median(t[0] for t in there)
            click.echo(
                f"{count} workers, {n} scores, {audio_s / 60:.1f} min of audio: clock {wall:.3f}, processor time {cpu:.3f} of one process on {count} processors, "
                f"{work:.3f} without the {idle:.1%} of a processor that scheduler and workers tick away; "
                f"{n * an_hour:,.0f} files and {audio_s / 3600 * an_hour:.1f} hours of audio an hour. (s: here {here}, there {there})"
            )


if __name__ == "__main__":
    main()
