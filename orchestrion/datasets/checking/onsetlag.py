"""Lag of notes against the attacks in their recording.

For every lag, the onset strength of the recording (`flux`) is averaged over all note onsets moved by that lag. Where
notes and sound agree, the average is largest at a lag of 0, or in an even rhythm hardly larger a note further. Thresholds are set on MAPS, whose notes come from the
instrument itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.datasets.checking.flux import FRAME_S, onset_strength
from orchestrion.score import Note

REACH_S = 0.4
FEWEST_ONSETS = 20
TOLERANCE_S = 0.05
AS_HIGH = 0.9  # over the mean of all lags, of the highest average
# Flux peaks so long after a note begins (Disklavier, close microphones).
FLUX_DELAY_S = 0.01
SMOOTHING = np.array([0.25, 0.5, 0.25])


@dataclass(frozen=True, slots=True)
class OnsetLag:
    """By how much notes come after their sound.

    Args:
        lag_s: seconds, to 10 ms; positive where the notes are late, negative where they are early.
        clarity: how far the average stands out at that lag against all lags, in standard deviations; from 3 on the lag
            can be believed, below that notes and sound have little in common (or the attacks are soft).
    """

    lag_s: float
    clarity: float

    @property
    def is_off(self) -> bool:
        """Whether the notes surely lie elsewhere than the sound: clear, and by more than 50 ms."""
        return self.clarity >= 3.0 and abs(self.lag_s) > TOLERANCE_S


def onset_lag(samples: np.ndarray, notes: Sequence[Note]) -> OnsetLag | None:
    """The lag of ``notes`` against audio (float32 [t] at 16 kHz); None for fewer than 20 onsets within it."""
    strength = np.convolve(np.minimum(onset_strength(samples), 2.0), SMOOTHING, mode="same")
    reach = round(REACH_S / FRAME_S)
    frames = np.unique([round((note.onset_s + FLUX_DELAY_S) / FRAME_S) for note in notes]).astype(int)
    frames = frames[(frames >= reach) & (frames < len(strength) - reach)]
    if len(frames) < FEWEST_ONSETS:
        return None
    lags = np.arange(-reach, reach + 1)
    averages = strength[frames[:, None] + lags].mean(axis=0)
    best, near = int(averages.argmax()), np.flatnonzero(np.abs(lags) * FRAME_S <= TOLERANCE_S)
    nearest = int(near[averages[near].argmax()])
    if averages[nearest] - averages.mean() >= AS_HIGH * (averages[best] - averages.mean()):
        best = nearest
    elsewhere = averages[np.abs(lags - lags[best]) > 5]
    clarity = (averages[best] - elsewhere.mean()) / max(float(elsewhere.std()), 1e-9)
    return OnsetLag(float(-lags[best] * FRAME_S), float(clarity))
