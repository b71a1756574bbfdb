"""Plays tasks on the GPU: places that are taken anew as voices end, and a launch under way while the next is prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from orchestrion.progress import Advance
from orchestrion.renderer.gpu.batch import Batch
from orchestrion.renderer.gpu.kernel import ROWS
from orchestrion.renderer.gpu.pool import Pool
from orchestrion.renderer.gpu.weights import Weights
from orchestrion.renderer.kernels.batch import Prepared, VoiceState
from orchestrion.renderer.kernels.conditioner import BLOCK
from orchestrion.renderer.sampler import Task, Voice

FRAMES_A_LAUNCH = 64
SHARE_OF_MEMORY = 0.5  # of what is free


class Stage:
    """Up to ``n`` voices in lockstep, from their states or as they come."""

    def __init__(self, weights: Weights, n: int):
        self.weights, self._n_asked = weights, n
        self._batch = Batch(weights, -(-n // ROWS) * ROWS)
        self._pool = Pool(weights)

    @classmethod
    def of(cls, weights: Prepared, states: Sequence[VoiceState]) -> Stage:
        """A stage with a voice in each place."""
        assert isinstance(weights, Weights)
        stage = cls(weights, len(states))
        stage.put(range(len(states)), states)
        return stage

    def put(self, places: Sequence[int], states: Sequence[VoiceState]) -> None:
        self._batch.put(places, states)

    def states(self) -> list[VoiceState]:
        """A copy of every voice's state."""
        return self._batch.states(range(self._n_asked))

    def begin(self, voices: Sequence[Voice | None], n_frames: int) -> Levels:
        """Have the GPU draw the next ``n_frames`` of the voice in each place; returns before it is done."""
        absent = [None] * (self._batch.n - len(voices))
        block = self._pool.gather([*voices, *absent], n_frames)
        out = torch.empty(n_frames * self.weights.config.hop, self._batch.n, dtype=torch.int32, device=self.weights.device)
        self._batch.run(block, 0, len(out), out)
        return Levels(out)

    def run_frames(self, voices: Sequence[Voice], n_frames: int) -> np.ndarray:
        """Levels ``[n_frames * hop, v]`` int32 of the next ``n_frames`` of every voice."""
        return self.begin(voices, n_frames).wait()[:, : len(voices)]


class Levels:
    """What a launch draws, on its way to the host."""

    def __init__(self, out: Tensor):
        self._event = None
        self._host = out
        if out.device.type == "cuda":
            self._host = torch.empty(out.shape, dtype=out.dtype, pin_memory=True)
            self._host.copy_(out, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()

    def wait(self) -> np.ndarray:
        """``[samples, places]`` int32."""
        if self._event is not None:
            self._event.synchronize()
        return self._host.numpy()


@dataclass(frozen=True)
class _Part:
    """Samples ``start .. start + n`` of a voice, in a place of a launch."""

    place: int
    voice: Voice
    start: int
    n: int


def perform(tasks: Sequence[Task], progress: Advance | None = None) -> list[np.ndarray]:
    """The levels of every task, ``[samples]`` int32: ``sampler.perform`` on the GPU."""
    weights = tasks[0].conditioner.packed
    assert isinstance(weights, Weights)
    hop = weights.config.hop
    voices = [Voice(task, np.empty(task.n_frames * hop, dtype=np.int32)) for task in tasks]
    waiting = sorted(voices, key=lambda voice: voice.left)
    places: list[Voice | None] = [None] * min(len(tasks), most_voices(weights))
    stage = Stage(weights, len(places))
    under_way: tuple[Levels, list[_Part]] | None = None
    while True:
        free = [i for i, voice in enumerate(places) if voice is None or not voice.left]
        taken = [waiting.pop() for _ in range(min(len(free), len(waiting)))]
        stage.put(free[: len(taken)], [voice.state for voice in taken])
        for place, newcomer in zip(free, [*taken, *[None] * (len(free) - len(taken))], strict=True):
            places[place] = newcomer
        playing = [(place, voice) for place, voice in enumerate(places) if voice is not None]
        begun = None
        if playing:
            n_frames = min(FRAMES_A_LAUNCH, max(voice.left for _, voice in playing))
            levels = stage.begin(places, n_frames)
            parts = []
            for place, voice in playing:
                n = min(n_frames, voice.left)
                parts.append(_Part(place, voice, voice.done, n * hop))
                voice.frame += n
            begun = levels, parts
        if under_way is not None:
            _keep(*under_way, progress)
        if begun is None:
            return [voice.out for voice in voices]
        under_way = begun


def most_voices(weights: Weights) -> int:
    """How many voices the GPU plays at once: a program for each processor of it, or what its memory holds."""
    if weights.device.type != "cuda":
        return ROWS
    c, programs = weights.config, torch.cuda.get_device_properties(weights.device).multi_processor_count
    ring = 2 * sum(c.dilations) * weights.width * 2
    blocks = 2 * BLOCK * (c.layers * 2 * weights.width + c.hop * 2 * c.harmonics) * 4
    free_bytes, _ = torch.cuda.mem_get_info(weights.device)
    # Twice the blocks: while there is more room made for them, the old one is still there.
    fitting = int(SHARE_OF_MEMORY * free_bytes) // (ring + 2 * blocks)
    return max(ROWS, min(programs * ROWS, fitting // ROWS * ROWS))


def _keep(levels: Levels, parts: Sequence[_Part], progress: Advance | None) -> None:
    drawn = levels.wait()
    for part in parts:
        part.voice.out[part.start : part.start + part.n] = drawn[: part.n, part.place]
    if progress is not None:
        progress(sum(part.n for part in parts))
