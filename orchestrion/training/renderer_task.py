"""Training a WaveNet on aligned recordings: crops with features, noise on the history, bits/sample on held-out pieces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from orchestrion import weights
from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.bits_per_sample import bits_per_sample
from orchestrion.evaluation.judge.following import note_accuracy
from orchestrion.evaluation.judge.salience import HIGHEST, LOWEST
from orchestrion.options import Crops
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.features import excitation, frame_features
from orchestrion.renderer.mulaw import encode
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.sampler import generate

# The network's history is empty at the start of a crop, so these first samples of it are not learnt from.
SETTLE_FRAMES = 8
LISTEN_S = 8.0
# Of crops that are rests: seconds to fall by 60 dB, and how much louder at most the network hears it.
DYING_S = (0.1, 0.4)
LOUDER_DB = 12.0


class RendererTask:
    """The training loop's task for one WaveNet on one set of pieces."""

    def __init__(
        self,
        config: WaveNetConfig,
        train: Sequence[AlignedPiece],
        validation: Sequence[AlignedPiece],
        settings: Crops,
        *,
        seed: int = 0,
        provenance: dict[str, object] | None = None,
        listen: bool = True,
    ):
        """``listen``: at validations, also play a held-out opening and count its notes."""
        if not train or not validation:
            raise OrchestrionError("The set needs pieces both for training and for validation.")
        torch.manual_seed(seed)
        self.config, self.settings, self.seed = config, settings, seed
        self.model = WaveNet(config)
        self.validation = validation
        self.provenance, self._listens = provenance or {}, listen
        self._pieces = [piece for piece in train if piece.n_samples >= settings.crop_frames * config.hop]
        if not self._pieces:
            raise OrchestrionError(f"No training piece is as long as one crop ({settings.crop_frames * config.hop} samples).")
        lengths = np.array([piece.n_samples for piece in self._pieces], dtype=np.float64)
        self._shares = lengths / lengths.sum()

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """Crops ``[b, t]`` of levels before (noisy) and at (clean) each sample, and what the score says of them."""
        rng = np.random.default_rng((self.seed, step, rank))
        crops = [self._crop(rng) for _ in range(self.settings.batch_size)]
        return {name: torch.from_numpy(np.stack([crop[name] for crop in crops])) for name in crops[0]}

    def compile_parts(self) -> None:
        """The network's layers, one after the other."""
        self.model.compile_layers()

    def loss(self, model: WaveNet, batch: dict[str, Tensor]) -> Tensor:
        """Mean cross-entropy in nats a sample."""
        rows = None
        past, future = self.config.context_frames
        if self.config.conditioned:
            rows = model.conditioning_rows(batch["frames"])[:, past : batch["frames"].shape[1] - future]
        else:
            rows = model.conditioning_rows(None, self.settings.crop_frames, len(batch["levels"]))
        drive = model.drive(batch["excitation"]) if "excitation" in batch else None
        logits = model(batch["levels"], rows, drive)[:, SETTLE_FRAMES * self.config.hop :]
        return F.cross_entropy(logits.flatten(0, 1).float(), batch["targets"].flatten())

    def validate(self, model: WaveNet) -> dict[str, float]:
        """Bits/sample on held-out pieces with their own score and with another piece's; note accuracy free-running."""
        own = bits_per_sample(model, self.validation)
        result = {"loss": own, "bits_per_sample": own}
        if self.config.conditioned:
            others = [*self.validation[1:], self._pieces[0]]
            result["bits_per_sample_other_score"] = bits_per_sample(model, self.validation, scores=others)
            if self._listens and (heard := self._listen(model)) is not None:
                result["note_f1_50ms"] = heard
        return result

    def save(self, path: Path, model: WaveNet, metrics: dict[str, float]) -> None:
        """Write an instrument that ``renderer.instrument`` can load."""
        metadata = {"architecture": "wavenet", "config": self.config.to_dict(), "metrics": metrics} | self.provenance
        weights.save(path, model.state_dict(), metadata)

    def _listen(self, model: WaveNet) -> float | None:
        """Onset F1 (50 ms) of a held-out piece's opening, played free-running and transcribed.

        It is the first piece whose opening has notes that the transcriber knows; None where there is no such piece.
        """
        c = self.config
        for piece in self.validation:
            heard = [note for note in piece.notes if note.offset_s <= LISTEN_S and LOWEST <= note.pitch <= HIGHEST]
            if heard:
                n_frames = min(piece.series.n_frames, round(LISTEN_S * c.sample_rate / c.hop))
                (samples,) = generate(model, [piece.series.crop_frames(0, n_frames)], seed=self.seed)
                return note_accuracy(Waveform(samples, c.sample_rate), heard)["note_f1_50ms"]
        return None

    def _crop(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        c, s = self.config, self.settings
        piece = self._pieces[rng.choice(len(self._pieces), p=self._shares)]
        start = int(rng.integers(0, piece.n_samples // c.hop - s.crop_frames + 1))
        stop = start + s.crop_frames
        first = max(start * c.hop - 1, 0)
        samples = piece.samples(first, stop * c.hop)
        gain_db = s.gain_db or 0.0
        samples = samples * 10 ** (rng.uniform(-gain_db, gain_db) / 20) * (rng.choice((-1, 1)) if s.polarity else 1)
        if start == 0:
            samples = np.concatenate([np.zeros(1, dtype=samples.dtype), samples])
        rests = s.rest_share > 0 and rng.random() < s.rest_share
        louder = 1.0
        if rests:
            time_s = np.arange(len(samples)) / c.sample_rate
            samples = samples * 10 ** (-3 * time_s / rng.uniform(*DYING_S))
            louder = 10 ** (rng.uniform(0, LOUDER_DB) / 20)
        targets = encode(samples, c.levels)[1 + SETTLE_FRAMES * c.hop :]
        crop = {"levels": self._history(samples * louder, rng)[:-1], "targets": targets}
        if c.conditioned:
            past, future = c.context_frames
            crop["frames"] = frame_features(piece.series, c, start - past, stop + future) * (not rests)
        if c.harmonics:
            crop["excitation"] = excitation(piece.series, c, start, stop) * (not rests)
        return crop

    def _history(self, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Levels [t] of the past as the network hears it: at another gain in half of the crops, and jittered."""
        s, n_levels = self.settings, self.config.levels
        jitter = np.rint(rng.standard_normal(len(samples)) * rng.uniform(0, s.noise_levels)).astype(np.int64)
        if s.history_gain_db and rng.random() < 0.5:
            samples = samples * 10 ** (rng.uniform(-s.history_gain_db, s.history_gain_db) / 20)
        return np.clip(encode(samples, n_levels) + jitter, 0, n_levels - 1)
