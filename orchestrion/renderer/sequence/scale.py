"""How loud training audio is: the time-domain generators divide by it, since the paper does not say what they did."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

QUIETEST = 1e-4


def measured_level(clips: Iterable[Tensor]) -> float:
    """RMS over ``clips``, each ``[b, t]``, at least that of the last bit of 16."""
    power, n_samples = 0.0, 0
    for clip in clips:
        power += float(clip.double().square().sum())
        n_samples += clip.numel()
    return max((power / max(n_samples, 1)) ** 0.5, QUIETEST)
