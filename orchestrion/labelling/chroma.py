"""Features for aligning a score to a recording: chroma, and chroma onsets.

After Ewert, Müller and Grosche 2009 (High resolution audio synchronization using chroma onset features): normalised
chroma makes the alignment robust, decaying locally adaptive normalised chroma onsets (DLNCO) make it sharp. The paper
computes both from a bank of filters; here they come from the transcriber's spectral decomposition
(`evaluation.judge.salience`), which has assigned partials to their fundamentals. A thirteenth class is silence, so that
a rest before the piece finds the rest in the score.

Axes: n frames of 20 ms; k features, 13 of chroma and 12 of onsets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d

from orchestrion.evaluation.judge.salience import LOWEST, N_PITCHES
from orchestrion.score import Note
from orchestrion.score.keys import pitch_classes

FRAME_S = 0.02
ONSET_WEIGHT = 1.0
DECAY_FRAMES = 8  # over which an onset fades (the paper's 10 frames of 20 ms, by square roots)
NEIGHBOURHOOD = 26  # frames on either side that an onset is normalised by: half a second
SILENT_DB = -45.0
NOTE_DECAY_S = 0.8  # in which a note of the score sinks to 1/e; bowed ones hold, struck ones sink
PRESENCE = 0.02


def of_salience(sounding: np.ndarray, beginning: np.ndarray) -> np.ndarray:
    """Features [n, 25] of salience [2n, 88] in frames of 10 ms: see `evaluation.judge.salience.Salience`."""
    sound, begin = _pairs(sounding).mean(axis=1), _pairs(beginning).max(axis=1)
    power = sound.sum(axis=1)
    silent = power < np.percentile(power, 98) * 10 ** (SILENT_DB / 20)
    sharp = begin * (begin >= maximum_filter1d(begin, 3, axis=0))
    return _features(pitch_classes(np.sqrt(sound)), silent, pitch_classes(np.sqrt(sharp)))


def of_notes(notes: Sequence[Note], duration_s: float) -> np.ndarray:
    """Features [n, 25] of a score that lasts ``duration_s``; notes outside 21 to 108 are left out."""
    n = int(duration_s / FRAME_S) + 1
    sound, begin = np.zeros((n, N_PITCHES)), np.zeros((n, N_PITCHES))
    for note in notes:
        if LOWEST <= note.pitch < LOWEST + N_PITCHES:
            first = min(int(note.onset_s / FRAME_S), n - 1)
            last = min(max(int(note.offset_s / FRAME_S), first + 1), n)
            curve = np.exp(-np.arange(last - first) * FRAME_S / NOTE_DECAY_S)
            row = sound[first:last, note.pitch - LOWEST]
            np.maximum(row, curve, out=row)
            begin[first, note.pitch - LOWEST] = 1.0
    return _features(pitch_classes(sound), sound.sum(axis=1) == 0, pitch_classes(begin))


def _features(chroma: np.ndarray, silent: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    chroma = np.where(silent[:, None], 0.0, chroma)
    whole = np.concatenate([chroma, silent[:, None].astype(float)], axis=1)
    length = np.linalg.norm(whole, axis=1, keepdims=True)
    whole = np.where(length > 0, whole / np.maximum(length, 1e-9), 1 / np.sqrt(whole.shape[1]))
    return np.concatenate([whole, ONSET_WEIGHT * _decaying(onsets)], axis=1).astype(np.float32)


def _decaying(onsets: np.ndarray) -> np.ndarray:
    """DLNCO: each frame over the largest norm near it, then the largest of the faded frames before (section 2.2)."""
    norms = np.linalg.norm(onsets, axis=1)
    near = maximum_filter1d(norms, 2 * NEIGHBOURHOOD + 1)
    adapted = onsets / np.maximum(near, PRESENCE * norms.max(initial=0.0) + 1e-9)[:, None]
    faded: np.ndarray = adapted.copy()
    for delay in range(1, DECAY_FRAMES):
        np.maximum(faded[delay:], adapted[:-delay] * np.sqrt(1 - delay / DECAY_FRAMES), out=faded[delay:])
    return faded


def _pairs(curves: np.ndarray) -> np.ndarray:
    padded = np.pad(curves, ((0, len(curves) % 2), (0, 0)), mode="edge")
    return padded.reshape(-1, 2, curves.shape[1])
