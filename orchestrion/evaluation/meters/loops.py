"""Does a generator repeat itself in a loop?

Nayebi and Vitelli (2015) saw their networks fall into loops, sooner with shorter seeds, and found about three times the seed's length
safe. Here audio loops if its log-mel spectrogram S equals itself a fixed lag L earlier. The difference |S[n] - S[n - L]| is averaged
over bands, weighted towards loud ones, and over the longer of L and half a second. It must stay below a tolerance for at least two
more periods and three seconds.

Two exceptions. A held note decays and is no loop; so for short L the same is asked at the next multiple of L above 1.5 s. Frames that
are silent at both ends of the lag do not count; silence has its own meter.

Players who repeat a bar differ by more than 3 dB a band. A sequencer does not: for its music the meter tells that there is a loop, not
whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.evaluation.meters.mel import log_mel

HOP_S = 0.016
N_BANDS = 48
RANGE_DB, SILENT_DB = 40.0, -80.0
SEED_MULTIPLES = (1, 3, 6)


@dataclass(frozen=True, slots=True)
class Loop:
    """``start_s``: when the first repetition begins, seconds; ``period_s``; ``end_s``; ``difference_db`` a band."""

    start_s: float
    period_s: float
    end_s: float
    difference_db: float


@dataclass(frozen=True, slots=True)
class LoopMeter:
    """The earliest loop, or none; see `measure_loops`."""

    loop: Loop | None
    duration_s: float

    @property
    def found(self) -> bool:
        return self.loop is not None

    def within(self, seed_s: float, multiples: Sequence[int] = SEED_MULTIPLES) -> dict[int, bool | None]:
        """Whether it had begun to loop by each multiple of the seed's length; None where the audio ends before."""
        reached = {k: k * seed_s <= self.duration_s for k in multiples}
        return {k: _by(self.loop, k * seed_s) or (False if reached[k] else None) for k in multiples}


def measure_loops(
    audio: Waveform,
    *,
    shortest_s: float = 0.08,
    longest_s: float = 8.0,
    least_s: float = 3.0,
    tolerance_db: float = 3.0,
) -> LoopMeter:
    """The loop that begins first in ``audio``, without the seed that it continues.

    Args:
        shortest_s, longest_s: the periods looked for, seconds.
        least_s: how long it must go on, seconds, besides two periods.
        tolerance_db: greatest mean difference of a band between a loop and its repetition.
    """
    levels = log_mel(audio, N_BANDS, hop_s=HOP_S)
    # Levels further below the loudest band are dominated by noise, in which no two repetitions agree.
    floor_db = max(float(levels.max()) - RANGE_DB, SILENT_DB)
    above = np.maximum(levels - floor_db, 0.0)
    longest = min(round(longest_s / HOP_S), len(above) // 3)
    found = [
        loop
        for lag in range(max(1, round(shortest_s / HOP_S)), longest + 1)
        if (loop := _loop_at(above, lag, round(least_s / HOP_S), tolerance_db)) is not None
    ]
    # Multiples of a period begin later, by a period each.
    return LoopMeter(min(found, key=lambda loop: (loop.start_s, loop.period_s), default=None), audio.duration_s)


def _by(loop: Loop | None, time_s: float) -> bool:
    return loop is not None and loop.start_s <= time_s


def _loop_at(above: np.ndarray, lag: int, least: int, tolerance_db: float) -> Loop | None:
    alike, difference = _alike(above, lag, tolerance_db)
    whole = -(-round(1.5 / HOP_S) // lag) * lag
    if alike.any() and whole > lag and whole < len(above):
        further, _ = _alike(above, whole, tolerance_db)
        # What begins here must be there `whole` later, too.
        alike[: len(further)] &= further
    first, last = _first_run(alike, max(2 * lag, least))
    if first is None:
        return None
    first -= _earlier(difference[max(0, first - max(lag, least)) : first], tolerance_db)
    mean_db = float(difference[first:last].mean())
    return Loop((first + lag) * HOP_S, lag * HOP_S, (last + lag) * HOP_S, mean_db)


def _earlier(difference: np.ndarray, tolerance_db: float) -> int:
    """How many of the last frames are alike, taken together: what the running mean has smeared is undone."""
    means = np.cumsum(difference[::-1]) / np.arange(1, len(difference) + 1)
    return int(np.flatnonzero(means < tolerance_db).max(initial=-1)) + 1


def _alike(above: np.ndarray, lag: int, tolerance_db: float) -> tuple[np.ndarray, np.ndarray]:
    """Which frames from ``lag`` on repeat those before them, and by how much they differ, both [n - lag]."""
    # A band counts for as much as it stands out of silence in the louder of both frames.
    weight = np.maximum(above[lag:], above[:-lag])
    total = weight.sum(axis=1)
    difference = (weight * np.abs(above[lag:] - above[:-lag])).sum(axis=1) / np.maximum(total, 1e-6)
    counts = (total > 0).astype(np.float64)
    width = max(lag, round(0.5 / HOP_S))
    summed, counted = _running_sum(difference * counts, width), _running_sum(counts, width)
    mean = np.where(counted > width / 4, summed / np.maximum(counted, 1), np.inf)
    return mean < tolerance_db, difference


def _running_sum(values: np.ndarray, width: int) -> np.ndarray:
    """Over the ``width`` values around each (fewer at the ends)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(at - width // 2, 0), np.minimum(at + (width + 1) // 2, len(values))
    return np.asarray(sums[high] - sums[low])


def _first_run(flags: np.ndarray, least: int) -> tuple[int | None, int]:
    """First and one past the last of the first run of at least ``least`` True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        if last - first >= least:
            return int(first), int(last)
    return None, 0
