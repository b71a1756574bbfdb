"""Coupled training, the future work of Manzelli et al. 2018: the renderer's likelihood reaches the composer's weights.

    past notes ─▶ composer ─▶ logits ─▶ relaxed, straight-through roll [step, pitch] ─▶ frames ─▶ frozen renderer ─▶ NLL of the audio
                     ▲                                                                                     │
                     └──────────────────────────────── gradient ───────────────────────────────────────────┘

A cell of the roll is drawn as 0 or 1 and has the gradient of a binary concrete variable (Maddison, Mnih & Teh 2017; Jang, Gu & Poole
2017). A step is an eighth of a second, whatever the tempo: the composer writes on the clock of the recordings.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.features import clock_rows
from orchestrion.composer.likelihood import step_nll
from orchestrion.composer.network import Biaxial
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.progress import Advance
from orchestrion.renderer.network import WaveNet
from orchestrion.score import Part, PianoRoll, Score, Tempo

STEPS_PER_SECOND = 8  # sixteenths at 120 a minute
METER = (4, 4)
N_STEPS = 32  # of a passage; the audio of its last `HEARD_STEPS` is scored
HEARD_STEPS = 4
TEMPERATURE = 0.5  # of the relaxation
RATE, CLIP = 1e-3, 1.0
PITCHES = 128
SIZES = ComposerConfig(pitch_low=21, pitch_high=108, time_sizes=(64,), note_sizes=(32,), raw_position=False, vicinity_wraps=False, dropout=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """``N_STEPS`` steps of a recording, and its audio in the last of them.

    Args:
        grid: ``[1, s, p, 2]`` in 0/1; ``before``: ``[1, p, 2]``, the step before; ``clock``: ``[1, s, w]``.
        codes: ``[1, t]``, the sample before each one of the audio; ``targets``: ``[t]``.
        steps: ``[f]``, the step of the passage in which each frame of the audio lies.
    """

    grid: Tensor
    before: Tensor
    clock: Tensor
    codes: Tensor
    targets: Tensor
    steps: Tensor


class Passages:
    """Passages of recordings with notes, for a composer and a renderer."""

    def __init__(self, pieces: Sequence[AlignedPiece], renderer: WaveNet):
        self._renderer = renderer
        c = SIZES
        self._known: list[tuple[AlignedPiece, np.ndarray]] = []
        for piece in pieces:
            score = Score((Part(piece.name, 0, piece.notes),), tempos=(Tempo(0.0, 60.0 * STEPS_PER_SECOND / 4),))
            roll = CorpusPiece.from_roll(PianoRoll.from_score(score), piece.name)
            n_steps = int(piece.duration_s * STEPS_PER_SECOND)
            if n_steps > N_STEPS:
                self._known.append((piece, roll.grid_in(c.pitch_low, c.pitch_high, n_steps)))

    def __len__(self) -> int:
        return sum(len(grid) // N_STEPS for _, grid in self._known)

    def drawn(self, rng: np.random.Generator) -> Passage:
        """A passage from anywhere."""
        piece, grid = self._known[int(rng.integers(len(self._known)))]
        return self._passage(piece, grid, int(rng.integers(len(grid) - N_STEPS)) + 1)

    def spread(self, n: int) -> list[Passage]:
        """So many passages, evenly spaced over all pieces."""
        share = max(1, n // len(self._known))
        starts = [(piece, grid, int(at)) for piece, grid in self._known for at in np.linspace(1, len(grid) - N_STEPS, share + 2)[1:-1]]
        return [self._passage(*start) for start in starts]

    def _passage(self, piece: AlignedPiece, grid: np.ndarray, start: int) -> Passage:
        c = self._renderer.config
        first_s, stop_s = ((start + step) / STEPS_PER_SECOND for step in (N_STEPS - HEARD_STEPS, N_STEPS))
        first, stop = (math.ceil(at * c.sample_rate / c.hop - 0.5) for at in (first_s, stop_s))
        # A frame belongs to the step in which its middle lies.
        steps = (2 * np.arange(first, stop) + 1) * c.hop * STEPS_PER_SECOND // (2 * c.sample_rate) - start
        samples = piece.samples(first * c.hop - 1, stop * c.hop)
        codes = torch.from_numpy(c.coding.encode(samples).astype(np.int64))
        clock = clock_rows(SIZES, METER, start, N_STEPS, len(grid))
        return Passage(
            torch.from_numpy(grid[start : start + N_STEPS])[None], torch.from_numpy(grid[start - 1])[None], torch.from_numpy(clock)[None],
            codes[None, :-1], codes[1:], torch.from_numpy(steps),
        )  # fmt: skip


def relaxed(logits: Tensor, rng: torch.Generator) -> Tensor:
    """0 or 1 of ``logits``, drawn, with the gradient of the binary concrete variable that it is rounded from."""
    u = torch.rand(logits.shape, generator=rng).clamp(1e-6, 1 - 1e-6)
    soft = torch.sigmoid((logits + torch.log(u) - torch.log1p(-u)) / TEMPERATURE)
    return (soft > 0.5).to(soft) + (soft - soft.detach())


def audio_nll(renderer: WaveNet, passage: Passage, roll: Tensor) -> Tensor:
    """Nats a sample of the passage's audio given ``roll`` [s, p]; its first step fills the network's history."""
    c = renderer.config
    full = F.pad(roll, (SIZES.pitch_low, PITCHES - 1 - SIZES.pitch_high))[:, c.pitch_low : c.pitch_high + 1]
    rows = renderer.conditioning_rows(full[passage.steps][None])
    settled = len(passage.targets) // HEARD_STEPS
    raw = renderer(passage.codes, rows)[0, settled:]
    return F.cross_entropy(raw.float(), passage.targets[settled:])


def composer_logits(composer: Biaxial, passage: Passage) -> Tensor:
    """``[1, s, p, 2]`` given all earlier steps, and the lower notes of each."""
    result: Tensor = composer(passage.grid, passage.clock, passage.before)
    return result


def score_nll(logits: Tensor, passage: Passage) -> Tensor:
    """Nats a step of the passage's notes."""
    return step_nll(logits, passage.grid).total.mean()


def train(
    composer: Biaxial, renderer: WaveNet, passages: Passages, steps: int, *, notes: bool, audio: bool, seed: int, advance: Advance
) -> Biaxial:
    """A copy of ``composer`` after so many updates by the likelihood of the notes, by that of the audio, or by both.

    Of both, either gradient has the same length (norm) before they are added: a second of audio has 16,000 terms and its score
    eight, and the sum of the plain likelihoods would be that of the audio.
    """
    trained = copy.deepcopy(composer).train()
    optimizer = torch.optim.Adam(trained.parameters(), lr=RATE)
    draws, chance = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    weights = list(trained.parameters())
    for _ in range(steps):
        passage = passages.drawn(draws)
        logits = composer_logits(trained, passage)
        losses = [score_nll(logits, passage)] if notes else []
        losses += [audio_nll(renderer, passage, relaxed(logits[0, ..., 0], chance))] if audio else []
        gradients = [torch.autograd.grad(loss, weights, retain_graph=len(losses) > 1, allow_unused=True) for loss in losses]
        total = [torch.zeros_like(weight) for weight in weights]
        for each in gradients:
            known = [g for g in each if g is not None]
            length = float(torch.sqrt(sum((g.square().sum() for g in known), torch.zeros(()))))
            scale = CLIP / max(length, 1e-12) / len(losses) if len(losses) > 1 else min(1.0, CLIP / max(length, 1e-12))
            for target, g in zip(total, each, strict=True):
                if g is not None:
                    target += scale * g
        for weight, gradient in zip(weights, total, strict=True):
            weight.grad = gradient
        optimizer.step()
        advance()
    return trained.eval()


@dataclass(frozen=True, slots=True)
class Measured:
    """Of held-out passages.

    Args:
        notes: nats a step of their notes.
        audio: bits a sample of their audio given rolls that the composer draws from their past.
    """

    notes: float
    audio: float


@torch.no_grad()
def measure(composer: Biaxial, renderer: WaveNet, passages: Sequence[Passage], seed: int) -> Measured:
    """Of one composer."""
    chance = torch.Generator().manual_seed(seed)
    notes, audio = [], []
    for passage in passages:
        logits = composer_logits(composer, passage)
        notes.append(float(score_nll(logits, passage)))
        audio.append(float(audio_nll(renderer, passage, relaxed(logits[0, ..., 0], chance))))
    return Measured(float(np.mean(notes)), float(np.mean(audio)) / math.log(2))


@torch.no_grad()
def bits_given(renderer: WaveNet, passages: Sequence[Passage], roll_of: Callable[[int], Tensor]) -> float:
    """Bits a sample of the passages' audio given some roll of each, by its number."""
    return float(np.mean([float(audio_nll(renderer, passage, roll_of(n))) for n, passage in enumerate(passages)])) / math.log(2)


def direction(composer: Biaxial, renderer: WaveNet, passages: Sequence[Passage], seed: int) -> tuple[float, float]:
    """Of the cells of the roll on which the audio's likelihood depends: for what share of (those that sound, those that do not) its
    gradient asks for what is true. Chance is one half."""
    chance = torch.Generator().manual_seed(seed)
    right: dict[bool, list[float]] = {True: [], False: []}
    for passage in passages:
        with torch.no_grad():
            logits = composer_logits(composer, passage)[0, ..., 0]
        cells = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(audio_nll(renderer, passage, relaxed(cells, chance)), [cells])
        heard = gradient != 0
        sounds = passage.grid[0, ..., 0] > 0
        right[True] += (gradient[heard & sounds] < 0).tolist()
        right[False] += (gradient[heard & ~sounds] > 0).tolist()
    sounding, silent = (float(np.mean(right[which])) if right[which] else 0.5 for which in (True, False))
    return sounding, silent
