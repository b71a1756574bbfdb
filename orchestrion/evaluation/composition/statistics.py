"""Measures of a piano roll that tell writing from noodling: entropy, polyphony, silence, repetition, copying.

All take a grid [s, p, 2] in 0/1 (sounding, articulated) whose first step begins a bar.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from orchestrion.score import PianoRoll, Score

WINDOW_STEPS = 16
STEPS_PER_BEAT = 4
# Odd constants of two 64-bit hashes: one number a (pitch, kind), one base for the place in the window.
_SEED, _BASE = 20_170_419, np.uint64(0x9E3779B97F4A7C15)


def statistics(score: Score) -> dict[str, float]:
    """The five measures of a score's pitched parts together, on a grid of sixteenths from its first beat.

    ``pitch_class_entropy`` in bits, ``polyphony`` in notes, ``empty_beat_rate`` and ``repetition`` as shares, ``notes_per_beat``.
    """
    roll = PianoRoll.from_score(score.with_drums_removed(), STEPS_PER_BEAT)
    return measures(roll.grid, 0, roll.meter)


def measures(grid: np.ndarray, pitch_low: int, meter: tuple[int, int]) -> dict[str, float]:
    """The five measures by name."""
    return {
        "pitch_class_entropy": pitch_class_entropy(grid, pitch_low),
        "polyphony": polyphony(grid),
        "empty_beat_rate": empty_beat_rate(grid),
        "notes_per_beat": notes_per_beat(grid),
        "repetition": repetition(grid, meter[0] * 4 * STEPS_PER_BEAT // meter[1]),
    }


def pitch_class_entropy(grid: np.ndarray, pitch_low: int) -> float:
    """Bits; of the classes of attacked notes (0: one class, 3.58: all twelve alike)."""
    attacks = grid[..., 1].sum(axis=0)
    classes = np.bincount((np.arange(grid.shape[1]) + pitch_low) % 12, weights=attacks, minlength=12)
    shares = classes[classes > 0] / max(classes.sum(), 1)
    return float(-(shares * np.log2(shares)).sum())


def polyphony(grid: np.ndarray) -> float:
    """Mean number of notes in the steps where any sounds; 0 for silence."""
    sounding = grid[..., 0].sum(axis=1)
    return float(sounding[sounding > 0].mean()) if sounding.any() else 0.0


def empty_beat_rate(grid: np.ndarray, steps_per_beat: int = STEPS_PER_BEAT) -> float:
    """Share of beats in which nothing sounds."""
    n = len(grid) // steps_per_beat * steps_per_beat
    beats = grid[:n, :, 0].reshape(-1, steps_per_beat * grid.shape[1])
    return float(1 - beats.any(axis=1).mean()) if n else 0.0


def notes_per_beat(grid: np.ndarray, steps_per_beat: int = STEPS_PER_BEAT) -> float:
    """Attacks a quarter note."""
    return float(grid[..., 1].sum() / max(len(grid) / steps_per_beat, 1))


def repetition(grid: np.ndarray, steps_per_bar: int) -> float:
    """Share of bars that equal an earlier bar of the piece (same pitches, same rhythm)."""
    starts = range(0, len(grid) - steps_per_bar + 1, steps_per_bar)
    different = {grid[start : start + steps_per_bar].tobytes() for start in starts}
    return 1 - len(different) / len(starts) if starts else 0.0


def window_hashes(grid: np.ndarray, steps: int = WINDOW_STEPS) -> np.ndarray:
    """A 64-bit hash of every window of ``steps`` steps with at least four attacks: uint64 [n]."""
    if len(grid) < steps:
        return np.zeros(0, dtype=np.uint64)
    names = np.random.default_rng(_SEED).integers(0, 2**63, size=(256,), dtype=np.uint64)[: 2 * grid.shape[1]]
    flat = grid.reshape(len(grid), -1).astype(np.uint64)
    rows = (flat * names).sum(axis=1, dtype=np.uint64)
    n = len(grid) - steps + 1
    hashes = np.zeros(n, dtype=np.uint64)
    for i in range(steps):
        hashes = hashes * _BASE + rows[i : i + n]
    attacks = np.convolve(grid[..., 1].sum(axis=1), np.ones(steps), mode="valid")
    return hashes[attacks >= 4]


def copied_share(grid: np.ndarray, known: np.ndarray, steps: int = WINDOW_STEPS) -> float:
    """Share of the windows of ``grid`` that are among the sorted hashes ``known``."""
    hashes = window_hashes(grid, steps)
    return float(np.isin(hashes, known).mean()) if len(hashes) else 0.0


def known_windows(grids: Iterable[np.ndarray], steps: int = WINDOW_STEPS) -> np.ndarray:
    """The distinct window hashes of a training set, sorted."""
    return np.unique(np.concatenate([window_hashes(grid, steps) for grid in grids]))
