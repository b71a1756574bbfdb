"""Finds stretches of audio that are silent under notes, or clipped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrion.score import Note

BLOCK_S = 0.1
# 16-bit noise of one level has -90 dB; a quiet room recorded well has -70.
SILENCE_DB = -80.0
SHORTEST_SILENCE_S = 1.0
CLIP_RUN = 4
CLIPS = 3
MOST_SHOWN = 5


def silent(samples: np.ndarray, rate: int, notes: Sequence[Note]) -> list[str]:
    """Stretches of at least a second without sound although a note has just begun in them.

    A string under the pedal may have died away: only the first half second of a note is expected to sound.
    """
    quiet = _block_levels_db(samples, rate) < SILENCE_DB
    attacked = np.zeros(len(quiet), dtype=bool)
    for note in notes:
        first = int(note.onset_s / BLOCK_S) + 1
        attacked[first : first + max(1, int(min(note.duration_s, 0.5) / BLOCK_S))] = True
    return [
        _span(start, stop, BLOCK_S)
        for start, stop in runs(quiet)
        if (stop - start) * BLOCK_S >= SHORTEST_SILENCE_S and attacked[start:stop].any()
    ][:MOST_SHOWN]


def clipped(samples: np.ndarray, rate: int) -> list[str]:
    """Stretches in which the waveform is cut off flat: several runs of samples that all stand at the recording's peak.

    A recording that was clipped and turned down later is found too; one that touches its peak once is not.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < 0.1:
        return []
    flat = [(start, stop) for start, stop in runs(np.abs(samples) >= peak - 2 / 32768) if stop - start >= CLIP_RUN]
    if len(flat) < CLIPS:
        return []
    seconds = sorted({start // rate for start, _ in flat})
    joined = runs(np.isin(np.arange(seconds[-1] + 1), seconds))
    return [_span(start, stop, 1.0) for start, stop in joined][:MOST_SHOWN]


def _block_levels_db(samples: np.ndarray, rate: int) -> np.ndarray:
    size = round(BLOCK_S * rate)
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    return np.asarray(10 * np.log10(np.square(blocks, dtype=np.float64).mean(axis=1) + 1e-12))


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Half-open intervals in which ``flags`` [n] are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _span(start: int, stop: int, unit_s: float) -> str:
    return f"{start * unit_s:.1f} to {stop * unit_s:.1f} s"
