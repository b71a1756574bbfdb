"""Rounding of the last matrix to 8-bit integers so that its errors cancel in the logits.

Rounded weight by weight, this matrix alone cost the instruments 0.004 to 0.030 bits a sample, ten times as much as all other
matrices together. Two corrections reduce that to 0.000 to 0.005:

- The softmax ignores what all logits share, so the same number may be subtracted from all weights of a row.
- Each row's rounding error is compensated in the rows not yet rounded, in proportion to how hidden channels are correlated
  (Frantar, Ashkboos, Hoefler and Alistarh 2022, "GPTQ", algorithm 1). The correlations are estimated without recordings, from
  gates of independent noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from orchestrion.processors import single_threaded_torch

DRAWS = 2048
GATE_RMS = 0.3  # of the noise; from 0.1 to 0.6 the instruments lose no more
DAMPING = 0.05  # of the mean square
ROWS_AT_ONCE = 32
TINY = 1e-9


def rounded_out(tensors: Mapping[str, np.ndarray], greatest: int) -> tuple[np.ndarray, np.ndarray]:
    """The network's ``w_out [head, levels]`` as ``(whole, scale)``: whole numbers up to ``greatest``, and a scale a column.

    ``whole * scale`` gives the same softmax, not the same logits. ``tensors`` are named as in ``WaveNet.state_dict``.
    """
    # On one thread: others would go on waiting for work beside what plays next.
    with single_threaded_torch():
        w = torch.from_numpy(np.asarray(tensors["w_out"], dtype=np.float64))
        w = w - w.mean(1, keepdim=True)
        most = w.abs().amax(0)
        scale = torch.where(most > 0, most / greatest, 1.0).float()
        return _with_errors_made_good(w / scale, _together(tensors), greatest), scale.numpy()


def _together(tensors: Mapping[str, np.ndarray]) -> Tensor:
    """How the hidden channels sound together: their mean products ``[head, head]`` over gates of noise.

    Of which the skip sums are noise too, with the covariance of the skip weights.
    """
    w_skip, b_skip, w_head, b_head = (
        torch.from_numpy(np.asarray(tensors[name], dtype=np.float32)) for name in ("w_skip", "b_skip", "w_head", "b_head")
    )
    skips = w_skip.flatten(0, 1).double()
    covariance = GATE_RMS**2 * skips.T @ skips
    covariance += TINY * (1 + covariance.trace()) * torch.eye(len(covariance), dtype=torch.float64)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((DRAWS, len(covariance)), dtype=np.float32))
    skip = noise @ torch.linalg.cholesky(covariance).float().T + b_skip
    hidden = torch.relu(torch.relu(skip) @ w_head + b_head)
    products = (hidden.T @ hidden).double() / DRAWS
    if not products.isfinite().all():  # nothing a trained network has: every row is rounded for itself
        return torch.eye(len(products), dtype=torch.float64)
    mean_square = float(products.trace()) / len(products)
    return products + (DAMPING * mean_square if mean_square > 0 else 1.0) * torch.eye(len(products))


def _with_errors_made_good(w: Tensor, together: Tensor, greatest: int) -> np.ndarray:
    """``w [k, c]`` rounded to int64, the loudest rows first; the rows after each make good what it lost."""
    order = torch.argsort(together.diagonal(), descending=True, stable=True)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(together[order][:, order]))
    upper = torch.linalg.cholesky(inverse, upper=True)
    rest, whole = w[order].numpy(), np.empty(w.shape, dtype=np.int64)
    factors = upper.numpy()
    for start in range(0, len(w), ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, len(w))
        errors = np.empty((stop - start, w.shape[1]))
        for i in range(start, stop):
            rounded = np.clip(np.rint(rest[i]), -greatest, greatest)
            whole[order[i]] = rounded
            errors[i - start] = (rest[i] - rounded) / factors[i, i]
            rest[i + 1 : stop] -= np.outer(factors[i, i + 1 : stop], errors[i - start])
        rest[stop:] -= (upper[start:stop, stop:].T @ torch.from_numpy(errors)).numpy()
    return whole
