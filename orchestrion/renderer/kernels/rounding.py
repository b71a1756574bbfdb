"""Rounding the last matrix to whole numbers of 8 bits, so that its errors cancel in the logits.

Rounded weight by weight, it alone cost the instruments 0.004 to 0.030 bits a sample, ten times what all other matrices do
together. Two things make that 0.000 to 0.005: the same number may be taken from all weights of a row, since the softmax does
not see what all logits share; and each row's rounding error is made good in the rows not yet rounded, as far as hidden
channels sound together (the method of Frantar, Ashkboos, Hoefler and Alistarh 2022, "GPTQ", algorithm 1). How they do is
estimated without recordings, from gates of independent noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

DRAWS = 4096
GATE_RMS = 0.3  # of the noise; from 0.1 to 0.6 the instruments lose no more
DAMPING = 0.05  # of the mean square
ROWS_AT_ONCE = 32
TINY = 1e-9


def rounded_out(tensors: Mapping[str, np.ndarray], greatest: int) -> tuple[np.ndarray, np.ndarray]:
    """The network's ``w_out [head, levels]`` as ``(whole, scale)``: whole numbers up to ``greatest``, and a scale a column.

    ``whole * scale`` gives the same softmax, not the same logits. ``tensors`` are named as in ``WaveNet.state_dict``.
    """
    w = np.asarray(tensors["w_out"], dtype=np.float64)
    w = w - w.mean(axis=1, keepdims=True)
    most = np.abs(w).max(axis=0)
    scale = np.where(most > 0, most / greatest, 1).astype(np.float32)
    return _with_errors_made_good(w, scale.astype(np.float64), _together(tensors), greatest), scale


def _together(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """How the hidden channels sound together: their mean products ``[head, head]`` over gates of noise.

    Of which the skip sums are noise too, with the covariance of the skip weights.
    """
    t = {name: np.asarray(tensors[name], dtype=np.float32) for name in ("w_skip", "b_skip", "w_head", "b_head")}
    skips = t["w_skip"].reshape(-1, len(t["b_skip"])).astype(np.float64)
    covariance = GATE_RMS**2 * skips.T @ skips
    covariance += TINY * (1 + covariance.trace()) * np.eye(len(covariance))
    noise = np.random.default_rng(0).standard_normal((DRAWS, len(covariance)), dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.linalg.cholesky(covariance).astype(np.float32)
        skip = noise @ spread.T + t["b_skip"]
        hidden = np.maximum(np.maximum(skip, 0) @ t["w_head"] + t["b_head"], 0)
        products = (hidden.T @ hidden).astype(np.float64) / DRAWS
    if not np.isfinite(products).all():  # nothing a trained network has: every row is rounded for itself
        return np.eye(len(products))
    mean_square = products.trace() / len(products)
    damped: np.ndarray = products + (DAMPING * mean_square if mean_square > 0 else 1.0) * np.eye(len(products))
    return damped


def _with_errors_made_good(w: np.ndarray, scale: np.ndarray, together: np.ndarray, greatest: int) -> np.ndarray:
    """``w [k, c] / scale`` rounded, the loudest rows first; the rows after each make good what it lost."""
    order = np.argsort(-together.diagonal(), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(together[np.ix_(order, order)])).T
    rest, whole = w[order] / scale, np.empty(w.shape, dtype=np.int64)
    for start in range(0, len(w), ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, len(w))
        errors = np.empty((stop - start, w.shape[1]))
        for i in range(start, stop):
            rounded = np.clip(np.rint(rest[i]), -greatest, greatest)
            whole[order[i]] = rounded
            errors[i - start] = (rest[i] - rounded) / upper[i, i]
            rest[i + 1 : stop] -= np.outer(upper[i, i + 1 : stop], errors[i - start])
        rest[stop:] -= upper[start:stop, stop:].T @ errors
    return whole
