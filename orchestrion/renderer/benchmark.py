"""How fast this machine plays: the rows that ``orchestrion bench`` prints, with random weights.

``times_real_time`` goes by the clock on the wall, the best of several runs. Where other programs take processors away it says
little, so ``times_real_time_undisturbed`` goes by processor time, and so do the ratios to the plain torch step loop (one
voice, in the same run) and to the machine's peak (the kernels' own register tile over numbers in the first-level cache, before and
after each run).
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch

from orchestrion.bridge import ConditioningSeries
from orchestrion.compiled import compiled
from orchestrion.errors import OrchestrionError
from orchestrion.matrices.arithmetic import FLOAT32, PANEL_BYTES, STORAGES, host
from orchestrion.matrices.emitter import PANEL
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.matrices.operands import NO_ROWS, ZERO, Rows, Weights
from orchestrion.matrices.product import product
from orchestrion.processors import single_threaded_torch
from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.renderer.device import choose
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.output import draw
from orchestrion.renderer.parallel import generate_parallel
from orchestrion.renderer.sampler import generate
from orchestrion.score import Note

MODES = ("torch_step_loop", "one_voice", "32_voices", "parallel")
VOICES = 32
SCORE_S = 120.0
ONE_VOICE_S, VOICES_S = 4.0, 1.0
# On a GPU: what is played in place of each mode.
GPU_MODES = {"one_voice": "one_voice", "32_voices": "2048_voices", "parallel": "parallel"}
GPU_VOICES, GPU_VOICES_S, GPU_SCORE_S = 2048, 4.0, 180.0
STEPS = 200
ENOUGH_S = 30.0
PEAK_TURNS = 5  # some hundredths of a second


@dataclass(frozen=True)
class Timing:
    """One line of the table.

    Attributes:
        device: "cpu" or "cuda"; on the GPU ``threads`` is 1, and processor time and peak say nothing.
        times_real_time: seconds of audio a second.
        times_real_time_undisturbed: seconds of audio a second, had every thread had a processor to itself.
        cpu_seconds: processor time of the best run, all threads; of one voice on several, all their time on the clock.
        peak_memory_bytes: of the process until now.
        fraction_of_peak: of the multiply-adds that ``threads`` processors could do, measured just before and after each run, as other
            programs change both alike; the median of the runs. None on a GPU.
        times_torch: speed over the torch step loop's, one voice.
    """

    preset: str
    mode: str
    device: str
    storage: str
    threads: int
    audio_seconds: float
    times_real_time: float
    times_real_time_undisturbed: float
    samples_per_second: float
    cpu_seconds: float
    peak_memory_bytes: int
    fraction_of_peak: float | None
    times_torch: float

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def benchmark(
    presets: Sequence[str] = tuple(PRESETS),
    threads: Sequence[int] = (1, 2),
    modes: Sequence[str] = MODES,
    storages: Sequence[str] = STORAGES,
    score_s: float = SCORE_S,
    repeats: int = 3,
) -> Iterator[Timing]:
    """Yield a row for each preset, mode, storage and number of threads, as soon as it is measured.

    Compilation, where the cache does not have it yet, is not counted. What has taken ``ENOUGH_S`` is not repeated. Where
    there is a GPU that plays, its rows follow those of each preset.

    Raises:
        OrchestrionError: an unknown preset, mode or storage.
    """
    for given, known, what in ((presets, PRESETS, "Preset"), (modes, MODES, "Mode"), (storages, STORAGES, "Storage")):
        for name in given:
            if name not in known:
                raise OrchestrionError(f"{what} {name!r} is unknown; choose some of {', '.join(known)}.")
    for preset in presets:
        torch.manual_seed(0)
        model = WaveNet(PRESETS[preset]).eval().requires_grad_(False)
        bench = _Bench(preset, model, repeats)
        yield bench.baseline
        for storage in storages:
            for mode in modes:
                for n in threads:
                    if mode != "torch_step_loop":
                        yield bench.row(mode, storage, n, score_s)
        if choose("auto", [PRESETS[preset]]) == "cuda":
            yield from map(bench.row_on_gpu, [GPU_MODES[mode] for mode in modes if mode in GPU_MODES])


def benchmark_gpu(preset: str, repeats: int = 3) -> Iterator[Timing]:
    """Yield a row for each mode of the GPU's player.

    Raises:
        OrchestrionError: there is no GPU that plays.
    """
    choose("cuda", [PRESETS[preset]])
    torch.manual_seed(0)
    yield from map(_Bench(preset, WaveNet(PRESETS[preset]).eval().requires_grad_(False), repeats).row_on_gpu, GPU_MODES.values())


class _Bench:
    """Times one preset."""

    def __init__(self, preset: str, model: WaveNet, repeats: int):
        self.preset, self.model, self.repeats = preset, model, repeats
        with single_threaded_torch():
            baseline = _measured(lambda: torch_step_loop(model, STEPS), 2, partial(peak_multiply_adds, "float32", 1), 1)
        self.torch_rate = STEPS / baseline.cpu_s
        self.baseline = self._row("torch_step_loop", "cpu", "float32", 1, STEPS, baseline)

    def row(self, mode: str, storage: str, threads: int, score_s: float) -> Timing:
        series = self._series(mode, score_s)
        play = generate_parallel if mode == "parallel" else generate
        play(self.model, [_score(0.05, self.model.config)], storage=storage, threads=threads)  # compiles
        # A helper spends its time waiting, if it is there at all: only the clock tells.
        by_clock = mode == "one_voice" and threads > 1
        found = _measured(
            lambda: play(self.model, series, storage=storage, threads=threads), self.repeats,
            partial(peak_multiply_adds, storage, threads, by_clock), threads, by_clock,
        )  # fmt: skip
        return self._row(mode, "cpu", storage, threads, sum(item.n_samples for item in series), found)

    def row_on_gpu(self, mode: str) -> Timing:
        """A row of the GPU's player: uploading the weights and making the conditioning are counted."""
        c = self.model.config
        series = {
            "one_voice": lambda: [_score(ONE_VOICE_S, c)],
            "2048_voices": lambda: [_score(GPU_VOICES_S, c)] * GPU_VOICES,
            "parallel": lambda: [_score(GPU_SCORE_S, c)],
        }[mode]()
        play = generate_parallel if mode == "parallel" else generate
        play(self.model, [_score(0.05, c)], device="cuda")  # compiles
        found = _measured(lambda: play(self.model, series, device="cuda"), self.repeats, None, 1, True)
        return self._row(mode, "cuda", "float16", 1, sum(item.n_samples for item in series), found)

    def _series(self, mode: str, score_s: float) -> list[ConditioningSeries]:
        c = self.model.config
        if mode == "parallel":
            return [_score(score_s, c)]
        return [_score(VOICES_S, c)] * VOICES if mode == "32_voices" else [_score(ONE_VOICE_S, c)]

    def _row(self, mode: str, device: str, storage: str, threads: int, samples: int, found: _Measured) -> Timing:
        rate, undisturbed = samples / found.seconds, samples * threads / found.cpu_s
        return Timing(
            self.preset, mode, device, storage, threads, samples / self.model.config.sample_rate,
            times_real_time=rate / self.model.config.sample_rate,
            times_real_time_undisturbed=undisturbed / self.model.config.sample_rate,
            samples_per_second=rate,
            cpu_seconds=found.cpu_s,
            peak_memory_bytes=_peak_memory(),
            fraction_of_peak=None if found.peak is None else samples * multiply_adds(self.model.config) / found.peak,
            times_torch=undisturbed / self.torch_rate,
        )  # fmt: skip


def multiply_adds(config: WaveNetConfig) -> int:
    """Of one sample of one voice, without activations and conditioning."""
    c = config
    layer = 2 * c.residual * 2 * c.residual + c.residual * (c.residual + c.skip)
    return c.layers * layer + c.skip * c.head + c.head * c.outputs + (c.history * c.residual if c.mixtures else 0)


def torch_step_loop(model: WaveNet, n_steps: int) -> None:
    """One voice by plain torch operations, a sample at a time, with rings written in place: what the kernels replace."""
    c = model.config
    rings = [torch.zeros(dilation, 1, c.residual) for dilation in c.dilations]
    row = torch.zeros(c.layers, 2 * c.residual)
    generator = torch.Generator().manual_seed(0)
    recent = torch.full((1, c.history), c.coding.silence)
    centre = torch.zeros(1)
    with torch.inference_mode():
        for n in range(n_steps):
            h = model.input(recent)
            skip: torch.Tensor = model.b_skip
            for i, ring in enumerate(rings):
                slot = n % len(ring)
                a = h @ model.w_now[i] + ring[slot] @ model.w_past[i] + row[i]
                ring[slot] = h
                z = torch.tanh(a[:, : c.residual]) * torch.sigmoid(a[:, c.residual :])
                skip = skip + z @ model.w_skip[i]
                h = h + z @ model.w_res[i] + model.b_res[i]
            out = torch.relu(torch.relu(skip) @ model.w_head + model.b_head)
            raw = out @ model.w_out + model.b_out
            if c.mixtures:
                code = draw(raw, centre, torch.rand(1, generator=generator))
            else:
                code = torch.multinomial(torch.softmax(raw, dim=-1), 1, generator=generator)[:, 0]
            recent = torch.cat([recent[:, 1:], code[:, None]], 1)


def peak_multiply_adds(storage: str, threads: int, by_clock: bool = False) -> float:
    """Multiply-adds a second of ``threads`` processors just now, in the kernels' own tile for weights of that storage.

    Args:
        by_clock: what they do in a second of the clock, in place of one of processor time each.
    """
    rows, k, turns = 24, 128, 10_000
    columns = PANEL * PANEL_BYTES[FLOAT32] // PANEL_BYTES[storage]  # as many bytes of each storage
    x, w = aligned_zeros(rows, k), aligned_zeros(k, PANEL)
    out, room = ([aligned_zeros(rows, length) for _ in range(threads)] for length in (columns, k))

    def spin(i: int) -> None:
        weights = Weights(w.ctypes.data, w.ctypes.data, k, columns)
        results = Rows(out[i].ctypes.data, columns)
        _spin(host(storage), turns, rows, Rows(x.ctypes.data, k), weights, results, room[i].ctypes.data)

    spin(0)
    with ThreadPoolExecutor(threads) as pool:
        wall, cpu = _timed(lambda: [list(pool.map(spin, range(threads))) for _ in range(PEAK_TURNS)])
    return PEAK_TURNS * threads * turns * rows * k * columns / (wall if by_clock else cpu / threads)


@compiled(nogil=True)
def _spin(how, turns, rows, x, w, out, room):  # pragma: no cover - compiled
    for _ in range(turns):
        product(how, rows, x, w, out, out, ZERO, NO_ROWS, room, ZERO, np.float32(0))


def _score(duration_s: float, config: WaveNetConfig) -> ConditioningSeries:
    """Two notes at a time, four a second."""
    rng = np.random.default_rng(0)
    notes = [
        Note(onset_s, onset_s + 0.24, int(pitch), int(velocity))
        for onset_s in np.arange(0, max(duration_s - 0.24, 0.01), 0.25)
        for pitch, velocity in zip(rng.choice(np.arange(40, 90), 2, replace=False), rng.integers(40, 120, 2), strict=True)
    ]
    return ConditioningSeries.from_notes(
        notes, duration_s=duration_s, tail_s=0.0, sample_rate=config.sample_rate, hop=config.hop
    )


@dataclass(frozen=True)
class _Measured:
    """The least seconds and processor seconds of some runs; and multiply-adds that the processors could have done in one (the median)."""

    seconds: float
    cpu_s: float
    peak: float | None


def _measured(run: Callable[[], object], repeats: int, peak: Callable[[], float] | None, threads: int, by_clock: bool = False) -> _Measured:
    """Run up to ``repeats`` times.

    Args:
        peak: multiply-adds a second of ``threads`` processors, measured before and after each run.
        by_clock: ``threads`` processors count as busy all the time.
    """
    walls, cpus, possible = [], [], []
    started = time.perf_counter()
    for turn in range(repeats):
        if turn and time.perf_counter() - started > ENOUGH_S:
            break
        before = peak() if peak else 0.0
        wall, cpu = _timed(run)
        after = peak() if peak else 0.0
        walls.append(wall)
        cpus.append(wall * threads if by_clock else cpu)
        possible.append((before + after) / 2 * cpus[-1] / threads)
    return _Measured(min(walls), min(cpus), statistics.median(possible) if peak else None)


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and processor seconds of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def _peak_memory() -> int:
    kibi = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kibi
