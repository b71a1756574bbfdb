"""Corrects false fundamentals that a period finder such as pYIN reports in chords.

Two strings a fifth apart have a common period, that of the note an octave below the lower one, whose partials 2, 3, 4,
6, 8 and 9 they play; a fourth apart they play 3, 4, 6, 8 and 9, thirds 4, 5, 6 and 8. What is missing is partial 1, and 5
or 7. A single note has partial 1, or where a small microphone has lost it, both of the others: in 99.5 % of the rightly
found frames of violins, cello, piano and flute they lie within 22 dB of the strongest partial, in chords typically 38 dB
below it.
"""

from __future__ import annotations

import numpy as np

from orchestrion.datasets.checking.flux import SAMPLE_RATE, frames_of
from orchestrion.labelling.pitchtrack import PitchTrack

WINDOW = 2048  # 128 ms: tells partials from 40 Hz on apart
PARTIALS = 8
MISSING_DB = -25.0
PRESENT_DB = -15.0
BLOCK_FRAMES = 1000


def without_phantoms(track: PitchTrack, samples: np.ndarray) -> PitchTrack:
    """``track`` of ``samples`` [t] with each phantom moved up to its lowest strong partial: a note that does sound."""
    hz = track.hz.copy()
    for first in range(0, len(hz), BLOCK_FRAMES):
        block = slice(first, min(first + BLOCK_FRAMES, len(hz)))
        voiced = np.flatnonzero(track.voiced[block])
        if len(voiced):
            spectra = _spectra(samples, first, block.stop - first)[voiced]
            hz[first + voiced] *= _lowest_played(_levels_db(spectra, hz[first + voiced]))
    return PitchTrack(hz, track.voiced)


def _lowest_played(levels_db: np.ndarray) -> np.ndarray:
    """1 for notes, for phantoms the number of the lowest strong partial; levels [n, partials] below the strongest."""
    telling = np.maximum(levels_db[:, 0], np.minimum(levels_db[:, 4], levels_db[:, 6]))
    lowest = 1 + (levels_db > PRESENT_DB).argmax(axis=1)
    return np.where(telling < MISSING_DB, lowest, 1)


def _spectra(samples: np.ndarray, first: int, n: int) -> np.ndarray:
    frames = frames_of(samples, WINDOW, first, n) * np.hanning(WINDOW).astype(np.float32)
    return np.abs(np.fft.rfft(frames, axis=1))


def _levels_db(spectra: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """Levels [n, partials] of the partials of ``hz`` [n], in dB below the strongest of each frame."""
    bins = hz[:, None] * np.arange(1, PARTIALS + 1) * WINDOW / SAMPLE_RATE
    near = np.rint(bins[:, :, None]).astype(int) + np.arange(-2, 3)
    inside = near < spectra.shape[1]
    found = spectra[np.arange(len(hz))[:, None, None], np.where(inside, near, 0)]
    levels = 20 * np.log10(np.where(inside, found, 0.0).max(axis=2) + 1e-9)
    return np.asarray(levels - levels.max(axis=1, keepdims=True))
