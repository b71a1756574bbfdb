"""Bits per sample of recordings under a WaveNet, with their own score and with another piece's score.

A renderer that ignores its score has the same figure for both. For a mixture, bits are those of the 256 µ-law levels of the
emphasised signal. A driven network hears the source with computed phases, not with the recording's, and therefore scores worse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from orchestrion.bridge import ConditioningSeries
from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.progress import Advance
from orchestrion.renderer.features import Features
from orchestrion.renderer.network import WaveNet
from orchestrion.renderer.output import bits_of_levels

WINDOW_FRAMES = 160
SETTLE_FRAMES = 32  # the receptive field of 2,048 samples


@torch.no_grad()
def bits_per_sample(
    model: WaveNet,
    pieces: Sequence[AlignedPiece],
    *,
    scores: Sequence[AlignedPiece] | None = None,
    windows: int = 24,
    advance: Advance | None = None,
) -> float:
    """Mean negative log2 likelihood a sample, teacher-forced, over evenly spaced windows of ``pieces``.

    Args:
        scores: pieces whose scores stand in for those of ``pieces``, one each; None for their own.
        windows: windows of 160 frames (0.64 s) in all, shared out over the pieces; the first 32 frames of each fill the
            network's history and are not counted.
        advance: called with the share of the work done since its last call; 1 in all.
    """
    scores = pieces if scores is None else scores
    share = max(1, windows // len(pieces))
    chosen = [(piece, score, start) for piece, score in zip(pieces, scores, strict=True) for start in _starts(piece, model, share)]
    total = []
    for piece, score, start in chosen:
        total.append(_window_bits(model, piece, score, start))
        if advance is not None:
            advance(1 / len(chosen))
    return float(np.mean(total))


def _starts(piece: AlignedPiece, model: WaveNet, share: int) -> np.ndarray:
    last = piece.n_samples // model.config.hop - WINDOW_FRAMES
    return np.linspace(0, max(last, 0), share + 2, dtype=int)[1:-1]


def _window_bits(model: WaveNet, piece: AlignedPiece, score: AlignedPiece, start: int) -> float:
    c = model.config
    first, last = start * c.hop, min(start + WINDOW_FRAMES, piece.n_samples // c.hop) * c.hop
    before = float(piece.samples(first - 1, first)[0]) if first else 0.0
    codes = c.coding.encode(piece.samples(first, last), before)
    given = torch.from_numpy(np.concatenate([[c.coding.silence], codes[:-1]]))[None].to(model.b_skip.device)
    heard = conditioning_of(model, score.series, start, last // c.hop)
    settled = SETTLE_FRAMES * c.hop
    raw = model(given, heard.rows, heard.drive)[0, settled:]
    target = torch.from_numpy(codes)[settled:].to(raw.device)
    if c.mixtures:
        return float(bits_of_levels(raw, model.centre(heard.signal, given.shape)[0, settled:], target).mean())
    return float(F.cross_entropy(raw, target)) / math.log(2)


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """What a network is given of a score.

    Args:
        rows: ``[1, f, layers, 2 * residual]``.
        signal: see `Features.signal`, with a batch axis before; None without one.
        drive: ``[1, t, residual]``; None without a signal.
    """

    rows: torch.Tensor
    signal: torch.Tensor | None
    drive: torch.Tensor | None


def conditioning_of(model: WaveNet, series: ConditioningSeries, start: int, stop: int) -> Conditioning:
    """Of frames ``start..stop`` of ``series``, on the model's device."""
    c, device = model.config, model.b_skip.device
    if not c.conditioned:
        return Conditioning(model.conditioning_rows(None, stop - start), None, None)
    past, future = c.context_frames
    features = Features(series, c, model.source)
    frames = torch.from_numpy(features.frames(start - past, stop + future))[None].to(device)
    rows = model.conditioning_rows(frames)[:, past : frames.shape[1] - future]
    found = features.signal(start, stop)
    signal = None if found is None else torch.from_numpy(found)[None].to(device)
    return Conditioning(rows, signal, None if signal is None else model.drive(signal))
