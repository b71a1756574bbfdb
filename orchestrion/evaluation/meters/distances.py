"""Distances between two sets of embeddings: Fréchet, and maximum mean discrepancy with a polynomial kernel.

Axes: n, m recordings' patches; d dimensions. Both are in the units of the embedding, so they compare systems measured
with the same embedding against the same recordings, and nothing else.
"""

from __future__ import annotations

import numpy as np

from orchestrion.errors import OrchestrionError

MOST_PATCHES = 4000


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Squared 2-Wasserstein distance of the Gaussians fitted to [n, d] and [m, d] (Heusel et al. 2017; Kilgour et al.
    2019).

    |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½). Biased upwards for few patches: equal sets have 0, but two draws from one
    source do not; compare sets of equal size only.

    Raises:
        OrchestrionError: fewer than two patches, or other dimensions.
    """
    _check(one, other)
    shift = one.mean(axis=0) - other.mean(axis=0)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = _root(first)
    # (Σ₁ Σ₂)^½ has the trace of the symmetric (Σ₁^½ Σ₂ Σ₁^½)^½, which is the one that can be computed stably.
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    return max(float(shift @ shift + np.trace(first) + np.trace(second) - 2 * shared), 0.0)


def kernel_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy, kernel (x·y/d + 1)³ (Bińkowski et al. 2018).

    Its mean over draws from one source is 0 whatever their size, so it can be slightly negative. Of sets of more than
    4,000 patches, evenly spaced ones are used.

    Raises:
        OrchestrionError: fewer than two patches, or other dimensions.
    """
    _check(one, other)
    one, other = _thinned(one), _thinned(other)
    n, m = len(one), len(other)
    within_one, within_other = _kernel(one, one), _kernel(other, other)
    return float(
        (within_one.sum() - np.trace(within_one)) / (n * (n - 1))
        + (within_other.sum() - np.trace(within_other)) / (m * (m - 1))
        - 2 * _kernel(one, other).mean()
    )


def _check(one: np.ndarray, other: np.ndarray) -> None:
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or min(len(one), len(other)) < 2:
        raise OrchestrionError(
            f"A distance needs two sets of at least two patches of one size; these are {one.shape} and {other.shape}."
        )


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray((one @ other.T / one.shape[1] + 1) ** 3)


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def _thinned(patches: np.ndarray) -> np.ndarray:
    return np.asarray(patches[np.linspace(0, len(patches) - 1, min(len(patches), MOST_PATCHES)).round().astype(int)])
