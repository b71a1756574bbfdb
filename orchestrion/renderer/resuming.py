"""Rendering that survives an interruption: what was played lies beside the output until all of it is there.

    out.wav                    written at once at the end, never in part
    .out.wav.resume.f32        samples made so far, raw float32
    .out.wav.resume.state      the state after them and a hash of the settings, safetensors

The samples are flushed before the state is saved, and the state says how many of them count; whatever comes after is
made again. So the result is the same to the byte, wherever the interruption fell.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from orchestrion import weights
from orchestrion.errors import OrchestrionError
from orchestrion.files import writing
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.parallel import ParallelState

ARCHITECTURE = "interrupted-rendering"
SAVE_EVERY_S = 5.0
BLOCK_SAMPLES = 1 << 20

State = VoiceState | ParallelState


class Resumable(Protocol):
    """A ``Stream`` or ``ParallelStream``: blocks, and the state between two of them."""

    @property
    def state(self) -> State: ...

    def __iter__(self) -> Iterator[np.ndarray]: ...


def resumable(
    output: str | os.PathLike[str],
    settings: Mapping[str, object],
    start: Callable[[State | None], Resumable],
    *,
    save_every_s: float = SAVE_EVERY_S,
) -> Iterator[np.ndarray]:
    """Yield the blocks of ``start(None)``, or what an interrupted run left and then those of ``start(its state)``.

    Args:
        output: the file that the caller writes the blocks to; the journal lies beside it.
        settings: JSON-able, everything that decides the audio (score, model checksum, seed, temperature, storage, …).
        start: makes the stream from a state, or from the beginning.

    Raises:
        OrchestrionError: a journal of other settings lies there, or it cannot be written.
    """
    journal = _Journal(Path(output), settings)
    state = journal.load()
    yield from journal.samples()
    stream = start(state)
    saved = time.monotonic()
    for block in stream:
        journal.append(block)
        if time.monotonic() - saved >= save_every_s:
            journal.save(stream.state)
            saved = time.monotonic()
        yield block
    journal.remove()


def interrupted(output: str | os.PathLike[str]) -> bool:
    """Whether a rendering of ``output`` was interrupted and can be resumed."""
    return _paths(Path(output))[1].exists()


def discard(output: str | os.PathLike[str]) -> None:
    """Forget an interrupted rendering of ``output``."""
    for path in _paths(Path(output)):
        path.unlink(missing_ok=True)


class _Journal:
    def __init__(self, output: Path, settings: Mapping[str, object]):
        self._output = output
        self._samples, self._state = _paths(output)
        self._hash = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        self._count = 0

    def load(self) -> State | None:
        if not self._state.exists():
            discard(self._output)
            return None
        tensors, metadata = weights.load(self._state, architecture=ARCHITECTURE)
        if metadata.get("settings") != self._hash:
            raise OrchestrionError(
                f"The interrupted rendering of {self._output} had other settings; remove {self._state} to start anew."
            )
        self._count = int(str(metadata["samples"]))
        if not self._samples.exists() or self._samples.stat().st_size < 4 * self._count:
            raise OrchestrionError(f"{self._samples} is not whole; remove {self._state} to start anew.")
        os.truncate(self._samples, 4 * self._count)
        return _from_tensors({name: tensor.numpy() for name, tensor in tensors.items()})

    def samples(self) -> Iterator[np.ndarray]:
        if self._count:
            with open(self._samples, "rb") as file:
                while len(block := np.fromfile(file, dtype=np.float32, count=BLOCK_SAMPLES)):
                    yield block

    def append(self, block: np.ndarray) -> None:
        with writing(self._samples), open(self._samples, "ab") as file:
            file.write(block.astype(np.float32).tobytes())
        self._count += len(block)

    def save(self, state: State) -> None:
        with writing(self._samples), open(self._samples, "rb+") as file:
            os.fsync(file.fileno())
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in _to_tensors(state).items()}
        weights.save(
            self._state, tensors, {"architecture": ARCHITECTURE, "settings": self._hash, "samples": self._count}
        )

    def remove(self) -> None:
        discard(self._output)


def _paths(output: Path) -> tuple[Path, Path]:
    return output.with_name(f".{output.name}.resume.f32"), output.with_name(f".{output.name}.resume.state")


def _to_tensors(state: State) -> dict[str, np.ndarray]:
    if isinstance(state, VoiceState):
        key = np.array([state.key], dtype=np.uint64).view(np.int64)
        numbers = np.array([state.now, state.before, state.counter, key[0]], dtype=np.int64)
        return {"history": state.history, "numbers": numbers}
    held = {} if state.held is None else {"held": state.held}
    return {"done": np.array([state.done], dtype=np.int64), **held}


def _from_tensors(tensors: Mapping[str, np.ndarray]) -> State:
    if "history" in tensors:
        now, before, counter, _ = (int(value) for value in tensors["numbers"])
        return VoiceState(tensors["history"], now, before, counter, int(tensors["numbers"].view(np.uint64)[3]))
    return ParallelState(int(tensors["done"][0]), tensors.get("held"))
