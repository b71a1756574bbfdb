"""Distance between rendered audio and the same notes on the real instrument: level, spectrum, noise.

The reference is the same score played from the instrument's own recordings (``datasets.banks.mixing``) or by a synthesiser. All
measures are in dB; lower is nearer. They ignore phase: two performances of a note that differ in phase only are equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.score import Note

WINDOW_S, HOP_S, N_BANDS = 0.0427, 0.0107, 40
LOWEST_HZ, HIGHEST_HZ = 47.0, 9400.0
FLOOR_DB = -60.0  # below the reference's loudest band; softer than that, everything is alike
ACTIVE_DB = 20.0  # above the floor: frames whose loudest band does not reach it are left out
LEVEL_S = (0.02, 0.4)  # of a note: where its level is taken
MISSING_DB = -15.0  # a note this far below its reference is missing
PARTIAL_HZ, PARTIAL_SHARE = 14.0, 0.006  # half the width of a partial's neighbourhood
FIRST_PARTIALS = 6
FALL_WINDOW_S, FALL_LONGEST_S = 0.02, 0.5  # what a note's end is looked for in; the next may begin then
NOISE_S = (0.1, 0.36)
NOISE_BAND_HZ = (60.0, 8000.0)


@dataclass(frozen=True)
class Fidelity:
    """Figures of one performance against its reference.

    Attributes:
        distance_db: log-spectral distance, see `log_spectral_distance`.
        level_db: mean absolute error of the notes' levels.
        worst_level_db: the error of the worst note, signed.
        missing: share of the notes that lie 15 dB and more below their reference.
    """

    distance_db: float
    level_db: float
    worst_level_db: float
    missing: float


def fidelity(played: np.ndarray, reference: np.ndarray, notes: Sequence[Note], sample_rate: int) -> Fidelity:
    """``played [n]`` against ``reference [n]``, both of ``notes``."""
    levels = level_errors(played, reference, notes, sample_rate)
    worst = float(levels[np.argmax(np.abs(levels))]) if len(levels) else 0.0
    return Fidelity(
        log_spectral_distance(played, reference, sample_rate), float(np.mean(np.abs(levels))) if len(levels) else 0.0, worst,
        float(np.mean(levels < MISSING_DB)) if len(levels) else 0.0,
    )  # fmt: skip


def level_errors(played: np.ndarray, reference: np.ndarray, notes: Sequence[Note], sample_rate: int) -> np.ndarray:
    """By how many dB each note's stretch is louder than the reference's, ``[notes]``."""
    errors = []
    for note in notes:
        first = int((note.onset_s + LEVEL_S[0]) * sample_rate)
        last = max(int(min(note.offset_s, note.onset_s + LEVEL_S[1]) * sample_rate), first + int(0.02 * sample_rate))
        here, there = played[first:last].astype(np.float64), reference[first:last].astype(np.float64)
        if len(here) and len(there):
            errors.append(10 * np.log10((np.mean(here**2) + 1e-14) / (np.mean(there**2) + 1e-14)))
    return np.array(errors)


def partial_level_errors(played: np.ndarray, reference: np.ndarray, note: Note, partials_hz: np.ndarray, sample_rate: int) -> float:
    """By how many dB a note of a chord is louder than the reference's: the median over its first partials."""
    first, last = (int(s * sample_rate) for s in (note.onset_s + LEVEL_S[0], note.offset_s))
    ours, theirs = (_partial_powers(x[first:last], partials_hz, sample_rate) for x in (played, reference))
    return float(np.median(10 * np.log10((ours + 1e-14) / (theirs + 1e-14))))


def quarter_level_errors(played: np.ndarray, reference: np.ndarray, note: Note, sample_rate: int, partials_hz: np.ndarray | None = None) -> np.ndarray:
    """``[4]`` dB: errors of level in each quarter of a long note; 60 dB and more below its loudest quarter all is alike.

    Args:
        partials_hz: only what lies at the first of them is measured. A struck note's last quarters may be softer than the room that it
            was recorded in, which no player needs to play.
    """
    edges = (np.linspace(note.onset_s, note.offset_s, 5) * sample_rate).astype(int)

    def powers(x: np.ndarray) -> np.ndarray:
        parts = [x[a:b] for a, b in itertools.pairwise(edges)]
        if partials_hz is None:
            return np.array([np.mean(part**2.0) for part in parts])
        return np.array([_partial_powers(part, partials_hz, sample_rate).sum() for part in parts])

    ours, theirs = powers(played), powers(reference)
    floor = theirs.max() * 10 ** (FLOOR_DB / 10) + 1e-14
    return np.asarray(10 * np.log10((ours + floor) / (theirs + floor)))


def _partial_powers(part: np.ndarray, partials_hz: np.ndarray, sample_rate: int) -> np.ndarray:
    """The power near each of the first partials."""
    hz, power = _power(part, sample_rate)
    return np.array([power[np.abs(hz - centre) < max(PARTIAL_HZ, PARTIAL_SHARE * centre)].sum() for centre in partials_hz[:FIRST_PARTIALS]])


def fall_s(samples: np.ndarray, note: Note, db: float, sample_rate: int) -> float:
    """Seconds after a note's end until its level lies ``db`` below what it was at the end; the rest of ``samples`` at most."""
    window = int(FALL_WINDOW_S * sample_rate)
    end = int(note.offset_s * sample_rate)
    level = float(np.mean(samples[max(0, end - window) : end].astype(np.float64) ** 2)) + 1e-14
    after = samples[end : end + int(FALL_LONGEST_S * sample_rate)].astype(np.float64)
    power = np.mean(after[: len(after) // window * window].reshape(-1, window) ** 2, 1)
    above = np.flatnonzero(power > level * 10 ** (-db / 10))
    return float((above[-1] + 1) * FALL_WINDOW_S) if len(above) else 0.0


def log_spectral_distance(played: np.ndarray, reference: np.ndarray, sample_rate: int) -> float:
    """Root mean square over 40 bands of the difference of the two log spectra, its mean over the frames in which anything sounds."""
    ours, theirs = band_powers(played, sample_rate), band_powers(reference, sample_rate)
    n = min(len(ours), len(theirs))
    floor = theirs.max(initial=0.0) * 10 ** (FLOOR_DB / 10) + 1e-20
    a, b = 10 * np.log10(ours[:n] + floor), 10 * np.log10(theirs[:n] + floor)
    active = b.max(axis=1, initial=-np.inf) > 10 * np.log10(floor) + ACTIVE_DB
    return float(np.sqrt(((a - b)[active] ** 2).mean(axis=1)).mean()) if active.any() else 0.0


def band_powers(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean powers ``[frames, 40]`` in equally wide bands up to 9.4 kHz."""
    window, hop = round(WINDOW_S * sample_rate), round(HOP_S * sample_rate)
    padded = np.pad(np.asarray(samples, dtype=np.float64), (0, max(0, window - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hz = np.fft.rfftfreq(window, 1 / sample_rate)
    edges = np.linspace(LOWEST_HZ, min(HIGHEST_HZ, 0.48 * sample_rate), N_BANDS + 1)
    return np.stack([power[:, (hz >= low) & (hz < high)].mean(1) for low, high in itertools.pairwise(edges)], 1)


def noise_between_partials(samples: np.ndarray, note: Note, partials_hz: np.ndarray, sample_rate: int) -> float:
    """What lies between the partials of a note that sounds by itself, in dB of all there is between 60 Hz and 8 kHz."""
    first, last = (int((note.onset_s + s) * sample_rate) for s in NOISE_S)
    hz, power = _power(samples[first:last], sample_rate)
    near = np.zeros(len(hz), bool)
    for centre in partials_hz:
        near |= np.abs(hz - centre) < max(PARTIAL_HZ, PARTIAL_SHARE * centre)
    band = (hz > NOISE_BAND_HZ[0]) & (hz < NOISE_BAND_HZ[1])
    return float(10 * np.log10(power[band & ~near].sum() / (power[band].sum() + 1e-30) + 1e-12))


def _power(part: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and the power at each, of all of ``part``."""
    size = max(1 << 15, 1 << (len(part) - 1).bit_length())
    return np.fft.rfftfreq(size, 1 / sample_rate), np.abs(np.fft.rfft(part.astype(np.float64) * np.blackman(len(part)), size)) ** 2


def error_db(played: np.ndarray, reference: np.ndarray) -> float:
    """The difference of the samples over the reference: means something only where phases agree."""
    n = min(len(played), len(reference))
    a, b = played[:n].astype(np.float64), reference[:n].astype(np.float64)
    return float(10 * np.log10(((a - b) ** 2).sum() / ((b**2).sum() + 1e-20) + 1e-12))
