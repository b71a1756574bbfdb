"""Form and cadences of a piano roll [s, p, 2] whose first step begins a bar: what is heard again, and how it ends."""

from __future__ import annotations

import numpy as np

from orchestrion.composer.cadence import is_triad, last_attack, strong_steps
from orchestrion.score.keys import pitch_classes

STEPS_PER_BEAT = 4
# How well each pitch class fits a key, from its tonic on (Krumhansl and Kessler 1982).
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def rhythm_repetition(grid: np.ndarray, bar_steps: int) -> float:
    """Share of bars whose attacks fall as in an earlier bar of the piece."""
    rhythms = [grid[start : start + bar_steps, :, 1].any(axis=1).tobytes() for start in range(0, len(grid) - bar_steps + 1, bar_steps)]
    return 1 - len(set(rhythms)) / len(rhythms) if rhythms else 0.0


def tonic(grid: np.ndarray, pitch_low: int) -> int:
    """The tonic of the key, of all 24, whose profile the durations of the pitch classes correlate with most."""
    durations = np.roll(pitch_classes(grid[..., 0].sum(axis=0)), pitch_low % 12)
    fits = {
        (key, name): np.corrcoef(np.roll(profile, key), durations)[0, 1]
        for key in range(12)
        for name, profile in (("major", MAJOR_PROFILE), ("minor", MINOR_PROFILE))
    }
    return max(fits, key=lambda key: fits[key])[0] if np.ptp(durations) > 0 else int(durations.argmax())


def ends_on_tonic(grid: np.ndarray, pitch_low: int) -> float:
    """1 where the lowest of the last notes is the tonic of the piece's key."""
    last = last_attack(grid)
    if last is None:
        return 0.0
    lowest = int(np.flatnonzero(grid[last, :, 0])[0]) + pitch_low
    return float(lowest % 12 == tonic(grid, pitch_low))


def ends_strongly(grid: np.ndarray, meter: tuple[int, int]) -> float:
    """1 where the last attack stands on a strong beat, or its note lasts a beat or more."""
    last = last_attack(grid)
    if last is None:
        return 0.0
    held = int(grid[last:, :, 0].any(axis=1).sum())
    return float(last % (meter[0] * 16 // meter[1]) in strong_steps(meter) or held >= STEPS_PER_BEAT)


def ends_in_last_bar(grid: np.ndarray, bar_steps: int) -> float:
    """1 where something sounds in the last bar."""
    return float(grid[-bar_steps:, :, 0].any())


def final_triad(grid: np.ndarray, pitch_low: int) -> float:
    """1 where the last notes are a major or minor triad in root position."""
    last = last_attack(grid)
    return float(last is not None and is_triad(np.flatnonzero(grid[last, :, 0]) + pitch_low))
