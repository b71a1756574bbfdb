"""Has one generator continue all openings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from orchestrion import header
from orchestrion.audio import Waveform
from orchestrion.evaluation.comparison.lineup import CONDITIONED, Contestant
from orchestrion.evaluation.comparison.openings import Opening
from orchestrion.generators.files import held_by
from orchestrion.generators.generating import LoadedModel
from orchestrion.generators.generator import Generator
from orchestrion.generators.spectral.network import Spectral
from orchestrion.generators.spectral.transform import Dft
from orchestrion.options import Generating
from orchestrion.score import Score

MOST_BLOCKS = 80


@dataclass(frozen=True, slots=True, eq=False)
class Continuation:
    """What one generator made of each opening.

    Args:
        block: samples between seams; 1 for none.
        spectra: complex ones [n, N] that it predicted for the first opening; None where it predicts samples or half
            spectra.
        trained: steps, examples and seconds of audio of its training, as far as its file knows them.
    """

    entry: Contestant
    clips: tuple[Waveform, ...]
    block: int
    spectra: np.ndarray | None
    trained: dict[str, float]


def continue_openings(
    entry: Contestant, openings: tuple[Opening, ...], score: Score, seconds: float, seed_s: float, seed: int
) -> Continuation:
    """Continue every opening for ``seconds``; ``wavenet`` plays ``score`` after it.

    Raises:
        OrchestrionError: the model cannot be loaded, or is of another back-end.
    """
    told = score if entry.backend == CONDITIONED else None
    model = LoadedModel.load(entry.backend, entry.model)
    clips = tuple(
        model.generate(
            Generating(seed_audio=opening.seed, seconds=seconds, seed=seed + number, seed_seconds=seed_s, score=told)
        )
        for number, opening in enumerate(openings)
    )
    return Continuation(entry, clips, model.generator.block, _spectra(model.generator, openings[0].seed, seconds, seed), _trained(model))


def _trained(model: LoadedModel) -> dict[str, float]:
    found = held_by(header.read(model.path), model.path).get("training")
    listed = found.items() if isinstance(found, dict) else ()
    return {str(name): float(value) for name, value in listed if isinstance(value, int | float)}


def _spectra(model: Generator, opening: Waveform, seconds: float, seed: int) -> np.ndarray | None:
    """What a network over whole complex DFTs predicts before the imaginary part of its inverse is thrown away."""
    if not isinstance(model, Spectral) or not isinstance(model.transform, Dft):
        return None
    n_blocks = min(MOST_BLOCKS, max(1, round(seconds * model.sample_rate / model.block)))
    known = opening.resample(model.sample_rate).samples
    with torch.no_grad():
        restored = model.normal.restored(model.continuation(known, n_blocks, seed))
    real, imaginary = restored.double().chunk(2, -1)
    return torch.complex(real, imaginary).numpy()
