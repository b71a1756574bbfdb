"""How much louder than its surroundings a pianist strikes a note: a linear model, learnt from performances.

The coefficients are least squares (``benchmarks/fit_expression.py``) over the 53,563 notes of 33 performances of MAPS (Emiya, Badeau,
David 2010; velocities as the Disklavier played them). On the two performances kept out they explain 35 % of how velocities
differ from the mean of the four seconds to either side; over those they were fitted to, each left out once, 26 % on average.
Where bars stand is not known there, so metrical accents are not learnt (`expression`).
"""

from __future__ import annotations

import numpy as np

AROUND_S = 4.0
CHORD_S = 0.035
SHORTEST_S, LONGEST_S, USUAL_S = 0.06, 2.0, 0.25
FEATURES = ("semitones above the mean of those around", "highest of those that sound", "doublings of the time to the next attack", "other notes of the chord")
COEFFICIENTS = (0.27, 6.46, 0.42, 0.69)
"""Of MIDI velocity, one a feature."""


def features(onset_s: np.ndarray, offset_s: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """`FEATURES` [n, 4] of notes in the order of their onsets; those that begin within `CHORD_S` of the one before are a chord."""
    new = np.diff(onset_s, prepend=-np.inf) > CHORD_S
    chord = np.cumsum(new) - 1
    times = onset_s[new]
    gaps = np.diff(times, append=times[-1] + 2 * USUAL_S)
    low, high = np.searchsorted(onset_s, times - AROUND_S), np.searchsorted(onset_s, times + AROUND_S)
    sums = np.concatenate([[0.0], np.cumsum(pitch)])
    mean = (sums[high] - sums[low]) / (high - low)
    sizes = np.bincount(chord)
    longer = np.log2(np.clip(gaps, SHORTEST_S, LONGEST_S) / USUAL_S)
    columns = [pitch - mean[chord], _is_highest(onset_s, offset_s, pitch, chord), longer[chord], sizes[chord] - 1]
    found: np.ndarray = np.stack(columns, axis=1).astype(float)
    return found


def louder(onset_s: np.ndarray, offset_s: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """What is added to the velocities [n] of notes in the order of their onsets: nothing on average."""
    found: np.ndarray = features(onset_s, offset_s, pitch) @ np.array(COEFFICIENTS)
    found -= found.mean()
    return found


def _is_highest(onset_s: np.ndarray, offset_s: np.ndarray, pitch: np.ndarray, chord: np.ndarray) -> np.ndarray:
    """Whether nothing higher sounds when a note begins, its own chord included."""
    highest = np.zeros(len(pitch), dtype=bool)
    sounding: list[int] = []
    first = 0
    for last in [*np.flatnonzero(np.diff(chord)), len(pitch) - 1]:
        here = range(first, int(last) + 1)
        sounding = [i for i in sounding if offset_s[i] > onset_s[first] + 0.01] + list(here)
        top = max(pitch[i] for i in sounding)
        highest[list(here)] = pitch[list(here)] >= top
        first = int(last) + 1
    return highest
