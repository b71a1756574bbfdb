"""Audio from any back-end in one call: what ``orchestrion generate`` and ``orchestrion.generate`` call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from orchestrion import header, shipped
from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.generators.files import backend_of, load_generator
from orchestrion.generators.generator import Generator
from orchestrion.generators.table import WAVENET, backend_named
from orchestrion.generators.wavenet import WaveNetGenerator
from orchestrion.options import NOISE, Generating
from orchestrion.progress import progress
from orchestrion.score import Score
from orchestrion.version import VERSION

WEIGHTS = "model.safetensors"


def generate(backend: str, model: str | os.PathLike[str] | None = None, options: Generating | None = None) -> Waveform:
    """Continue audio, or noise.

    Args:
        backend: a name in `table.BACKENDS`.
        model: a run's folder, a weights file or a shipped model's name; None for the shipped one of that back-end.

    Raises:
        OrchestrionError: no such back-end or model, one of another back-end, or a seed that cannot be used.
    """
    return LoadedModel.load(backend, model).generate(options or Generating())


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """The network of a back-end, read from ``path`` once for any number of continuations."""

    backend: str
    path: Path
    generator: Generator

    @classmethod
    def load(cls, backend: str, model: str | os.PathLike[str] | None) -> LoadedModel:
        """Arguments and errors as in `generate`."""
        backend_named(backend)
        path = find_model(backend, model)
        generator = load_generator(path)
        _check_backend(backend, path)
        return cls(backend, path, generator)

    def generate(self, options: Generating) -> Waveform:
        """Errors as in the function `generate`."""
        if options.score is not None and self.backend != WAVENET:
            raise OrchestrionError(f"{self.backend} cannot be told a score; only wavenet can.")
        score = options.score if options.score is None or isinstance(options.score, Score) else Score.read(options.score)
        rate = self.generator.sample_rate
        known = None if options.seed_audio == NOISE else _seed(options, rate)
        n_samples = max(1, round(options.seconds * rate))
        samples = _run(self.generator, known, n_samples, options.seed, score, options.temperature, f"Generating with {self.backend}")
        if options.with_seed and known is not None:
            samples = np.concatenate([known, samples])
        return Waveform(samples, rate, _tags(self.backend, self.path, options.seed))


def find_model(backend: str, model: str | os.PathLike[str] | None) -> Path:
    """The weights file of a run's folder, of a name, or the shipped one of ``backend``.

    Raises:
        OrchestrionError: there is none.
    """
    if model is None and backend == WAVENET:
        model = shipped.DEFAULT_INSTRUMENT
    if model is None:
        if backend not in shipped.generators():
            raise OrchestrionError(
                f"No model of {backend} ships in this package; train one (orchestrion train {backend} --help) and "
                "name it with --model."
            )
        model = backend
    folder = Path(model)
    if folder.is_dir():
        if not (folder / WEIGHTS).is_file():
            raise OrchestrionError(f"{folder} holds no {WEIGHTS}; has its training been validated once?")
        return folder / WEIGHTS
    return shipped.find(model)


def _check_backend(backend: str, path: Path) -> None:
    found = backend_of(header.read(path), path)
    if found != backend:
        raise OrchestrionError(f"{path} is a model of {found}, not of {backend}; name that back-end.")


def _seed(options: Generating, rate: int) -> np.ndarray:
    audio, start_s = options.seed_audio, options.seed_start_s
    waveform = audio if isinstance(audio, Waveform) else Waveform.read(audio)
    first, last = round(start_s * waveform.sample_rate), round((start_s + options.seed_seconds) * waveform.sample_rate)
    part = waveform.samples[first:last]
    if not len(part):
        raise OrchestrionError(f"The seed's audio lasts {waveform.duration_s:.1f} s; nothing is left from {start_s:g} s on.")
    return Waveform(part, waveform.sample_rate).resample(rate).samples


def _run(
    generator: Generator, known: np.ndarray | None, n_samples: int, seed: int, score: Score | None, temperature: float | None,
    label: str,
) -> np.ndarray:  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order: same seed, same bytes; and steps this small are quicker so
    try:
        with progress(n_samples, label) as advance:
            if isinstance(generator, WaveNetGenerator):
                return generator.generate(known, n_samples, seed, advance, score=score, temperature=temperature)
            return generator.generate(known, n_samples, seed, advance, temperature=temperature)
    finally:
        torch.set_num_threads(threads)


def _tags(backend: str, path: Path, seed: int) -> dict[str, str]:
    checksum = str(header.read(path).get("sha256", ""))
    return {
        "title": backend,
        "software": f"Orchestrion {VERSION}",
        "model": f"{backend} {checksum[:12]}",
        "seed": str(seed),
        "comment": "machine-generated",
    }


