"""Plays tasks on the GPU: places that are taken anew as voices end, and a launch under way while the next is prepared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from orchestrion.errors import OrchestrionError
from orchestrion.progress import Advance
from orchestrion.renderer.gpu import cluster
from orchestrion.renderer.gpu.batch import PROGRAMS, WAITED, GpuBatch, Layout
from orchestrion.renderer.gpu.checking import clusters_play
from orchestrion.renderer.gpu.kernel import PROGRAM_VOICES
from orchestrion.renderer.gpu.pool import Pool
from orchestrion.renderer.gpu.weights import GpuWeights
from orchestrion.renderer.kernels.batch import Prepared, VoiceState
from orchestrion.renderer.kernels.conditioner import BLOCK
from orchestrion.renderer.task import Voice

FRAMES_A_LAUNCH = 64
GROUPS_OF_ONE_TILE = 4  # a cluster: so many go round it without waiting for each other (`benchmarks/gpu.py`)
SHARE_OF_MEMORY = 0.5  # of what is free


@contextmanager
def _faults_told() -> Iterator[None]:
    """The GPU's faults in a sentence."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OrchestrionError("The GPU has not enough memory free for this; take --device cpu, or play less at once.") from error
    except torch.AcceleratorError as error:
        raise OrchestrionError(f"The GPU has failed ({str(error).splitlines()[0]}); take --device cpu.") from error


class Stage:
    """Up to ``n`` voices in lockstep, from their states or as they come."""

    def __init__(self, weights: GpuWeights, n: int):
        self.weights, self._n_asked = weights, n
        self._batch = GpuBatch(weights, n, layout(weights, n))
        self._pool = Pool(weights)

    @classmethod
    @_faults_told()
    def of(cls, weights: Prepared, states: Sequence[VoiceState]) -> Stage:
        """A stage with a voice in each place."""
        assert isinstance(weights, GpuWeights)
        stage = cls(weights, len(states))
        stage.put(range(len(states)), states)
        return stage

    def put(self, places: Sequence[int], states: Sequence[VoiceState]) -> None:
        self._batch.put(places, states)

    def states(self) -> list[VoiceState]:
        """A copy of every voice's state."""
        return self._batch.states(range(self._n_asked))

    def begin(self, voices: Sequence[Voice | None], n_frames: int) -> DrawnLevels:
        """Have the GPU draw the next ``n_frames`` of the voice in each place; returns before it is done."""
        absent = [None] * (self._batch.n - len(voices))
        block = self._pool.gather([*voices, *absent], n_frames)
        out = torch.empty(n_frames * self.weights.config.hop, self._batch.n, dtype=torch.int32, device=self.weights.device)
        self._batch.run(block, 0, len(out), out)
        return DrawnLevels(out, self._batch.failed)

    @_faults_told()
    def run_frames(self, voices: Sequence[Voice], n_frames: int) -> np.ndarray:
        """Levels ``[n_frames * hop, v]`` int32 of the next ``n_frames`` of every voice."""
        return self.begin(voices, n_frames).wait()[: len(voices)].T


class DrawnLevels:
    """What a launch draws, on its way to the host."""

    def __init__(self, out: Tensor, failed: Tensor):
        self._event, self._failed = None, failed
        self._host = by_voice = out.T.contiguous()  # where it costs little: the host copies a voice's levels in one piece
        if out.device.type == "cuda":
            self._host = torch.empty(by_voice.shape, dtype=out.dtype, pin_memory=True)
            self._host.copy_(by_voice, non_blocking=True)
            self._failed = torch.empty(failed.shape, dtype=failed.dtype, pin_memory=True)
            self._failed.copy_(failed, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()

    def wait(self) -> np.ndarray:
        """``[places, samples]`` int32.

        Raises:
            OrchestrionError: the launch has given up.
        """
        if self._event is not None:
            self._event.synchronize()
        if self._failed.item():
            raise OrchestrionError(f"The GPU has failed ({WAITED}); take --device cpu.")
        return self._host.numpy()


@dataclass(frozen=True)
class _Part:
    """Samples ``start .. start + n`` of a voice, in a place of a launch."""

    place: int
    voice: Voice
    start: int
    n: int


@dataclass(frozen=True)
class _Launch:
    """What is under way on the GPU, and whose it is."""

    levels: DrawnLevels
    parts: Sequence[_Part]

    def keep(self, progress: Advance | None) -> None:
        """Wait for it and give every voice its levels."""
        drawn = self.levels.wait()
        for part in self.parts:
            part.voice.out[part.start : part.start + part.n] = drawn[part.place, : part.n]
        if progress is not None:
            progress(sum(part.n for part in self.parts))


@_faults_told()
def play_on(voices: Sequence[Voice], progress: Advance | None = None) -> None:
    """Advance every voice to its end: ``sampler.play_on`` on the GPU.

    Raises:
        OrchestrionError: the GPU's memory is not enough.
    """
    weights = voices[0].task.conditioner.packed
    assert isinstance(weights, GpuWeights)
    waiting = sorted(voices, key=lambda voice: voice.left)  # the longest are taken first
    places: list[Voice | None] = [None] * min(len(voices), most_voices(weights))
    stage = Stage(weights, len(places))
    under_way = None
    while True:
        _take_places(stage, places, waiting)
        begun = _begin(stage, places)
        if under_way is not None:
            under_way.keep(progress)
        if begun is None:
            return
        under_way = begun


def _take_places(stage: Stage, places: list[Voice | None], waiting: list[Voice]) -> None:
    """Give the places of voices that have ended to those waiting."""
    free = [place for place, voice in enumerate(places) if voice is None or not voice.left]
    newcomers = [waiting.pop() for _ in range(min(len(free), len(waiting)))]
    for place in free:
        places[place] = None
    for place, voice in zip(free, newcomers, strict=False):
        places[place] = voice
    stage.put(free[: len(newcomers)], [voice.state for voice in newcomers])


def _begin(stage: Stage, places: Sequence[Voice | None]) -> _Launch | None:
    """Launch the next frames of all voices; None if there is none. Where one ends sooner, the rest is not kept."""
    playing = [(place, voice) for place, voice in enumerate(places) if voice is not None]
    if not playing:
        return None
    n_frames = min(FRAMES_A_LAUNCH, max(voice.left for _, voice in playing))
    levels, parts = stage.begin(places, n_frames), []
    for place, voice in playing:
        n = min(n_frames, voice.left)
        parts.append(_Part(place, voice, voice.done, n * voice.hop))
        voice.frame += n
    return _Launch(levels, parts)


def layout(weights: GpuWeights, n_voices: int) -> Layout:
    """How ``n_voices`` are spread.

    In clusters where these play: groups of 8 are quicker each, of 16 more in all; both draw the same. Else in programs.
    """
    if not clusters_play(weights.config):
        return PROGRAMS
    few = n_voices <= cluster.TILE * GROUPS_OF_ONE_TILE * cluster.loaded(weights.config, 1).n_clusters
    return Layout(cluster.TILE if few else 2 * cluster.TILE, clusters=True)


def most_voices(weights: GpuWeights) -> int:
    """How many voices the GPU plays at once: what clusters hold, or a program for each processor; or what its memory holds."""
    if weights.device.type != "cuda":
        return PROGRAM_VOICES
    if clusters_play(weights.config):
        most = 2 * cluster.TILE * cluster.MOST_GROUPS * cluster.loaded(weights.config, 2).n_clusters
    else:
        most = PROGRAM_VOICES * torch.cuda.get_device_properties(weights.device).multi_processor_count
    c = weights.config
    ring = 2 * sum(c.dilations) * weights.width * 2
    blocks = 2 * BLOCK * (c.layers * 2 * weights.width + c.hop * (1 + weights.width)) * 4
    free_bytes, _ = torch.cuda.mem_get_info(weights.device)
    # Twice the blocks: while there is more room made for them, the old one is still there.
    fitting = int(SHARE_OF_MEMORY * free_bytes) // (ring + 2 * blocks)
    return max(PROGRAM_VOICES, min(most, fitting // PROGRAM_VOICES * PROGRAM_VOICES))
