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
from orchestrion.generators.backend import Generator
from orchestrion.generators.files import backend_of, load_generator
from orchestrion.generators.table import WAVENET, backend_named
from orchestrion.generators.wavenet import WaveNetGenerator
from orchestrion.limits import MAX_AUDIO_S
from orchestrion.progress import progress
from orchestrion.score import Score
from orchestrion.version import VERSION

NOISE = "noise"
SEED_S = 10.0  # the papers' 40 blocks of a quarter of a second
WEIGHTS = "model.safetensors"


def generate(
    backend: str,
    *,
    model: str | os.PathLike[str] | None = None,
    seed_audio: Waveform | str | os.PathLike[str] = NOISE,
    seconds: float,
    seed: int = 0,
    seed_start_s: float = 0.0,
    seed_seconds: float = SEED_S,
    score: Score | None = None,
    with_seed: bool = False,
) -> Waveform:
    """Continue audio, or noise, for ``seconds``.

    Args:
        backend: a name in `table.BACKENDS`.
        model: a run's folder, a weights file or a shipped model's name; None for the shipped one of that back-end.
        seed_audio: what is continued: a waveform, an audio file, or ``"noise"``. It is resampled to the model's rate.
        seconds: of the continuation.
        seed: decides noise and whatever else is drawn; the spectral and sequence models draw nothing after it.
        seed_start_s, seed_seconds: which part of ``seed_audio`` is continued.
        score: what the back-end ``wavenet`` plays; no other one can be told.
        with_seed: put the seed's audio before the continuation.

    Raises:
        OrchestrionError: no such back-end or model, one of another back-end, or a seed that cannot be used.
    """
    return LoadedModel.load(backend, model).generate(
        seed_audio=seed_audio, seconds=seconds, seed=seed, seed_start_s=seed_start_s, seed_seconds=seed_seconds,
        score=score, with_seed=with_seed,
    )  # fmt: skip


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

    def generate(
        self,
        *,
        seed_audio: Waveform | str | os.PathLike[str] = NOISE,
        seconds: float,
        seed: int = 0,
        seed_start_s: float = 0.0,
        seed_seconds: float = SEED_S,
        score: Score | None = None,
        with_seed: bool = False,
    ) -> Waveform:
        """Arguments and errors as in the function `generate`."""
        if not 0 < seconds <= MAX_AUDIO_S:
            raise OrchestrionError(f"{seconds:g} seconds cannot be generated; ask for more than 0 and at most {MAX_AUDIO_S:g}.")
        if score is not None and self.backend != WAVENET:
            raise OrchestrionError(f"{self.backend} cannot be told a score; only wavenet can.")
        rate = self.generator.sample_rate
        known = None if seed_audio == NOISE else _seed(seed_audio, seed_start_s, seed_seconds, rate)
        n_samples = max(1, round(seconds * rate))
        samples = _run(self.generator, known, n_samples, seed, score, f"Generating with {self.backend}")
        if with_seed and known is not None:
            samples = np.concatenate([known, samples])
        return Waveform(samples, rate, _tags(self.backend, self.path, seed))


def find_model(backend: str, model: str | os.PathLike[str] | None) -> Path:
    """The weights file of a run's folder, of a name, or the shipped one of ``backend``.

    Raises:
        OrchestrionError: there is none.
    """
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


def _seed(audio: Waveform | str | os.PathLike[str], start_s: float, seconds: float, rate: int) -> np.ndarray:
    waveform = audio if isinstance(audio, Waveform) else Waveform.read(audio)
    first, last = round(start_s * waveform.sample_rate), round((start_s + seconds) * waveform.sample_rate)
    part = waveform.samples[first:last]
    if not len(part):
        raise OrchestrionError(f"The seed's audio lasts {waveform.duration_s:.1f} s; nothing is left from {start_s:g} s on.")
    return Waveform(part, waveform.sample_rate).resample(rate).samples


def _run(
    generator: Generator, known: np.ndarray | None, n_samples: int, seed: int, score: Score | None, label: str
) -> np.ndarray:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order: same seed, same bytes; and steps this small are quicker so
    try:
        with progress(n_samples, label) as advance:
            if isinstance(generator, WaveNetGenerator):
                return generator.generate(known, n_samples, seed, advance, score=score)
            return generator.generate(known, n_samples, seed, advance)
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


