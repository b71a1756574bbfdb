"""Moves aligned onsets to where their pitches begin in the recording.

Warping is good to a few frames of 20 ms. The transcriber's onset candidates (`evaluation.onset_candidates`) and its network
say where a pitch may begin, how probable that is and when exactly, whatever the score says; here the score says which
of them to believe. Notes without a candidate near go along with their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from orchestrion.evaluation.judge import onset_candidates
from orchestrion.evaluation.judge.salience import DEFAULT, LOWEST, Salience
from orchestrion.evaluation.judge.transcription import shipped_classifier
from orchestrion.score import Note

REACH_S = 0.15
SPREAD_S = 0.05  # standard deviation of an aligned onset around the true one
LEAST_PROBABILITY = 0.05
NEIGHBOURS = 15  # notes on either side whose median shift is taken for those without a candidate
SHORTEST_S = 0.02


def sharpened(notes: Sequence[Note], found: Salience) -> list[Note]:
    """``notes``, sorted, each at its best candidate within 150 ms; offsets move only where a note would be too short."""
    if not notes:
        return []
    shifts = _shifts(notes, found)
    settled = np.isfinite(shifts)
    smooth = [_median_near(shifts, settled, i) for i in range(len(notes))]
    return [_moved(note, shift if ok else near) for note, shift, ok, near in zip(notes, shifts, settled, smooth, strict=True)]


def _shifts(notes: Sequence[Note], found: Salience) -> np.ndarray:
    """Seconds [notes] to the best candidate of each note, NaN where there is none; two notes never take the same one."""
    candidates = onset_candidates.find_candidates(found)
    shifts = np.full(len(notes), np.nan)
    if not len(candidates.frame):
        return shifts
    probability, shift = shipped_classifier()(candidates.features)
    onset_s = (candidates.frame + shift) * DEFAULT.frame_s
    pairs = []
    for pitch in {note.pitch for note in notes}:
        mine = np.array([i for i, note in enumerate(notes) if note.pitch == pitch])
        theirs = np.flatnonzero((candidates.pitch == pitch - LOWEST) & (probability >= LEAST_PROBABILITY))
        pairs += _pairs(notes, mine, theirs, onset_s, probability)
    taken: set[int] = set()
    for _, i, j in sorted(pairs, reverse=True):
        if np.isnan(shifts[i]) and j not in taken:
            taken.add(j)
            shifts[i] = onset_s[j] - notes[i].onset_s
    return shifts


def _pairs(
    notes: Sequence[Note], mine: np.ndarray, theirs: np.ndarray, onset_s: np.ndarray, probability: np.ndarray
) -> list[tuple[float, int, int]]:
    """(score, note, candidate) of all within reach; the score is the candidate's probability times the alignment's."""
    pairs = []
    order = theirs[np.argsort(onset_s[theirs], kind="stable")]
    times = onset_s[order]
    for i in mine:
        low, high = np.searchsorted(times, (notes[i].onset_s - REACH_S, notes[i].onset_s + REACH_S))
        for j in order[low:high]:
            near = np.exp(-0.5 * ((onset_s[j] - notes[i].onset_s) / SPREAD_S) ** 2)
            pairs.append((float(probability[j] * near), int(i), int(j)))
    return pairs


def _median_near(shifts: np.ndarray, settled: np.ndarray, i: int) -> float:
    near = slice(max(i - NEIGHBOURS, 0), i + NEIGHBOURS + 1)
    return float(np.median(shifts[near][settled[near]])) if settled[near].any() else 0.0


def _moved(note: Note, shift_s: float) -> Note:
    onset_s = max(note.onset_s + shift_s, 0.0)
    return replace(note, onset_s=onset_s, offset_s=max(note.offset_s, onset_s + SHORTEST_S))
