"""Whether written pieces can be told from real ones by their statistics: a logistic regression, cross-validated."""

from __future__ import annotations

import numpy as np

FOLDS, RIDGE, NEWTON_STEPS = 5, 1.0, 25


def told_apart(written: np.ndarray, real: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Accuracy and F1 (of "written") on pieces not learnt from, both classes weighed alike; .5 and below: they cannot be told.

    Args:
        written, real: statistics [n, k], a piece a row.
    """
    x = np.concatenate([written, real])
    y = np.concatenate([np.ones(len(written)), np.zeros(len(real))])
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    weights = np.where(y == 1, 0.5 / max(1, len(written)), 0.5 / max(1, len(real))) * len(x)
    fold = np.random.default_rng(seed).permutation(len(x)) % FOLDS
    guessed = np.zeros(len(x), dtype=bool)
    for held_out in range(FOLDS):
        learnt = fold != held_out
        guessed[~learnt] = x[~learnt] @ fit(x[learnt], y[learnt], weights[learnt]) > 0
    right = guessed == (y == 1)
    hits, false_alarms = (weights * (guessed & (y == 1))).sum(), (weights * (guessed & (y == 0))).sum()
    misses = (weights * (~guessed & (y == 1))).sum()
    return {
        "accuracy": float((weights * right).sum() / weights.sum()),
        "f1": float(2 * hits / max(2 * hits + false_alarms + misses, 1e-9)),
    }


def fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients [k] of a ridge-penalised logistic regression, by Newton's method; the last column of ``x`` is not penalised."""
    penalty = np.full(x.shape[1], RIDGE)
    penalty[-1] = 1e-6
    w = np.zeros(x.shape[1])
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        slope = x.T @ (weights * (y - p)) - penalty * w
        curvature = (x * (weights * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        w = w + np.linalg.solve(curvature, slope)
    return w
