"""Does a generator play back what it was trained on?

Windows of the audio are correlated with all of the training audio at every lag; the greatest normalised correlation is
1 for a copy, whatever its level or sign. Notes of one pitch on one instrument are alike as well, so a window is two
seconds long, and figures belong beside ``by_chance``: what a held-out recording of the same kind scores.

Correlations are by FFT over pieces of the training audio that overlap by a window, so memory stays flat however long it
is; both sides are brought to 4 kHz first, where nearly all energy of music lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from orchestrion.bridge import Waveform
from orchestrion.errors import OrchestrionError

SAMPLE_RATE = 4000
WINDOW_S, HOP_S = 2.0, 1.0
PIECE = 1 << 17
# Correlations are looked up between samples too: a copy need not begin on one of 4 kHz.
FINER = 2
COPIED = 0.9
# Windows this far below the loudest are background.
QUIET_DB = 40.0


@dataclass(frozen=True, slots=True)
class CopyMeter:
    """``correlation``: the greatest, 0 to 1; where in the audio (``at_s``), in which recording (its number, from 0) and
    where in that (``source_s``); ``share``: of the windows, those copied; ``by_chance``: see `measure_copying`."""

    correlation: float
    at_s: float
    source: int
    source_s: float
    share: float
    by_chance: float | None

    @property
    def found(self) -> bool:
        # Halfway between what chance gives and 1 where chance comes near to the threshold.
        limit = COPIED if self.by_chance is None else max(COPIED, (1 + self.by_chance) / 2)
        return self.correlation > limit


def measure_copying(
    audio: Waveform,
    training: Iterable[Waveform],
    *,
    by_chance: float | None = None,
    advance: Callable[[float], None] | None = None,
) -> CopyMeter:
    """The greatest correlation of any two seconds of ``audio`` with the ``training`` recordings.

    Args:
        by_chance: the correlation that this finds for a held-out recording.
        advance: told the seconds of training audio done, for a progress bar.

    Raises:
        OrchestrionError: no training recording.
    """
    windows, starts = _windows(_low(audio))
    best = np.zeros(len(windows))
    place = np.zeros((len(windows), 2))
    n_recordings = 0
    for number, recording in enumerate(training):
        n_recordings += 1
        for start, piece in _pieces(_low(recording), windows.shape[1]):
            found, at = _greatest(windows, piece)
            better = found > best
            best[better] = found[better]
            place[better] = np.stack([np.full(len(at), number), (start + at) / SAMPLE_RATE], axis=1)[better]
        if advance is not None:
            advance(recording.duration_s)
    if not n_recordings:
        raise OrchestrionError("Copying is measured against training recordings; there are none.")
    first = int(best.argmax())
    share = float((best > COPIED).mean())
    return CopyMeter(
        float(best[first]),
        starts[first] / SAMPLE_RATE,
        int(place[first, 0]),
        float(place[first, 1]),
        share,
        by_chance,
    )


def _low(audio: Waveform) -> np.ndarray:
    return audio.resample(SAMPLE_RATE).samples


def _windows(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows [w, t] scaled to norm 1, and their first samples; quiet ones are left out, but for the loudest."""
    size = min(len(samples), round(WINDOW_S * SAMPLE_RATE))
    starts = np.arange(0, len(samples) - size + 1, round(HOP_S * SAMPLE_RATE))
    windows = np.stack([samples[start : start + size] for start in starts]).astype(np.float64)
    norms = np.linalg.norm(windows, axis=1)
    kept = norms >= norms.max() * 10 ** (-QUIET_DB / 20)
    return windows[kept] / np.maximum(norms[kept], 1e-9)[:, None], starts[kept]


def _pieces(samples: np.ndarray, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """(first sample, piece) such that every stretch of ``size`` samples lies in one piece."""
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    step = PIECE - size + 1
    for start in range(0, len(padded) - size + 1, step):
        yield start, padded[start : start + PIECE].astype(np.float64)


def _greatest(windows: np.ndarray, piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Greatest |correlation| of each window [w] in the piece, and at which sample [w]."""
    size = windows.shape[1]
    n_lags = len(piece) - size + 1
    spectrum = np.fft.rfft(piece, PIECE)
    energy = np.concatenate([[0.0], np.cumsum(np.square(piece))])
    norms = np.sqrt(np.maximum(energy[size:] - energy[:-size], 0))
    # Next to silence the quotient means nothing.
    scale = np.where(norms > 1e-3 * max(norms.max(), 1e-6), 1 / np.maximum(norms, 1e-9), 0.0)
    best, at = np.empty(len(windows)), np.empty(len(windows), dtype=int)
    # One window at a time: that is what bounds the memory.
    for i, window in enumerate(windows):
        product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, PIECE)), FINER * PIECE)[: FINER * n_lags]
        likeness = FINER * np.abs(product) * np.repeat(scale, FINER)
        peak = int(likeness.argmax())
        at[i], best[i] = peak // FINER, _summit(likeness, peak)
    return np.minimum(best, 1.0), at


def _summit(values: np.ndarray, peak: int) -> float:
    """The top of the parabola through a maximum and its neighbours."""
    if not 0 < peak < len(values) - 1:
        return float(values[peak])
    left, centre, right = (float(value) for value in values[peak - 1 : peak + 2])
    bend = 2 * centre - left - right
    return centre + (right - left) ** 2 / (8 * bend) if bend > 0 else centre
