"""Voice-leading errors in four parts (`composer.voices`), as a teacher of harmony would mark them.

All functions take the parts as MIDI numbers [s, 4], soprano first, -1 for silence. A change is a step in which any part has
another pitch.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from orchestrion.composer.voices import CHOIR, SILENT, FourParts

FIFTH, OCTAVE = 7, 0
WIDE = 12  # semitones
CONSONANT = frozenset({0, 3, 4, 7, 8, 9})
BEAT = 4


def parallels(voices: np.ndarray, interval: int) -> float:
    """Parallel fifths (`FIFTH`) or octaves (`OCTAVE`) a hundred changes: both parts move, and stay that far apart modulo octaves."""
    chords = changes(voices)
    if len(chords) < 2:
        return 0.0
    found = 0
    for upper, lower in combinations(range(voices.shape[1]), 2):
        apart, moved = (chords[:, upper] - chords[:, lower]) % 12, np.diff(chords[:, [upper, lower]], axis=0) != 0
        different = chords[:-1, upper] != chords[:-1, lower]  # a shared note is no octave
        found += int(((apart[:-1] == interval) & (apart[1:] == interval) & moved.all(axis=1) & different).sum())
    return 100.0 * found / (len(chords) - 1)


def consonance(voices: np.ndarray) -> float:
    """Share of beats on which every part is consonant with the bass."""
    beats = voices[::BEAT]
    beats = beats[(beats != SILENT).all(axis=1)]
    intervals = (beats - beats[:, -1:]) % 12
    return float(np.isin(intervals, list(CONSONANT)).all(axis=1).mean()) if len(beats) else 0.0


def leaps(voices: np.ndarray) -> float:
    """Leaps of more than an octave in any part, a hundred changes."""
    chords = changes(voices)
    return 100.0 * float((np.abs(np.diff(chords, axis=0)) > WIDE).sum()) / max(1, len(chords) - 1)


def in_range(voices: np.ndarray, ensemble: FourParts = CHOIR) -> float:
    """Share of the steps of all parts that lie in the part's range."""
    low, high = np.array(ensemble.ranges).T
    sounding = voices != SILENT
    return float((((voices >= low) & (voices <= high)) | ~sounding).mean())


def leading_notes(voices: np.ndarray, tonic: int) -> float:
    """Share of the leading notes before a change to a chord on the tonic that rise to it; 1 where there are none."""
    chords = changes(voices)
    before, after = chords[:-1], chords[1:]
    leading = (before % 12 == (tonic - 1) % 12) & (after[:, -1:] % 12 == tonic)
    return float((after - before == 1)[leading].mean()) if leading.any() else 1.0


def changes(voices: np.ndarray) -> np.ndarray:
    """The chords [n, 4], each once for as long as it stands; steps in which a part rests are left out."""
    whole: np.ndarray = voices[(voices != SILENT).all(axis=1)]
    new = (np.diff(whole, axis=0) != 0).any(axis=1)
    return whole[:1] if len(whole) < 2 else whole[np.concatenate([[True], new])]
