"""Training a composer: crops of whole pieces, the masked likelihood, validation against the baselines' split."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import torch

from orchestrion import weights
from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.features import clock_rows
from orchestrion.composer.likelihood import masked_mean, step_nll
from orchestrion.composer.network import Biaxial
from orchestrion.composer.scoring import score_pieces
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece, prepared
from orchestrion.errors import OrchestrionError

ARCHITECTURE = "biaxial-lstm"
TONIC_TOLD = 0.5


class ComposerTask:
    """The composer's side of the training loop: model, batches, loss, validation, saving.

    Args:
        config: sizes; pieces are moved to the plain key signature where it says so, and those out of range dropped.
        data: a corpus' name, a ``.mat`` file or a folder of scores.
        crop_steps, batch: a batch is ``batch`` crops of ``crop_steps`` steps that begin at bars.
        forget: this share of the notes is missing in the past as the network hears it (scheduled sampling's aim, Bengio et
            al. 2015, by noise: what is drawn lacks a note now and then, what is learnt from never does). The note is
            still to be played, with an attack, as the sampler gives one to every note after silence.
        validation_pieces: how many held-out pieces ``validate`` scores (the first ones; None: all).
    """

    def __init__(
        self,
        config: ComposerConfig,
        data: str,
        *,
        crop_steps: int = 128,
        batch: int = 8,
        forget: float = 0.0,
        seed: int = 0,
        validation_pieces: int | None = None,
    ):
        torch.manual_seed(seed)
        self.model = Biaxial(config)
        self.config, self.data = config, str(data)
        self._crop_steps, self._batch, self._forget, self._seed = crop_steps, batch, forget, seed
        self._train = self._prepared("train")
        self._validation = self._prepared("validation")[:validation_pieces]
        if not self._train or not self._validation:
            raise OrchestrionError(f"No piece of {data} fits the pitches {config.pitch_low}..{config.pitch_high}.")
        lengths = np.array([piece.n_steps for piece in self._train], dtype=float)
        self._chance = lengths / lengths.sum()

    def batch(self, step: int, rank: int = 0, world: int = 1) -> dict[str, torch.Tensor]:
        """Crops for one update: ``grid`` [b, s, p, 2], ``clock`` [b, s, w], ``before`` [b, p, 2], ``heard`` [b, s, p, 2], ``mask`` [b, s]."""
        rng = np.random.default_rng([self._seed, step, rank, world])
        chosen = rng.choice(len(self._train), size=self._batch, p=self._chance)
        crops = [self._crop(self._train[i], rng) for i in chosen]
        return {key: torch.from_numpy(np.stack([crop[key] for crop in crops])) for key in crops[0]}

    def loss(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Mean NLL of a step in nats."""
        logits = model(batch["grid"], batch["clock"], batch["before"], batch["heard"])
        return masked_mean(step_nll(logits, batch["grid"]).total, batch["mask"])

    def validate(self, model: torch.nn.Module) -> dict[str, float]:
        """Held-out NLL per step (``loss`` is the mean over steps), and that of playing alone, in nats."""
        nll = score_pieces(model, self._validation)
        return {
            "loss": nll["total"].frame_average,
            "nll_per_step": nll["total"].frame_average,
            "nll_per_step_sequence_average": nll["total"].sequence_average,
            "nll_per_step_play": nll["play"].frame_average,
        }

    def save(self, path: str | os.PathLike[str], model: torch.nn.Module, metrics: Mapping[str, float]) -> None:
        """Write weights with config, data and metrics in the header."""
        metadata = {
            "architecture": ARCHITECTURE,
            "config": self.config.to_dict(),
            "data": self.data,
            "defaults": self.defaults,
            "metrics": dict(metrics),
        }
        weights.save(path, model.state_dict(), metadata)

    @property
    def defaults(self) -> dict[str, object]:
        """What ``compose`` does unless told otherwise: no more notes at once than 99 % of the steps have."""
        sounding = np.concatenate([piece.grid()[..., 0].sum(axis=1) for piece in self._train])
        return {"polyphony": max(1, int(np.percentile(sounding, 99)))}

    def _prepared(self, split: str) -> list[CorpusPiece]:
        c = self.config
        return prepared(load_corpus(self.data, split), c.pitch_low, c.pitch_high, plain_key=c.normalises_key)

    def _crop(self, piece: CorpusPiece, rng: np.random.Generator) -> dict[str, np.ndarray]:
        total = piece.n_whole_steps
        last_bar = max(0, total - self._crop_steps + piece.steps_per_bar - 1) // piece.steps_per_bar
        first = int(rng.integers(last_bar + 1)) * piece.steps_per_bar
        grid = piece.grid_in(self.config.pitch_low, self.config.pitch_high, total)
        n = min(self._crop_steps, total - first)
        missing = self._crop_steps - n
        tonic = piece.tonic if rng.random() < TONIC_TOLD else None  # scoring and free writing do without it
        inside, before = grid[first : first + n], grid[first - 1] if first else np.zeros_like(grid[0])
        heard = _without_some_notes(inside, self._forget, rng) if self._forget else inside
        silent_before = np.concatenate([before[None], heard[:-1]])[..., 0] == 0
        inside = np.stack([inside[..., 0], np.where(silent_before, inside[..., 0], inside[..., 1])], axis=-1)
        padding = ((0, missing), (0, 0), (0, 0))
        return {
            "grid": np.pad(inside, padding),
            "clock": np.pad(clock_rows(self.config, piece.meter, first, n, total, tonic), padding[:2]),
            "before": before,
            "heard": np.pad(heard, padding),
            "mask": (np.arange(self._crop_steps) < n).astype(np.float32),
        }


def _without_some_notes(grid: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """``grid`` [s, p, 2] less ``share`` of its notes, each from its attack to its end."""
    steps = np.arange(len(grid))[:, None]
    attack = np.maximum.accumulate(np.where(grid[..., 1] > 0, steps, 0), axis=0)  # of the note that sounds, if one does
    kept = np.take_along_axis(rng.random(grid.shape[:2]) >= share, attack, axis=0)
    return grid * kept[..., None].astype(grid.dtype)
