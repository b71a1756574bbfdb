"""`stft-encdec`: 20 blocks of 500 samples into one vector, 20 blocks out of it (Xu & Swar 2021, section 5).

    [Re ‖ Im] (20, 1000) ─LSTM─▶ its last output, 2048 ─repeated 20 times─▶ LSTM ─affine─▶ (20, 1000)

The paper does not say what its one-to-many decoder reads: here the encoder's vector at every step, from a state of zeros. Nor
does it name loss and scaling: the mean squared error of z-scores, as the frequency-domain systems it builds on.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.generators.cures import NONE, Cures
from orchestrion.generators.generator import Generator
from orchestrion.generators.residual import Residual
from orchestrion.generators.seeding import at_least, check_length, seed_or_noise
from orchestrion.generators.sequence.config import EncDecConfig
from orchestrion.generators.spectral.cells import CELLS
from orchestrion.generators.spectral.normal import Normal
from orchestrion.generators.spectral.transform import TRANSFORMS, Transform
from orchestrion.progress import Advance


class EncoderDecoder(Generator):
    """Blocks in, as many blocks out."""

    config: EncDecConfig
    temperature = 0.0  # the paper plays the mean

    def __init__(self, config: EncDecConfig):
        super().__init__()
        self.config = config
        self.transform: Transform = TRANSFORMS[config.transform](config.block)
        d = self.transform.dimensions
        self.normal = Normal(self.transform, config.compression)
        self.residual = Residual(d)
        self.encoder = CELLS[config.cell](d, config.hidden, dropout=0.0)
        self.decoder = CELLS[config.cell](config.hidden, config.hidden, dropout=0.0)
        self.head = nn.Linear(config.hidden, d)

    @property
    def block(self) -> int:
        """Samples between possible seams."""
        return self.config.block

    @property
    def clip_samples(self) -> int:
        """Audio of a training example: what goes in and what comes out, 20,000 samples in the paper."""
        return 2 * self.config.steps * self.config.block

    def clip_for(self, seconds: float) -> int:
        """Audio of an example that lasts about so long: what goes in, and as many times as fit what comes out."""
        whole = self.config.steps * self.block
        return max(2, round(seconds * self.sample_rate / whole)) * whole

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """See `Normal.calibrate`."""
        self.normal.calibrate(clips)

    def forward(self, vectors: Tensor) -> Tensor:
        """``[b, steps, d]`` normalised to the ``steps`` that follow, ``[b, steps, d]``."""
        encoded, _ = self.encoder(vectors)
        decoded, _ = self.decoder(encoded[:, -1:].expand(-1, self.config.steps, -1))
        result: Tensor = self.head(decoded)
        return result

    def loss(self, clips: Tensor, cures: Cures = NONE, rng: torch.Generator | None = None) -> Tensor:
        """Mean squared error of all but the first ``steps`` blocks of ``[b, clip_samples]``, in z-scores.

        In a longer clip each ``steps`` blocks are predicted from those before, or with ``cures.own`` from what was predicted
        of those.
        """
        true = self.normal.analyse(clips).split(self.config.steps, 1)
        said: list[Tensor] = []
        for blocks in true[:-1]:
            heard = cures.disturbed(blocks, rng)
            if cures.own and said:
                own = torch.rand(len(heard), 1, 1, generator=rng, device=heard.device) < cures.own
                heard = torch.where(own, said[-1].detach(), heard)
            said.append(self(heard))
        predicted, wanted = torch.cat(said, 1), torch.cat(true[1:], 1)
        error = F.mse_loss(predicted, wanted)
        return error + cures.magnitudes * self.normal.magnitude_error(predicted, wanted) if cures.magnitudes else error

    @torch.no_grad()
    def measure_residual(self, clips: Iterable[Tensor]) -> None:
        """Measure how far predictions are off on ``clips``, each ``[b, clip_samples]``, for drawing at a temperature."""
        each = (self.normal.analyse(clip).split(self.config.steps, 1) for clip in clips)
        self.residual.measure(after - self(before) for before, after, *_ in each)

    @torch.no_grad()
    def generate(
        self, seed_audio: np.ndarray | None, n_samples: int, seed: int, progress: Advance | None = None, *,
        temperature: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Continue ``seed_audio`` (None: noise); the continuation alone, float32 [n_samples].

        From the last ``steps`` blocks come the next ones, and from those the next; a shorter seed has silence before it.
        """
        check_length(n_samples)
        whole = self.config.steps * self.block
        audio = at_least(seed_or_noise(seed_audio, whole, self.normal.loudness, seed), whole)[-whole:]
        vectors, made = self.normal.analyse(torch.from_numpy(audio.copy())[None]), []
        draw = self.residual.drawer(seed, self.temperature if temperature is None else temperature, self.transform.possible)
        for _ in range(-(-n_samples // whole)):
            vectors = self(vectors) + torch.from_numpy(draw.next(self.config.steps))
            made.append(vectors[0])
            if progress is not None:
                progress(whole)
        return self.normal.synthesise(torch.cat(made))[:n_samples]
