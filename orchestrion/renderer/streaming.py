"""Streaming and resumable rendering; the output is bit-identical to rendering in one go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.options import STORAGE
from orchestrion.randomness import stream_key
from orchestrion.renderer.deemphasis import Deemphasis
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.parameters import Parameters
from orchestrion.renderer.sampler import player, prepare_for
from orchestrion.renderer.task import Task, Voice

if TYPE_CHECKING:
    from orchestrion.renderer.network import WaveNet

BLOCK_FRAMES = 16  # 64 ms at 16 kHz and hop 64


class Stream:
    """One series as blocks of float32, exactly what ``sampler.generate`` gives for it.

    Iterate over it, or call ``next_block``. ``state`` is valid between blocks; a new stream given it continues to the same audio.

    Args:
        voice: the number that, with the seed, decides the random numbers (0 for the first series of ``generate``).
        block_frames: conditioning frames a block.
        threads: a second one shares the work; the audio is the same.
        device: "cpu", or "cuda" where ``device.choose`` has found that the GPU plays.
        state: of an earlier stream with the same other arguments.

    Raises:
        UnfitState: ``state`` is not.
    """

    def __init__(
        self,
        model: WaveNet | Parameters,
        series: ConditioningSeries,
        *,
        seed: int = 0,
        temperature: float | np.ndarray = 1.0,
        voice: int = 0,
        block_frames: int = BLOCK_FRAMES,
        threads: int | None = None,
        storage: str = STORAGE,
        device: str = "cpu",
        state: VoiceState | None = None,
    ):
        parameters, packed = prepare_for(device, model, storage)
        key = int(stream_key(seed, voice))
        if state is not None:
            at = min(max(0, state.counter // series.hop), series.n_frames) * series.hop
            state.check(packed, key, at)
        begun = state or VoiceState.silent(packed, key)
        task = Task(Conditioner(parameters, packed, series, temperature), begun, begun.counter // series.hop)
        self._voice = Voice(task, np.empty(0, dtype=np.int32))
        self._player = player(packed, [begun], threads)
        self._coding = parameters.config.coding
        self._deemphasis = Deemphasis(self._coding, begun.last)
        self._block_frames = block_frames
        self.n_made = begun.counter  # samples before this stream's first
        self.pause_s = float("inf")  # as a `ParallelStream`'s; blocks are short here

    def __iter__(self) -> Iterator[np.ndarray]:
        while self._voice.left:
            yield self.next_block()

    def next_block(self) -> np.ndarray:
        """The next samples, at most ``block_frames * hop``; none at the end."""
        n_frames = min(self._block_frames, self._voice.left)
        if not n_frames:
            return np.empty(0, dtype=np.float32)
        codes = self._player.run_frames([self._voice], n_frames)[:, 0]
        self._voice.frame += n_frames
        return self._deemphasis(self._coding.amplitudes(codes))

    @property
    def state(self) -> VoiceState:
        """A copy of all that the voice remembers."""
        return replace(self._player.states()[0], last=self._deemphasis.last)
