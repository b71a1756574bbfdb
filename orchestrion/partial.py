"""Rendering straight into a file, block by block, and going on after an interruption to the same bytes.

A resumable rendering keeps two files beside its output: ``OUT.wav.partial`` (float32 samples made so far) and
``OUT.wav.partial.safetensors`` (where the player stands, and what it was asked). They go when the output is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from orchestrion import weights
from orchestrion.bridge import Score
from orchestrion.bridge.audiofiles import write_blocks
from orchestrion.bridge.randomness import stream_key
from orchestrion.errors import OrchestrionError
from orchestrion.playing import VOICES_A_TAKE, blocks_of
from orchestrion.progress import progress
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.parallel import ParallelState
from orchestrion.version import VERSION

ARCHITECTURE = "partial-rendering"
SAVE_EVERY_S = 2.0
BYTES_A_SAMPLE = 4


def render_to_file(
    score: Score,
    instrument: Instrument,
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    take: int = 0,
    temperature: float | None = None,
    parallel: bool = True,
    threads: int | None = None,
    resume: bool = False,
) -> dict[str, Any]:
    """Play ``score`` into the audio file ``path``; memory does not grow with its length.

    Args:
        resume: keep partial files while playing, and go on from those that an interrupted rendering left.

    Returns:
        Facts as of `orchestrion.playing.facts_of`.

    Raises:
        OrchestrionError: the file cannot be written, or partial files of another rendering are in the way.
    """
    series = instrument.series(score)
    asked: dict[str, Any] = {
        "seed": seed, "take": take, "temperature": temperature, "parallel": parallel, "threads": threads,
    }  # fmt: skip
    rate = instrument.config.sample_rate
    partial = Partial(Path(path), identity(score, instrument, asked), asked) if resume else None
    with progress(series.n_samples / rate, f"Playing {instrument.name}") as advance:

        def counted() -> Iterator[np.ndarray]:
            source = partial.blocks(score, instrument) if partial else iter(blocks_of(score, instrument, **asked))
            for block in source:
                advance(len(block) / rate)
                yield block

        tags = instrument.waveform(np.zeros(1), title=score.title, seed=seed).tags
        write_blocks(path, counted(), rate, tags=tags)
    if partial:
        partial.remove()
    return {
        "instruments": [{"name": instrument.name, "sha256": instrument.checksum}],
        "sample_rate": rate,
        "duration_s": round(series.n_samples / rate, 6),
    }


def identity(score: Score, instrument: Instrument, asked: Mapping[str, object]) -> str:
    """A fingerprint of all that decides the samples."""
    notes = [asdict(note) for note in score.notes]
    # The number of threads changes no sample.
    decisive = {name: value for name, value in asked.items() if name != "threads"}
    text = json.dumps([VERSION, instrument.checksum, decisive, notes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Partial:
    """The partial files of one rendering."""

    def __init__(self, output: Path, fingerprint: str, asked: Mapping[str, Any]):
        self.samples = output.with_name(output.name + ".partial")
        self.state = output.with_name(output.name + ".partial.safetensors")
        self._fingerprint, self._asked = fingerprint, dict(asked)
        self._key = int(stream_key(asked["seed"], asked["take"] * VOICES_A_TAKE))

    def blocks(self, score: Score, instrument: Instrument) -> Iterator[np.ndarray]:
        """What was made before, then the rest as it is made."""
        n_samples, state = self._load()
        with open(self.samples, "r+b" if self.samples.exists() else "w+b") as handle:
            handle.truncate(n_samples * BYTES_A_SAMPLE)
            for _ in range(0, n_samples, 1 << 16):
                yield np.frombuffer(handle.read(BYTES_A_SAMPLE << 16), dtype="<f4")
            stream = blocks_of(score, instrument, state=state, **self._asked)
            saved_s = time.monotonic()
            for block in stream:
                handle.write(block.astype("<f4").tobytes())
                n_samples += len(block)
                if time.monotonic() - saved_s > SAVE_EVERY_S:
                    # In this order: a state never claims samples that are not there.
                    handle.flush()
                    self._save(n_samples, stream.state)
                    saved_s = time.monotonic()
                yield block

    def remove(self) -> None:
        """The output is complete."""
        self.samples.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    def _save(self, n_samples: int, state: VoiceState | ParallelState) -> None:
        numbers: dict[str, int]
        if isinstance(state, VoiceState):
            tensors = {"history": torch.from_numpy(state.history)}
            numbers = {"now": state.now, "before": state.before, "counter": state.counter}
        else:
            tensors = {} if state.held is None else {"held": torch.from_numpy(np.ascontiguousarray(state.held))}
            numbers = {"done": state.done}
        metadata = {"architecture": ARCHITECTURE, "fingerprint": self._fingerprint, "n_samples": n_samples, **numbers}
        weights.save(self.state, tensors, metadata)

    def _load(self) -> tuple[int, VoiceState | ParallelState | None]:
        if not (self.state.exists() and self.samples.exists()):
            return 0, None
        tensors, metadata = weights.load(self.state, architecture=ARCHITECTURE)
        n_samples = int(metadata["n_samples"])
        if metadata.get("fingerprint") != self._fingerprint:
            raise OrchestrionError(
                f"{self.state} belongs to a rendering with other settings; give the same ones, or delete it."
            )
        if self.samples.stat().st_size < n_samples * BYTES_A_SAMPLE:
            raise OrchestrionError(f"{self.samples} is shorter than {self.state} says; delete both and render again.")
        if "done" in metadata:
            held = tensors["held"].numpy() if "held" in tensors else None
            return n_samples, ParallelState(int(metadata["done"]), held)
        now, before, counter = (int(metadata[name]) for name in ("now", "before", "counter"))
        return n_samples, VoiceState(tensors["history"].numpy(), now, before, counter, self._key)
