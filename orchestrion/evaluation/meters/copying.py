"""Does a generator play back its training data?

Windows of the audio are correlated with all of the training audio at every lag. The largest normalised correlation is 1 for a copy,
whatever its level or sign. Single notes of one instrument are alike, so a window is two seconds long, and the figures belong beside
``by_chance``: the score of a held-out recording of the same kind.

Both sides are first brought to 4 kHz, where nearly all energy of music lies. Correlations are by FFT over pieces of the training audio
that overlap by a window, so memory is constant. The best matches are then refined between samples, since a copy need not begin on
a sample of 4 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import irfft, rfft

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError

SAMPLE_RATE = 4000
WINDOW_S, HOP_S = 2.0, 1.0
PIECE = 1 << 17
COPIED = 0.9
# Windows this far below the loudest are background.
QUIET_DB = 40.0
# Places looked at again, with so many steps a sample and so many samples to either side.
N_BEST, FINER, AROUND = 4, 8, 4
# Windows searched for at once; their spectra take half a MiB each.
MOST_WINDOWS = 192


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


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Two seconds scaled to norm 1, where they begin, and of which clip they are."""

    samples: np.ndarray
    start: int
    clip: int


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A likeness, in which recording, from which sample, and the audio there with `AROUND` samples to either side."""

    likeness: float
    recording: int
    start: int
    audio: np.ndarray


def measure_copying(
    clips: Sequence[Waveform],
    training: Callable[[], Iterable[Waveform]],
    *,
    by_chance: float | None = None,
    advance: Callable[[float], None] | None = None,
) -> tuple[CopyMeter, ...]:
    """The greatest correlation of two seconds of each of ``clips`` with the training recordings.

    The training recordings are read as seldom as memory allows.

    Args:
        training: hands out the recordings, one by one, from the first.
        by_chance: the correlation that this finds for a held-out recording.
        advance: told the seconds of training audio done times the share of the clips, so that all add up to the
            seconds of the training audio.

    Raises:
        OrchestrionError: no training recording.
    """
    windows = [window for number, clip in enumerate(clips) for window in _windows(_low(clip), number)]
    best: list[_Place] = []
    for first in range(0, len(windows), MOST_WINDOWS):
        group = windows[first : first + MOST_WINDOWS]
        best += _search(group, training(), len(group) / len(windows), advance)
    return tuple(_meter(number, windows, best, by_chance) for number in range(len(clips)))


def _meter(number: int, windows: Sequence[_Window], best: Sequence[_Place], by_chance: float | None) -> CopyMeter:
    own = [i for i, window in enumerate(windows) if window.clip == number]
    at = max(own, key=lambda i: best[i].likeness)
    share = float(np.mean([best[i].likeness > COPIED for i in own]))
    place = best[at]
    return CopyMeter(
        place.likeness, windows[at].start / SAMPLE_RATE, place.recording, place.start / SAMPLE_RATE, share, by_chance
    )


def _search(
    windows: Sequence[_Window], training: Iterable[Waveform], share: float, advance: Callable[[float], None] | None
) -> list[_Place]:
    """The best place of each window, refined."""
    sizes = {len(window.samples) for window in windows}
    spectra = [np.conj(rfft(window.samples, PIECE)) for window in windows]
    found: list[list[_Place]] = [[] for _ in windows]
    n_recordings = 0
    for number, recording in enumerate(training):
        n_recordings += 1
        low = _low(recording)
        for size in sizes:
            for start, piece in _pieces(low, size):
                _look(piece, start, number, low, size, windows, spectra, found)
        if advance is not None:
            advance(recording.duration_s * share)
    if not n_recordings:
        raise OrchestrionError("Copying is measured against training recordings; there are none.")
    return [
        max((_refined(window, place) for place in places), key=lambda place: place.likeness)
        for window, places in zip(windows, found, strict=True)
    ]


def _look(
    piece: np.ndarray, start: int, number: int, low: np.ndarray, size: int, windows: Sequence[_Window],
    spectra: Sequence[np.ndarray], found: list[list[_Place]],
) -> None:  # fmt: skip
    """Add the best place in one piece to what was ``found`` for each window of ``size`` samples."""
    n_lags = len(piece) - size + 1
    spectrum = rfft(piece, PIECE)
    scale = _scale(piece, size)
    for i, window in enumerate(windows):
        if len(window.samples) != size:
            continue
        # One window at a time: that is what bounds the memory.
        likeness = np.abs(irfft(spectrum * spectra[i], PIECE)[:n_lags]) * scale
        at = int(likeness.argmax())
        if len(found[i]) < N_BEST or likeness[at] > found[i][-1].likeness:
            place = _Place(float(likeness[at]), number, start + at, _around(low, start + at, size))
            found[i] = sorted([*found[i], place], key=lambda known: -known.likeness)[:N_BEST]


def _scale(piece: np.ndarray, size: int) -> np.ndarray:
    """One over the norm of every stretch of ``size`` samples; 0 next to silence, where the quotient means nothing."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(piece, dtype=np.float64))])
    norms = np.sqrt(np.maximum(energy[size:] - energy[:-size], 0))
    return np.where(norms > 1e-3 * max(norms.max(), 1e-6), 1 / np.maximum(norms, 1e-9), 0.0).astype(np.float32)


def _around(samples: np.ndarray, start: int, size: int) -> np.ndarray:
    """``samples`` from `AROUND` before ``start`` to `AROUND` after its ``size``, with silence beyond the ends."""
    first, last = start - AROUND, start + size + AROUND
    inside = samples[max(first, 0) : last]
    return np.pad(inside, (max(0, -first), last - first - len(inside) - max(0, -first)))


def _refined(window: _Window, place: _Place) -> _Place:
    """The greatest likeness at any eighth of a sample within `AROUND` samples of a place."""
    size = len(window.samples)
    n = 1 << (size + 2 * AROUND - 1).bit_length()
    product = irfft(
        rfft(place.audio.astype(np.float64), n) * np.conj(rfft(window.samples.astype(np.float64), n)), FINER * n
    )
    scale = np.repeat(_scale(place.audio, size).astype(np.float64), FINER)
    likeness = FINER * np.abs(product[: len(scale)]) * scale
    at = int(likeness.argmax())
    return replace(place, likeness=min(float(likeness[at]), 1.0), start=place.start - AROUND + at // FINER)


def _low(audio: Waveform) -> np.ndarray:
    return audio.resample(SAMPLE_RATE).samples


def _windows(samples: np.ndarray, clip: int) -> list[_Window]:
    """Windows of a clip; quiet ones are left out, but for the loudest."""
    size = min(len(samples), round(WINDOW_S * SAMPLE_RATE))
    starts = range(0, len(samples) - size + 1, round(HOP_S * SAMPLE_RATE))
    norms = [float(np.linalg.norm(samples[start : start + size])) for start in starts]
    least = max(norms) * 10 ** (-QUIET_DB / 20)
    return [
        _Window(samples[start : start + size] / np.float32(max(norm, 1e-9)), start, clip)
        for start, norm in zip(starts, norms, strict=True)
        if norm >= least
    ]


def _pieces(samples: np.ndarray, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """(first sample, piece) such that every stretch of ``size`` samples lies in one piece."""
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    for start in range(0, len(padded) - size + 1, PIECE - size + 1):
        yield start, padded[start : start + PIECE]
