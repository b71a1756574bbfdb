"""Free-running generation: audio of one or many series from a WaveNet, by the compiled kernels or on a GPU.

The random number of sample n of voice v is a function of (seed, v, n). Every number of a voice is computed in one fixed order,
and conditioning comes in fixed blocks. So the same weights, storage, seed and series give the same audio: alone or in a batch,
on one thread or two, at once or block by block. This holds on each device, but not between devices: they round differently,
and after the first different level the audio differs.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.compiling import much_compiling
from orchestrion.options import STORAGE
from orchestrion.processors import single_threaded_torch, usable_processors
from orchestrion.progress import Advance
from orchestrion.randomness import stream_key
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.deemphasis import decode
from orchestrion.renderer.kernels.batch import Batch, Prepared, VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner, gather
from orchestrion.renderer.kernels.packing import Packed, pack
from orchestrion.renderer.parameters import Parameters
from orchestrion.renderer.task import Task, Voice
from orchestrion.score import Note

if TYPE_CHECKING:
    from orchestrion.renderer.network import WaveNet

FRAMES_A_RUN = 64  # of every voice of a batch: what is gathered for them stays small
VOICES_PER_BATCH = 24  # twice the tallest register tile


def generate(
    model: WaveNet | Parameters,
    series: Sequence[ConditioningSeries],
    *,
    seed: int = 0,
    temperature: float | np.ndarray | Sequence[float | np.ndarray] = 1.0,
    voices: Sequence[int] | None = None,
    threads: int | None = None,
    storage: str = STORAGE,
    device: str = "cpu",
    progress: Advance | None = None,
) -> list[np.ndarray]:
    """One take of every series, each in one run.

    Args:
        series: on the model's clock.
        seed: with the voice's number, decides the random numbers.
        temperature: divides the logits; one for all, or one a series, each a number or an array with one a frame.
        voices: the number of each series' voice, by default 0, 1, 2, …
        threads: by default, as many as there are processors to run on.
        storage: of the weights: float32, bfloat16 or int8; a GPU keeps them in float16.
        device: "cpu", or "cuda" where ``device.choose`` has found that the GPU plays.
        progress: called with the samples done since its last call.

    Returns:
        ``[n_samples]`` float32 in [-1, 1] for every series.

    Raises:
        OrchestrionError: a series on another clock, a temperature outside 0 to 100, an unknown storage.
    """
    codes = generate_codes(
        model, series, seed=seed, temperature=temperature, voices=voices, threads=threads, storage=storage, device=device,
        progress=progress,
    )  # fmt: skip
    coding = model.config.coding
    with ThreadPoolExecutor(max(1, min(threads or usable_processors(), len(codes)))) as pool:
        return list(pool.map(lambda taken: decode(taken, coding), codes))


def generate_codes(
    model: WaveNet | Parameters,
    series: Sequence[ConditioningSeries],
    *,
    seed: int = 0,
    temperature: float | np.ndarray | Sequence[float | np.ndarray] = 1.0,
    voices: Sequence[int] | None = None,
    threads: int | None = None,
    storage: str = STORAGE,
    device: str = "cpu",
    progress: Advance | None = None,
) -> list[np.ndarray]:
    """As ``generate``, but codes ``[n_samples]`` int32, see ``renderer.output``."""
    parameters, packed = prepare_for(device, model, storage)
    numbers = range(len(series)) if voices is None else voices
    tasks = [
        Task(Conditioner(parameters, packed, item, heat), VoiceState.silent(packed, int(stream_key(seed, number))))
        for item, number, heat in zip(series, numbers, temperatures(temperature, len(series)), strict=True)
    ]
    return perform(tasks, threads=threads, progress=progress)


def temperatures(given: float | np.ndarray | Sequence[float | np.ndarray], n: int) -> Sequence[float | np.ndarray]:
    """One temperature (or array of them) a series; a list is taken as such, anything else stands for all."""
    if isinstance(given, np.ndarray | float | int):
        return [given] * n
    return given


def prepare(model: WaveNet | Parameters, storage: str = STORAGE) -> tuple[Parameters, Packed]:
    """The model's parameters, and packed for the compiled kernels."""
    parameters = Parameters.of(model)
    return parameters, pack(parameters.config, parameters.arrays, storage)


def prepare_for(device: str, model: WaveNet | Parameters, storage: str = STORAGE) -> tuple[Parameters, Prepared]:
    """As ``prepare``, for the player of ``device``: "cpu" or "cuda"."""
    if device == "cpu":
        return prepare(model, storage)
    from orchestrion.renderer.gpu.weights import GpuWeights

    parameters = Parameters.of(model)
    return parameters, GpuWeights.of(parameters.network())


def compile_kernels(storage: str = STORAGE, *, mixture: bool = True) -> None:
    """Have the sample loop compiled for this processor, or read from the cache: what a first rendering would wait for.

    Sizes are values to the compiled code, so that the smallest network does; one with a softmax is code of its own.

    Args:
        mixture: whether for networks with a mixture, driven by a source, or for those with a softmax and harmonics.
    """
    smallest = WaveNetConfig(
        layers=1, cycle=1, residual=1, skip=1, head=1, context_channels=1, conditioning_channels=1, harmonics=int(not mixture),
        source_window=int(mixture), mixtures=int(mixture),
    )  # fmt: skip
    tick = ConditioningSeries.from_notes([Note(0.0, 0.004, 60, 64)], tail_s=0.0)
    with much_compiling():
        generate(Parameters.zeros(smallest), [tick], storage=storage, threads=1)


def perform(tasks: Sequence[Task], *, threads: int | None = None, progress: Advance | None = None) -> list[np.ndarray]:
    """The levels of every task, ``[samples]`` int32."""
    voices = [Voice(task) for task in tasks]
    play_on(voices, threads=threads, progress=progress)
    return [voice.out for voice in voices]


def play_on(
    voices: Sequence[Voice],
    *,
    threads: int | None = None,
    progress: Advance | None = None,
    seconds: float = math.inf,
) -> None:
    """Advance every voice to its end, or for about ``seconds``, which a GPU takes no notice of."""
    unfinished = [voice for voice in voices if voice.left]
    if not unfinished:
        return
    packed = unfinished[0].task.conditioner.packed
    if not isinstance(packed, Packed):
        from orchestrion.renderer.gpu.stage import play_on as play_on_gpu

        return play_on_gpu(unfinished, progress)
    allowed = threads or usable_processors()
    threads = max(1, min(allowed, len(unfinished)))
    places = min(VOICES_PER_BATCH, -(-len(unfinished) // threads))
    work = _Queue(packed, unfinished, progress, helped=allowed >= 2 * threads, seconds=seconds)
    with single_threaded_torch():
        if threads == 1:
            _work(work, places)
        else:
            with ThreadPoolExecutor(threads) as pool:
                try:
                    for done in [pool.submit(_work, work, places) for _ in range(threads)]:
                        done.result()
                except BaseException:
                    # Ctrl-C reaches the main thread alone, and leaving the pool waits for the others.
                    work.stopped = True
                    raise


class _Queue:
    """Voices that no worker has taken yet, longest first; shared by the workers."""

    def __init__(
        self, packed: Packed, voices: Sequence[Voice], progress: Advance | None, helped: bool, seconds: float
    ):
        self.packed = packed
        self.helped = helped  # whether a second thread is free for each worker
        self._lock = threading.Lock()
        self._waiting = sorted(voices, key=lambda voice: voice.left)
        self._progress = progress
        self._end = time.monotonic() + seconds
        self.stopped = False

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._end

    def take(self, n: int) -> list[Voice]:
        with self._lock:
            return [self._waiting.pop() for _ in range(min(n, len(self._waiting)))]

    def advance(self, n: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._progress(n)


def _work(work: _Queue, places: int) -> None:
    """Take voices from the queue until none is left, up to ``places`` in lockstep."""
    voices: list[Voice] = []
    while True:
        voices += work.take(places - len(voices))
        if not voices or work.stopped:
            return
        voices = _advance(work, voices)
        if work.is_late:
            return


def _advance(work: _Queue, voices: list[Voice]) -> list[Voice]:
    """Run ``voices`` until one of them ends, or time does; those left."""
    batch = Batch(work.packed, [voice.state for voice in voices], helped=work.helped)
    while all(voice.left for voice in voices) and not work.stopped:
        n_frames = min(FRAMES_A_RUN, min(voice.left for voice in voices))
        levels = run_frames(batch, voices, n_frames)
        for v, voice in enumerate(voices):
            voice.keep(levels[:, v])
        work.advance(n_frames * len(voices) * voices[0].hop)
        if work.is_late:
            break
    for voice, state in zip(voices, batch.states(), strict=True):
        voice.state = state
    return [voice for voice in voices if voice.left]


class Player(Protocol):
    """Voices in lockstep on some device."""

    def run_frames(self, voices: Sequence[Voice], n_frames: int) -> np.ndarray:
        """Levels ``[n_frames * hop, v]`` int32 of the next ``n_frames`` of every voice."""
        ...

    def states(self) -> list[VoiceState]:
        """A copy of every voice's state."""
        ...


class OnProcessor:
    """The `Player` of the compiled kernels."""

    def __init__(self, packed: Packed, states: Sequence[VoiceState], threads: int | None = None):
        self._batch = Batch(packed, states, helped=(threads or usable_processors()) > 1)

    def run_frames(self, voices: Sequence[Voice], n_frames: int) -> np.ndarray:
        with single_threaded_torch():
            return run_frames(self._batch, voices, n_frames)

    def states(self) -> list[VoiceState]:
        return self._batch.states()


def player(packed: Prepared, states: Sequence[VoiceState], threads: int | None = None) -> Player:
    """The player of the device that ``packed`` was made for, with a voice in each state."""
    if isinstance(packed, Packed):
        return OnProcessor(packed, states, threads)
    from orchestrion.renderer.gpu.stage import Stage

    return Stage.of(packed, states)


def run_frames(batch: Batch, voices: Sequence[Voice], n_frames: int) -> np.ndarray:
    """Levels ``[n_frames * hop, v]`` int32 of the next ``n_frames`` of every voice of ``batch``."""
    conditioners = [voice.task.conditioner for voice in voices]
    starts, forced = [voice.frame for voice in voices], [voice.forced(n_frames) for voice in voices]
    block = gather(batch.packed, conditioners, starts, n_frames, forced)
    out = np.empty((n_frames * voices[0].hop, len(voices)), dtype=np.int32)
    batch.run(block, 0, len(out), out)
    return out
