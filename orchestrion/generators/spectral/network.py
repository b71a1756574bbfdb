"""The spectral family's network: spectra of blocks in, the next block's spectrum out (see `config` for its members).

    audio ─transform─▶ vectors ─z-score─▶ stage ─▶ recurrent core ─▶ affine head ─z-score⁻¹─▶ the next vector
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.generators.cures import NONE, Cures
from orchestrion.generators.generator import Generator
from orchestrion.generators.residual import Drawer, Residual
from orchestrion.generators.seeding import at_least, check_length, seed_or_noise
from orchestrion.generators.spectral.cells import CellState
from orchestrion.generators.spectral.config import SpectralConfig
from orchestrion.generators.spectral.normal import Normal
from orchestrion.generators.spectral.parts import STAGES, make_core
from orchestrion.generators.spectral.transform import TRANSFORMS, Transform
from orchestrion.progress import Advance


class Spectral(Generator):
    """One member of the family."""

    config: SpectralConfig
    temperature = 0.0  # the papers play the mean

    def __init__(self, config: SpectralConfig):
        super().__init__()
        self.config = config
        self.transform: Transform = TRANSFORMS[config.transform](config.block)
        self.normal = Normal(self.transform, config.compression)
        d = self.transform.dimensions
        self.stage = STAGES[config.stage](config, d, self.transform.channels)
        self.core = make_core(config, self.stage.features)
        self.head = nn.Linear(self.core.width, d)
        self.residual = Residual(d)

    @property
    def block(self) -> int:
        """Samples between possible seams."""
        return self.config.block

    @property
    def clip_samples(self) -> int:
        """Audio of a training example: T inputs and, one block later, T targets."""
        return self.config.steps * self.config.block + self.transform.window

    def clip_for(self, seconds: float) -> int:
        """Audio of an example that lasts about so long."""
        return max(2, round(seconds * self.sample_rate / self.block)) * self.block + self.transform.window

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Measure the training audio; see `Normal.calibrate`."""
        self.normal.calibrate(clips)

    def forward(self, vectors: Tensor, states: list[CellState] | None = None) -> tuple[Tensor, list[CellState]]:
        """What follows each vector, ``[b, s, d]`` normalised, and the core's state after them.

        With ``states`` the vectors continue an earlier call's; not for the stage ``conv2d``, whose context is in the
        vectors before (`growing` gives it that).
        """
        hidden, after = self.core(self.stage(vectors), states)
        return self.head(hidden), after

    def loss(self, clips: Tensor, cures: Cures = NONE, rng: torch.Generator | None = None) -> Tensor:
        """Mean squared error of the next vector, normalised, over ``[b, clip_samples]``; in training with the L2 penalty."""
        vectors = self.normal.analyse(clips)
        predicted = cures.predictions(self.following, vectors[:, :-1], rng)
        error = F.mse_loss(predicted, vectors[:, 1:])
        if cures.magnitudes:
            error = error + cures.magnitudes * self.normal.magnitude_error(predicted, vectors[:, 1:])
        return error + self.stage.penalty() if self.training else error

    def following(self, vectors: Tensor) -> Tensor:
        """What follows each of ``[b, s, d]``, without the state."""
        result: Tensor = self(vectors)[0]
        return result

    @torch.no_grad()
    def measure_residual(self, clips: Iterable[Tensor]) -> None:
        """Measure how far predictions are off on ``clips``, each ``[b, t]``, for drawing at a temperature."""
        each = (self.normal.analyse(clip) for clip in clips)
        self.residual.measure(vectors[:, 1:] - self.following(vectors[:, :-1]) for vectors in each)

    @torch.no_grad()
    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None, *,
        temperature: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Continue ``seed_audio`` (None: noise as long as a training example); the continuation alone, float32 [n_samples]."""
        check_length(n_samples)
        vectors = self.continuation(seed_audio, self.transform.frames_for(n_samples), seed, progress, temperature)
        return self.normal.synthesise(vectors)[:n_samples]

    @torch.no_grad()
    def continuation(
        self, seed_audio: np.ndarray | None, n_vectors: int, seed: int, progress: Advance | None = None,
        temperature: float | None = None,
    ) -> Tensor:  # fmt: skip
        """The z-scores that follow the seed, ``[n_vectors, d]``; `Normal.restored` makes spectra of them."""
        audio = seed_or_noise(seed_audio, self.config.steps * self.block, self.normal.loudness, seed)
        audio = at_least(audio, self.transform.window)
        # Whole blocks, counted from the end.
        start = (len(audio) - self.transform.window) % self.block
        known = self.normal.analyse(torch.from_numpy(audio[start:].copy())[None])
        draw = self.residual.drawer(seed, self.temperature if temperature is None else temperature, self.transform.possible)
        return GENERATION[self.config.generation](self, known, n_vectors, progress or _quiet, draw)


def growing(model: Spectral, known: Tensor, n_vectors: int, progress: Advance, draw: Drawer) -> Tensor:
    """N&V: feed the whole sequence so far and append the last prediction, here with the state carried along.

    That gives the numbers of feeding everything again at a cost linear in the length. N&V's program does this.
    """
    keep, n_new = model.config.context - 1, known.shape[1]
    states: list[CellState] | None = None
    made: list[Tensor] = []
    for _ in range(n_vectors):
        features = model.stage(known[:, -n_new - keep :])[:, -n_new:]
        hidden, states = model.core(features, states)
        made.append(model.head(hidden[:, -1:]) + torch.from_numpy(draw.next()))
        known, n_new = torch.cat([known, made[-1]], 1)[:, -keep - 1 :], 1
        progress(model.block)
    return torch.cat(made, 1)[0]


def predicted(model: Spectral, known: Tensor, n_vectors: int, progress: Advance, draw: Drawer) -> Tensor:
    """N&V's text: after a first pass over the seed, its predictions of the seed stand in the seed's place."""
    return growing(model, torch.cat([known[:, :1], model.following(known)[:, :-1]], 1), n_vectors, progress, draw)


def window(model: Spectral, known: Tensor, n_vectors: int, progress: Advance, draw: Drawer) -> Tensor:
    """K&G: from the last T blocks predict the next, append it, and drop the first; no state is carried."""
    steps = model.config.steps
    recent, made = known[:, -steps:], []
    for _ in range(n_vectors):
        following = model.following(recent)[:, -1:] + torch.from_numpy(draw.next())
        made.append(following)
        recent = torch.cat([recent, following], 1)[:, -steps:]
        progress(model.block)
    return torch.cat(made, 1)[0]


def _quiet(n: float = 1) -> None:
    """Where nobody watches."""


GENERATION: dict[str, Callable[[Spectral, Tensor, int, Advance, Drawer], Tensor]] = {
    "growing": growing, "predicted": predicted, "window": window,
}  # fmt: skip
