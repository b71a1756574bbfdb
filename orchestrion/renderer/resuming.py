"""Resumable rendering: a journal beside the output, until the output is complete.

    out.wav                    written at once at the end, never in part
    .out.wav.resume.f32        samples made so far, raw float32
    .out.wav.resume.state      the state after them, their checksum and a hash of the settings, safetensors

Samples are flushed before the state is saved, and the state says how many of them count; later ones are made again. So the
result is the same to the byte, wherever the interruption fell. In parallel rendering the state also holds the pieces under way.

The state is saved after one second, after two more, then every five seconds, or less often if saving takes more than a
twentieth of the time. So a run that is killed a few seconds after its start has already kept some progress.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from orchestrion import weights
from orchestrion.errors import OrchestrionError
from orchestrion.files import writing
from orchestrion.header import is_whole
from orchestrion.renderer.kernels.batch import UnfitState, VoiceState
from orchestrion.renderer.parallel import Begun, ParallelState

ARCHITECTURE = "interrupted-rendering-3"
FIRST_SAVE_S, SAVE_EVERY_S = 1.0, 5.0
SHARE_OF_TIME, MOST_SELDOM = 0.05, 12  # that saving may take, unless it then came less than once a minute
BLOCK_SAMPLES = 1 << 20

State = VoiceState | ParallelState


class Resumable(Protocol):
    """A ``Stream`` or ``ParallelStream``: blocks, and the state between two of them.

    ``pause_s`` asks for a block, be it an empty one, about that often.
    """

    pause_s: float

    @property
    def n_made(self) -> int:
        """Samples before its first."""
        ...

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
        start: makes the stream from a state, or from the beginning; raises `UnfitState` where a state is not its own.

    Raises:
        OrchestrionError: a journal of other settings lies there, or a damaged one, or it cannot be written.
    """
    with _Journal(Path(output), settings) as journal:
        stream = journal.start(start)
        yield from journal.samples()
        stream.pause_s, saved = min(FIRST_SAVE_S, save_every_s), time.monotonic()
        for block in stream:
            journal.append(block)
            began = time.monotonic()
            if began - saved >= stream.pause_s:
                journal.save(stream.state)
                saved = time.monotonic()
                dear_s = min((saved - began) / SHARE_OF_TIME, MOST_SELDOM * save_every_s)
                stream.pause_s = max(min(2 * stream.pause_s, save_every_s), dear_s)
            if len(block):
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
    """The two files, locked: of two processes that render one output, the second is refused."""

    def __init__(self, output: Path, settings: Mapping[str, object]):
        self._output = output
        self._samples, self._state = _paths(output)
        self._hash = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        self._count, self._digest = 0, hashlib.sha256()

    def __enter__(self) -> Self:
        with writing(self._samples):
            self._file = open(self._samples, "a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise OrchestrionError(f"Another process is rendering {self._output} now; wait for it, or end it.") from error
        except OSError:
            pass  # a file system without locks
        return self

    def __exit__(self, *_: object) -> None:
        if not self._state.exists():
            discard(self._output)
        self._file.close()

    def start(self, start: Callable[[State | None], Resumable]) -> Resumable:
        """The stream that goes on from what an interrupted run left, or begins."""
        if not self._state.exists():
            self._file.truncate(0)
            return start(None)
        try:
            state = self._load()
            stream = start(state)
            if stream.n_made != self._count:
                raise UnfitState("it is of another number of samples")
        except UnfitState as error:
            raise OrchestrionError(f"{self._state} is damaged ({error}); remove it to start anew.") from error
        return stream

    def _load(self) -> State:
        try:
            arrays, metadata = weights.load_arrays(self._state)
        except OrchestrionError as error:
            raise OrchestrionError(f"The journal of an interrupted rendering, {self._state}, is not whole; remove it to start anew.") from error
        if metadata.get("architecture") != ARCHITECTURE or metadata.get("settings") != self._hash:
            raise OrchestrionError(
                f"The interrupted rendering of {self._output} had other settings; remove {self._state} to start anew."
            )
        count = metadata.get("samples")
        if not is_whole(count, 0, 1 << 50) or os.fstat(self._file.fileno()).st_size < 4 * count:
            raise OrchestrionError(f"{self._samples} is not whole; remove {self._state} to start anew.")
        self._count = count
        self._file.truncate(4 * count)
        for block in self.samples():
            self._digest.update(block.tobytes())
        if metadata.get("samples_sha256") != self._digest.hexdigest():
            raise OrchestrionError(f"{self._samples} was altered after it was written; remove {self._state} to start anew.")
        return _from_arrays(arrays)

    def samples(self) -> Iterator[np.ndarray]:
        if self._count:
            with open(self._samples, "rb") as file:
                while len(block := np.fromfile(file, dtype=np.float32, count=BLOCK_SAMPLES)):
                    yield block

    def append(self, block: np.ndarray) -> None:
        with writing(self._samples):
            content = block.astype(np.float32).tobytes()
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
        self._digest.update(content)
        self._count += len(block)

    def save(self, state: State) -> None:
        with writing(self._samples):
            os.fsync(self._file.fileno())
        facts = {"architecture": ARCHITECTURE, "settings": self._hash, "samples": self._count, "samples_sha256": self._digest.hexdigest()}
        weights.save(self._state, _to_arrays(state), facts)

    def remove(self) -> None:
        discard(self._output)


def _paths(output: Path) -> tuple[Path, Path]:
    return output.with_name(f".{output.name}.resume.f32"), output.with_name(f".{output.name}.resume.state")


def _to_arrays(state: State) -> dict[str, np.ndarray]:
    if isinstance(state, VoiceState):
        return _of_voice(state)
    arrays = {"done": np.array([state.done, len(state.begun)], dtype=np.int64), "last": np.array(state.last)}
    if state.held is not None:
        arrays["held"] = state.held
    for i, begun in enumerate(state.begun):
        voice = {} if begun.state is None else _of_voice(begun.state)
        arrays |= {f"begun.{i}.{name}": value for name, value in {"codes": begun.codes, **voice}.items()}
    return arrays


def _of_voice(state: VoiceState) -> dict[str, np.ndarray]:
    key = np.array([state.key], dtype=np.uint64).view(np.int64)
    numbers = np.array([state.counter, key[0]], dtype=np.int64)
    return {"history": state.history, "recent": state.recent, "numbers": numbers, "last": np.array(state.last)}


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> State:
    """The inverse of `_to_arrays`.

    Raises:
        UnfitState: it is not; what the numbers say is for the stream to check.
    """
    if "done" not in arrays:
        return _to_voice(arrays)
    done, n_begun = _numbers(arrays, "done")
    pieces: dict[str, dict[str, np.ndarray]] = {}
    for name, value in arrays.items():
        if name.startswith("begun."):
            number, _, field = name.removeprefix("begun.").partition(".")
            pieces.setdefault(number, {})[field] = value
    if len(pieces) != n_begun or any(str(i) not in pieces or "codes" not in pieces[str(i)] for i in range(n_begun)):
        raise UnfitState("pieces are missing")
    of_pieces = [pieces[str(i)] for i in range(n_begun)]
    begun = [Begun(piece["codes"], _to_voice(piece) if "history" in piece else None) for piece in of_pieces]
    return ParallelState(done, arrays.get("held"), begun, _last(arrays))


def _to_voice(arrays: Mapping[str, np.ndarray]) -> VoiceState:
    if "history" not in arrays or "recent" not in arrays:
        raise UnfitState("a part of it is missing")
    counter, key = _numbers(arrays, "numbers")
    return VoiceState(arrays["history"], arrays["recent"], counter, key % (1 << 64), _last(arrays))


def _numbers(arrays: Mapping[str, np.ndarray], name: str) -> tuple[int, int]:
    first, second = _pair(arrays, name, np.int64)
    return int(first), int(second)


def _last(arrays: Mapping[str, np.ndarray]) -> tuple[float, float]:
    before, after = _pair(arrays, "last", np.float64)
    return float(before), float(after)


def _pair(arrays: Mapping[str, np.ndarray], name: str, kind: type[np.generic]) -> np.ndarray:
    found = arrays.get(name)
    if found is None or found.dtype != kind or found.shape != (2,):
        raise UnfitState(f"its {name!r} is not two numbers")
    return found
