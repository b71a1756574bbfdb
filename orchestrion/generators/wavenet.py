"""`wavenet` and `wavenet-unconditioned` as back-ends: the WaveNet of `network` with the generators' interface.

The weights are the instruments' own, so that one file serves both: whatever ``orchestrion train renderer`` made can be
generated from, and an unconditioned WaveNet trained on plain songs is loaded by whatever loads instruments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from orchestrion.bridge import ConditioningSeries
from orchestrion.generators.cures import NONE, Cures
from orchestrion.generators.generator import Generator
from orchestrion.generators.seeding import check_length, seed_or_noise
from orchestrion.progress import Advance
from orchestrion.randomness import stream_key
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.deemphasis import decode
from orchestrion.renderer.kernels.batch import VoiceState
from orchestrion.renderer.kernels.conditioner import Conditioner
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.output import HALF_BIN, encode_tensor, log_probability, values
from orchestrion.renderer.sampler import perform, prepare
from orchestrion.renderer.task import Task
from orchestrion.score import Score

NOISE_LEVEL = 0.05
QUIETEST = 1e-4
# The history is empty at the start of a training example, so its first frames are not learnt from.
SETTLE_FRAMES = 8
CLIP_FRAMES = 96


class WaveNetGenerator(WaveNet, Generator):
    """A WaveNet that continues audio; a conditioned one is told its score, or that nothing sounds."""

    config: WaveNetConfig
    temperature: float = 1.0

    @property
    def block(self) -> int:
        """Samples between possible seams: it goes sample by sample."""
        return 1

    @property
    def clip_samples(self) -> int:
        """Audio of a training example: a sample before it and its frames."""
        return 1 + CLIP_FRAMES * self.config.hop

    def clip_for(self, seconds: float) -> int:
        """Audio of an example from which so many seconds are learnt."""
        frames = max(1, round(seconds * self.sample_rate / self.config.hop))
        return 1 + (SETTLE_FRAMES + frames) * self.config.hop

    def calibrate(self, clips: Iterable[Tensor]) -> None:
        """Levels need no normalisation."""

    def measure_residual(self, clips: Iterable[Tensor]) -> None:
        """A WaveNet predicts a whole distribution."""

    def loss(self, clips: Tensor, cures: Cures = NONE, rng: torch.Generator | None = None) -> Tensor:
        """Mean negative log-likelihood in nats a sample of ``[b, 1 + t]``; a conditioned network is told that nothing sounds.

        Conditioned networks are trained by ``orchestrion train renderer``, on recordings with their notes.
        """
        codes = encode_tensor(clips, self.config.coding)
        n_frames = (codes.shape[1] - 1) // self.config.hop
        heard = codes
        if cures.taken():
            level = clips.square().mean().sqrt().clamp(min=QUIETEST)
            heard = encode_tensor((cures.disturbed(clips / level, rng) * level).clamp(-1, 1), self.config.coding)
        raw = self(heard[:, :-1], self._rows_of_silence(len(codes), n_frames), self._drive_of_silence(codes[:, 1:]))
        settled = SETTLE_FRAMES * self.config.hop
        raw, came = raw[:, settled:], codes[:, 1 + settled :]
        if not self.config.mixtures:
            return F.cross_entropy(raw.flatten(0, 1).float(), came.flatten())
        value = values(came)
        return -log_probability(raw, torch.zeros_like(value), value - HALF_BIN, value + HALF_BIN).mean()

    def _rows_of_silence(self, batch: int, n_frames: int) -> Tensor:
        c = self.config
        if not c.conditioned:
            return self.conditioning_rows(None, n_frames, batch)
        past, future = c.context_frames
        frames = self.b_skip.new_zeros(batch, past + n_frames + future, c.input_channels)
        return self.conditioning_rows(frames)[:, past : past + n_frames]

    def _drive_of_silence(self, codes: Tensor) -> Tensor | None:
        c, (batch, n) = self.config, codes.shape
        if not c.drive_channels:
            return None
        shape = (batch, n + 2 * c.source_window) if c.source_window else (batch, n, c.drive_channels)
        return self.drive(self.b_skip.new_zeros(shape))

    def generate(
        self,
        seed_audio: np.ndarray | None,
        n_samples: int,
        seed: int,
        progress: Advance | None = None,
        *,
        score: Score | None = None,
        temperature: float | None = None,
    ) -> np.ndarray:
        """Continue ``seed_audio`` (None: noise, or silence where there is a score); the continuation alone, float32 [n_samples].

        The last receptive field of the seed is fed to the network, which hears no more than that, as history; then
        samples are drawn.

        Args:
            score: what a conditioned network plays, from the continuation's beginning.
            temperature: divides the logits; None for the model's own.
        """
        check_length(n_samples)
        c = self.config
        # A score begins in silence; without one there would be nothing but silence to go on from.
        level = 0.0 if c.conditioned else NOISE_LEVEL
        audio = seed_or_noise(seed_audio, c.receptive_field, level, seed)[-c.receptive_field :]
        n_frames = -(-len(audio) // c.hop)
        audio = np.pad(audio, (n_frames * c.hop - len(audio), 0))
        series = self._series(score, n_frames * c.hop, n_samples)
        model, packed = prepare(self)
        task = Task(
            Conditioner(model, packed, series, self.temperature if temperature is None else temperature),
            VoiceState.silent(packed, int(stream_key(seed, 0))),
            forced=c.coding.encode(audio).astype(np.int32),
        )
        (codes,) = perform([task], progress=progress)
        return decode(codes, c.coding)[len(audio) :][:n_samples]

    def _series(self, score: Score | None, before: int, n_samples: int) -> ConditioningSeries:
        """``score`` from the end of the ``before`` samples of the seed on."""
        c = self.config
        shift_s = before / c.sample_rate
        notes = score.notes if score is not None and c.conditioned else ()
        shifted = [replace(n, onset_s=n.onset_s + shift_s, offset_s=n.offset_s + shift_s) for n in notes]
        duration_s = (before + n_samples) / c.sample_rate
        return ConditioningSeries.from_notes(shifted, sample_rate=c.sample_rate, hop=c.hop, duration_s=duration_s, tail_s=0.0)
