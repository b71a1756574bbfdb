"""Parallel rendering of long scores, cut into pieces (see ``segments``): in memory at once, or as blocks in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.options import STORAGE
from orchestrion.processors import usable_processors
from orchestrion.progress import Advance
from orchestrion.randomness import stream_key
from orchestrion.renderer.coding import Coding
from orchestrion.renderer.deemphasis import SILENT, Deemphasis
from orchestrion.renderer.kernels.batch import LOUDEST, Prepared, UnfitState, VoiceState, check_codes
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.parameters import Parameters
from orchestrion.renderer.sampler import (
    VOICES_PER_BATCH,
    perform,
    play_on,
    prepare_for,
    temperatures,
)
from orchestrion.renderer.segments import Joiner, Segment, overlap_frames, plan
from orchestrion.renderer.task import Task, Voice

if TYPE_CHECKING:
    from orchestrion.renderer.network import WaveNet

PIECES_ON_GPU = 512  # of a long score at once


def generate_parallel(
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
    """As ``sampler.generate``, every series cut into pieces that are played at once and joined.

    Not the same samples as one run gives, but the same for any number of threads.
    """
    parameters, packed = prepare_for(device, model, storage)
    numbers = range(len(series)) if voices is None else voices
    plans = [plan(item, parameters.config, device) for item in series]
    tasks = []
    for item, number, heat, pieces in zip(series, numbers, temperatures(temperature, len(series)), plans, strict=True):
        tasks += _tasks(Conditioner(parameters, packed, item, heat), pieces, int(stream_key(seed, number)))
    told = _adding_up(progress, sum(item.n_frames for item in series), [piece for pieces in plans for piece in pieces])
    taken = iter(perform(tasks, threads=threads, progress=told))
    joined = []
    for pieces in plans:
        joiner = Joiner(parameters.config)
        blocks = [_add(joiner, piece, next(taken), pieces, parameters.config.coding) for piece in pieces]
        joined.append(Deemphasis(parameters.config.coding)(np.concatenate(blocks)))
    return joined


@dataclass(frozen=True)
class Begun:
    """A piece under way: the codes drawn so far, and the voice after them (None where there are none, or no more to come)."""

    codes: np.ndarray
    state: VoiceState | None


@dataclass
class ParallelState:
    """Where a ``ParallelStream`` stands: pieces joined, the end of the last one, how far those after it are, and where de-emphasis is."""

    done: int = 0
    held: np.ndarray | None = None
    begun: Sequence[Begun] = ()
    last: tuple[float, float] = SILENT


class ParallelStream:
    """The audio of ``generate_parallel`` for one series, some pieces at a time; memory does not grow with the score.

    Iterating yields float32 blocks. ``state`` is valid between blocks; a new stream given it continues to the same audio.
    While a longer block is made, an empty one comes every ``pause_s``, so that the state between can be kept.

    Raises:
        UnfitState: ``state`` is not of a stream with the same other arguments.
    """

    def __init__(
        self,
        model: WaveNet | Parameters,
        series: ConditioningSeries,
        *,
        seed: int = 0,
        temperature: float | np.ndarray = 1.0,
        voice: int = 0,
        threads: int | None = None,
        storage: str = STORAGE,
        device: str = "cpu",
        progress: Advance | None = None,
        state: ParallelState | None = None,
    ):
        self._parameters, packed = prepare_for(device, model, storage)
        self.state = state or ParallelState()
        self._pieces = plan(series, self._parameters.config, device)
        self.n_made = _check(self.state, self._pieces, packed, int(stream_key(seed, voice)))  # samples before this stream's first
        self._conditioner = Conditioner(self._parameters, packed, series, temperature)
        self._key = int(stream_key(seed, voice))
        self._threads, self._progress, self._device = threads, _adding_up(progress, series.n_frames, self._pieces), device
        self.pause_s = float("inf")

    def __iter__(self) -> Iterator[np.ndarray]:
        at_once = PIECES_ON_GPU if self._device != "cpu" else VOICES_PER_BATCH * (self._threads or usable_processors())
        while self.state.done < len(self._pieces):
            # Pieces begun are finished together, with however many threads they were begun.
            pieces = self._pieces[self.state.done :][: len(self.state.begun) or at_once]
            tasks = _tasks(self._conditioner, pieces, self._key)
            voices = [Voice(task) for task in tasks]
            for voice, begun in zip(voices, self.state.begun, strict=False):
                _go_on(voice, begun)
            while any(voice.left for voice in voices):
                play_on(voices, threads=self._threads, progress=self._progress, seconds=self.pause_s)
                if any(voice.left for voice in voices):
                    self.state = replace(self.state, begun=[_begun(voice) for voice in voices])
                    yield np.empty(0, dtype=np.float32)
            joiner = Joiner(self._parameters.config, self.state.held)
            coding = self._parameters.config.coding
            block = np.concatenate([
                _add(joiner, piece, voice.out, self._pieces, coding) for piece, voice in zip(pieces, voices, strict=True)
            ])  # fmt: skip
            deemphasis = Deemphasis(coding, self.state.last)
            audio = deemphasis(block)
            self.state = ParallelState(self.state.done + len(pieces), joiner.held, last=deemphasis.last)
            yield audio


def _adding_up(progress: Advance | None, n_frames: int, pieces: Sequence[Segment]) -> Advance | None:
    """``progress`` told of the samples of overlapping ``pieces``, so that they add up to those of ``n_frames``."""
    if progress is None:
        return None
    share = n_frames / max(1, sum(piece.last - piece.first for piece in pieces))
    return lambda n=1: progress(n * share)


def _check(state: ParallelState, pieces: Sequence[Segment], packed: Prepared, key: int) -> int:
    """Samples of audio up to ``state``.

    Raises:
        UnfitState: it is not one of these pieces, see `VoiceState.check`.
    """
    config, held = packed.config, state.held
    if not 0 <= state.done <= len(pieces) or len(state.begun) > len(pieces) - state.done or not all(abs(value) <= LOUDEST for value in state.last):
        raise UnfitState("it is not of these pieces")
    if (held is not None) != (0 < state.done < len(pieces)):
        raise UnfitState("it holds no end of a piece, or one that nothing follows")
    if held is not None:
        n_frames = 0
        for piece in pieces[: state.done]:
            n_frames = min(overlap_frames(config), n_frames + piece.last - piece.kept)  # as `Joiner` keeps them
        if held.dtype != np.float32 or held.shape != (n_frames * config.hop,) or not (np.abs(held) <= 1).all():
            raise UnfitState("the end of its last piece has another length, or is no audio")
    for piece, begun in zip(pieces[state.done :], state.begun, strict=False):
        n, left = begun.codes.size, (piece.last - piece.first) * config.hop - begun.codes.size
        if begun.codes.dtype != np.int32 or begun.codes.shape != (n,) or n % config.hop or left < 0 or (begun.state is not None) != (n > 0 and left > 0):
            raise UnfitState("a piece is further than it can be")
        check_codes(begun.codes, config)
        if begun.state is not None:
            begun.state.check(packed, key, piece.first * config.hop + n)
    joined = pieces[state.done - 1].last * config.hop if state.done else 0
    return joined - (0 if held is None else len(held))


def _begun(voice: Voice) -> Begun:
    return Begun(voice.out[: voice.done], voice.state if voice.done and voice.left else None)


def _go_on(voice: Voice, begun: Begun) -> None:
    voice.keep(begun.codes)
    if begun.state is not None:
        voice.state = begun.state


def _tasks(conditioner: Conditioner, pieces: Sequence[Segment], key: int) -> list[Task]:
    hop = conditioner.model.config.hop
    return [
        Task(conditioner.fresh(), VoiceState.silent(conditioner.packed, key, piece.first * hop), piece.first, piece.last)
        for piece in pieces
    ]


def _add(joiner: Joiner, piece: Segment, taken: np.ndarray, pieces: Sequence[Segment], coding: Coding) -> np.ndarray:
    return joiner.add(piece, coding.amplitudes(taken), is_last=piece is pieces[-1])
