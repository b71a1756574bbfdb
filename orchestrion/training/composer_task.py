"""Training a composer: crops of whole pieces, the masked likelihood, validation against the baselines' split."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import torch

from orchestrion import weights
from orchestrion.composer import voices
from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.form import packed, plan_of, untold
from orchestrion.composer.given import hidden_at_random, notes_chosen
from orchestrion.composer.likelihood import masked_mean, step_nll
from orchestrion.composer.network import Biaxial
from orchestrion.composer.scoring import score_pieces
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece, prepared, without_leaks
from orchestrion.errors import OrchestrionError
from orchestrion.training.keys import cut_to_notes

ARCHITECTURE = "biaxial-lstm"
TONIC_TOLD = 0.5
PLAN_TOLD = 0.7
PLANS_KEPT = 300
PLAYERS = {"quartets": voices.QUARTET}
"""By the corpus: whose parts its pieces are; a choir's otherwise."""


class ComposerTask:
    """The composer's side of the training loop: model, batches, loss, validation, saving.

    Args:
        config: sizes; pieces are moved to the plain key signature where it says so, and those out of range dropped.
        data: a corpus' name, a ``.mat`` file or a folder of scores.
        crop_steps, batch: a batch is ``batch`` crops of ``crop_steps`` steps that begin at bars.
        forget: this share of the notes is missing in the past as the network hears it (scheduled sampling's aim, Bengio et
            al. 2015, by noise: what is drawn lacks a note now and then, what is learnt from never does). The note is
            still to be played, with an attack, as the sampler gives one to every note after silence.
        transpose: each crop is moved by up to so many semitones either way, as far as the keys reach (0 for pieces that are
            moved to the plain key anyway).
        validation_pieces: how many held-out pieces ``validate`` scores (the first ones; None: all).

    Attributes:
        leaked: names of the training pieces left out because a held-out split holds the same notes, in whatever key.
    """

    def __init__(
        self,
        config: ComposerConfig,
        data: str,
        *,
        crop_steps: int = 128,
        batch: int = 8,
        forget: float = 0.0,
        transpose: int = 0,
        seed: int = 0,
        validation_pieces: int | None = None,
    ):
        torch.manual_seed(seed)
        self.model = Biaxial(config)
        self.config, self.data = config, str(data)
        self._crop_steps, self._batch, self._forget, self._seed = crop_steps, batch, forget, seed
        self._transpose = 0 if config.normalises_key else transpose
        held_out = [piece for split in ("validation", "test") for piece in self._held_out(split)]
        self._train, self.leaked = without_leaks(self._prepared("train"), held_out)
        self._validation = self._prepared("validation")[:validation_pieces]
        if self.leaked and not self._train:
            raise OrchestrionError(f"Every training piece of {data} is held out as well: nothing is left to learn from.")
        if not self._train or not self._validation:
            raise OrchestrionError(f"No piece of {data} fits the pitches {config.pitch_low}..{config.pitch_high}.")
        lengths = np.array([piece.n_steps for piece in self._train], dtype=float)
        self._chance = lengths / lengths.sum()

    def batch(self, step: int, rank: int = 0, world: int = 1) -> dict[str, torch.Tensor]:
        """Crops for one update: ``grid`` [b, s, p, 2], ``clock`` [b, s, w], ``before`` [b, p, 2], ``heard`` [b, s, p, 2], ``mask``
        [b, s]; ``memory`` [b, s, m, p, 2] and ``given`` [b, s, p, 3] where the network has such inputs; ``lowest`` [b]: p may be but
        the keys around the notes (`keys`)."""
        rng = np.random.default_rng([self._seed, step, rank, world])
        chosen = rng.choice(len(self._train), size=self._batch, p=self._chance)
        crops = [self._crop(self._moved(self._train[i], rng), rng) for i in chosen]
        crops = cut_to_notes(crops, np.random.default_rng([self._seed, step, rank, world, 1]))  # whatever was drawn for the crops
        return {key: torch.from_numpy(np.stack([crop[key] for crop in crops])) for key in crops[0]}

    def loss(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Mean NLL of a step in nats."""
        grid, given = batch["grid"], batch.get("given")
        logits = model(grid, batch["clock"], batch["before"], batch["heard"], batch.get("memory"), given, batch["lowest"])
        unknown = None if given is None else 1 - given[..., 0]
        return masked_mean(step_nll(logits, grid, unknown).total, batch["mask"])

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
            "left_out": self.leaked,
            "metrics": dict(metrics),
        }
        weights.save(path, model.state_dict(), metadata)

    @property
    def defaults(self) -> dict[str, object]:
        """What ``compose`` does unless told otherwise: no more notes at once than 99 % of the steps have, four parts where there
        mostly are four, and who plays them, learnt forms."""
        sounding = np.concatenate([piece.grid()[..., 0].sum(axis=1) for piece in self._train])
        most, usual = max(1, int(np.percentile(sounding, 99))), int(np.median(sounding))
        in_parts: dict[str, object] = {"voices": voices.N_PARTS} if most == usual == voices.N_PARTS else {}
        if self.data in PLAYERS:
            in_parts = {"voices": voices.N_PARTS, "ensemble": PLAYERS[self.data].name}
        return {"polyphony": most} | in_parts | self._learnt_forms()

    def _learnt_forms(self) -> dict[str, object]:
        """``plans`` of training pieces, ``finals``: how many end on each pitch class; where pieces are in the plain key."""
        if not self.config.normalises_key:
            return {}
        chosen = np.random.default_rng(self._seed).permutation(len(self._train))[:PLANS_KEPT]
        plans = [packed(plan_of(_from_first_whole_bar(self._train[i]), self._train[i].steps_per_bar)) for i in chosen]
        finals = [piece.tonic for piece in self._train if piece.tonic is not None]
        return {"plans": plans, "pickups": self._pickups(), "finals": np.bincount(finals, minlength=12).tolist()}

    def _pickups(self) -> dict[str, list[int]]:
        """By meter, how many training pieces have a pickup of 0, 1, … sixteenths."""
        counts: dict[str, list[int]] = {}
        for piece in self._train:
            first = min((onset for onset, _, _ in piece.notes), default=0)
            row = counts.setdefault(f"{piece.meter[0]}/{piece.meter[1]}", [0] * piece.steps_per_bar)
            row[-first % piece.steps_per_bar] += 1
        return counts

    def _held_out(self, split: str) -> list[CorpusPiece]:
        """A split; none where the data has no such split, as two of the polyphonic sets have no test pieces."""
        with suppress(OrchestrionError):
            return load_corpus(self.data, split)
        return []

    def _moved(self, piece: CorpusPiece, rng: np.random.Generator) -> CorpusPiece:
        """The piece moved by up to ``transpose`` semitones that leave it within the network's pitches."""
        if not self._transpose:
            return piece
        pitches = [pitch for _, _, pitch in piece.notes]
        down = min(self._transpose, min(pitches, default=127) - self.config.pitch_low)
        up = min(self._transpose, self.config.pitch_high - max(pitches, default=0))
        return piece.transposed(int(rng.integers(-down, up + 1)))

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
        told = rng.random() < PLAN_TOLD
        plan = plan_of(grid, piece.steps_per_bar) if told and self.config.hears_plan else untold(total // piece.steps_per_bar)
        clock = clock_rows(self.config, piece.meter, first, n, piece.n_until_end, tonic, plan.kinds, piece.has_pickup)
        crop = {"grid": inside, "clock": clock, "heard": heard, "mask": np.ones(n, dtype=np.float32)}
        if self.config.n_memories:
            crop["memory"] = memories(grid, self.config, piece.steps_per_bar, plan, first, n)
        if self.config.foresight:
            crop["given"] = hidden_at_random(inside, piece.steps_per_bar, rng)
        padded = {name: np.pad(values, ((0, missing), *[(0, 0)] * (values.ndim - 1))) for name, values in crop.items()}
        return padded | {"before": before}


def _from_first_whole_bar(piece: CorpusPiece) -> np.ndarray:
    return piece.grid()[piece.steps_per_bar if piece.has_pickup else 0 :]


def _without_some_notes(grid: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """``grid`` [s, p, 2] less ``share`` of its notes, each from its attack to its end."""
    missing = notes_chosen(grid, rng.random(grid.shape[:2]) < share)
    result: np.ndarray = grid * (~missing)[..., None].astype(grid.dtype)
    return result
