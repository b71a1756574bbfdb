"""Bits/sample of recordings under a WaveNet, with their own score or with another piece's.

The second number is the check that the first cannot give: a renderer that ignores its score has both alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.renderer.features import excitation, frame_features
from orchestrion.renderer.mulaw import encode, silence_level
from orchestrion.renderer.network import WaveNet

WINDOW_FRAMES = 160
SETTLE_FRAMES = 32  # the receptive field of 2,048 samples


@torch.no_grad()
def bits_per_sample(
    model: WaveNet, pieces: Sequence[AlignedPiece], *, scores: Sequence[AlignedPiece] | None = None, windows: int = 24
) -> float:
    """Mean negative log2 likelihood a sample, teacher-forced, over evenly spaced windows of ``pieces``.

    Args:
        scores: pieces whose scores stand in for those of ``pieces``, one each; None for their own.
        windows: windows of 160 frames (0.64 s) in all, shared out over the pieces; the first 32 frames of each fill the
            network's history and are not counted.
    """
    scores = pieces if scores is None else scores
    share = max(1, windows // len(pieces))
    total = [_window_bits(model, p, s, start) for p, s in zip(pieces, scores, strict=True) for start in _starts(p, model, share)]
    return float(np.mean(total))


def _starts(piece: AlignedPiece, model: WaveNet, share: int) -> np.ndarray:
    last = piece.n_samples // model.config.hop - WINDOW_FRAMES
    return np.linspace(0, max(last, 0), share + 2, dtype=int)[1:-1]


def _window_bits(model: WaveNet, piece: AlignedPiece, score: AlignedPiece, start: int) -> float:
    c = model.config
    stop = min(start + WINDOW_FRAMES, piece.n_samples // c.hop)
    levels = encode(piece.samples(start * c.hop, stop * c.hop), c.levels)
    before = np.concatenate([[silence_level(c.levels)], levels[:-1]])
    rows, source = conditioning_of(model, score.series, start, stop)
    logits = model(torch.from_numpy(before)[None], rows, source)[0, SETTLE_FRAMES * c.hop :]
    nats = F.cross_entropy(logits, torch.from_numpy(levels)[SETTLE_FRAMES * c.hop :])
    return float(nats) / np.log(2)


def conditioning_of(model: WaveNet, series, start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Rows ``[1, f, layers, 2 * residual]`` and excitation ``[1, t, 2 * harmonics]`` of frames ``start..stop``."""
    c = model.config
    if not c.conditioned:
        return model.conditioning_rows(None, stop - start), None
    past, future = c.context_frames
    frames = torch.from_numpy(frame_features(series, c, start - past, stop + future))[None]
    rows = model.conditioning_rows(frames)[:, past : frames.shape[1] - future]
    source = torch.from_numpy(excitation(series, c, start, stop))[None] if c.harmonics else None
    return rows, source
