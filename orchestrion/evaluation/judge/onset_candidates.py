"""Candidate onsets in a `Salience`, with the features by which they are classified.

A candidate is a local maximum over time of one pitch's `beginning`. Its features are log ratios, so that loudness does not matter:
to everything else that begins in the frame, to the recording's loudest beginnings, to pitches it could be confused with (octaves,
twelfths, fifths, neighbours), and to what sounded before; and the shape of the attack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from orchestrion.evaluation.judge.salience import Salience

# A candidate has at least these shares of the strongest beginning within 40 ms, and of the recording's strongest.
LOCAL_SHARE, GLOBAL_SHARE = 0.02, 1e-3
# Shares of the attack's height whose crossing times describe its shape, and the frames searched around the maximum.
CROSSINGS = (0.1, 0.25, 0.5, 0.75)
BEFORE, AFTER = 15, 14
# Semitones to notes that share partials: octaves, twelfths, fifths, fourths, thirds over an octave or two.
BEGINNING_RELATIVES = (-12, 12, -19, -24, 19, 24, -7, 7, -5, 5, -28, -31)
HELD_RELATIVES = (-12, 12, -19, 19, -24, 24, -7, 7, -5, 5, -28, -31)
MARGIN = 36  # pitches of padding, so that two octaves up or down always exist


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """``frame`` int [c], ``pitch`` int [c] (0 is A0) and ``features`` float32 [c, 54] of c candidates."""

    frame: np.ndarray
    pitch: np.ndarray
    features: np.ndarray


def find_candidates(found: Salience) -> Candidates:
    """All candidates, in the order of frames."""
    begin, sound = found.beginning, found.sounding
    local = maximum_filter1d(begin.max(axis=1), 9)
    overall = np.percentile(begin.max(axis=1), 98) + 1e-5
    is_peak = begin == maximum_filter1d(begin, 7, axis=0)
    is_peak &= (begin > LOCAL_SHARE * local[:, None]) & (begin > GLOBAL_SHARE * overall)
    frame, pitch = np.nonzero(is_peak)
    features = np.column_stack(
        [
            _strength(found, frame, pitch, local, overall),
            _against_relatives(begin, sound, frame, pitch, overall),
            attack_shape(sound, frame, pitch)[0],
            _dip(found, frame, pitch),
            _brief_rise(found.brief, frame, pitch),
        ]
    )
    return Candidates(frame, pitch, features.astype(np.float32))


def _strength(found: Salience, frame: np.ndarray, pitch: np.ndarray, local: np.ndarray, overall: float) -> np.ndarray:
    begin, sound = found.beginning, found.sounding
    loudest = np.percentile(sound.max(axis=1), 95) + 1e-5
    after = _best_of(sound, 1, 9)
    own, held = begin[frame, pitch], after[frame, pitch]
    before = -_best_of(-sound, -8, -3)[frame, pitch]
    later = _best_of(sound, 12, 18)[frame, pitch]
    quiet, faint = 1e-3 * overall, 1e-3 * loudest
    height = (pitch - 40) / 20
    columns = (
        _log_ratio(own, local[frame], quiet),
        _log_ratio(own, overall, quiet),
        _log_ratio(held, after.max(axis=1)[frame], faint),
        _log_ratio(held, loudest, faint),
        _log_ratio(held, before, faint),
        _log_ratio(own, held, quiet),
        _log_ratio(later, held, faint),
        _log_ratio(begin.sum(axis=1)[frame], local[frame], quiet),
        _log_ratio(begin.max(axis=1)[frame], local[frame], quiet),
        _log_ratio(held, sound.sum(axis=1)[frame], faint),
        np.log(found.flatness[frame] + 1e-3),
        height,
        height**2,
    )
    return np.column_stack(columns)


def _against_relatives(
    begin: np.ndarray, sound: np.ndarray, frame: np.ndarray, pitch: np.ndarray, overall: float
) -> np.ndarray:
    beginnings = np.pad(maximum_filter1d(begin, 5, axis=0), ((0, 0), (MARGIN, MARGIN)))
    holds = np.pad(_best_of(sound, 1, 9), ((0, 0), (MARGIN, MARGIN)))
    own, held = begin[frame, pitch], holds[frame, pitch + MARGIN]
    quiet, faint = 1e-3 * overall, 1e-3 * (np.percentile(sound.max(axis=1), 95) + 1e-5)

    def neighbours(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum(values[frame, pitch + MARGIN - 1], values[frame, pitch + MARGIN + 1]))

    columns = [_log_ratio(own, beginnings[frame, pitch + MARGIN + step], quiet) for step in BEGINNING_RELATIVES]
    columns += [_log_ratio(held, holds[frame, pitch + MARGIN + step], faint) for step in HELD_RELATIVES]
    columns += [_log_ratio(own, neighbours(beginnings), quiet), _log_ratio(held, neighbours(holds), faint)]
    return np.column_stack(columns)


def _dip(found: Salience, frame: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """How far the pitch sinks between what sounded before and what sounds now: repeated notes show it."""
    columns = []
    for curves in (found.sounding, found.brief):
        faint = 1e-3 * (np.percentile(curves.max(axis=1), 95) + 1e-5)
        earlier = _best_of(curves, -22, -5)[frame, pitch]
        least = -_best_of(-curves, -7, 3)[frame, pitch]
        now = _best_of(curves, 0, 9)[frame, pitch]
        columns += [_log_ratio(earlier, least, faint), _log_ratio(now, least, faint), _log_ratio(earlier, now, faint)]
    return np.column_stack(columns)


def _brief_rise(brief: np.ndarray, frame: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Where the short-window curve is lowest and rises most steeply, in units of five frames, and how steeply."""
    padded = np.pad(brief, ((BEFORE, AFTER), (0, 0)), mode="edge")
    curve = np.log(padded[frame[:, None] + np.arange(3, BEFORE + 9), pitch[:, None]] + 1e-3 * (brief.max() + 1e-5))
    steps = curve[:, 2:] - curve[:, :-2]
    steepest = steps.argmax(axis=1)
    columns = (curve.argmin(axis=1) - 12, steepest - 11)
    return np.column_stack([*(column / 5 for column in columns), steps.max(axis=1)])


def attack_shape(sound: np.ndarray, frame: np.ndarray, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features [c, 6] of the rise around each candidate, and its crossing times in frames [c, crossings].

    Times are relative to the candidate's frame and clipped to the searched span. The features are the crossing times,
    the time of the top, and the share of the height that is already there two frames before, all of order one.
    """
    padded = np.pad(sound, ((BEFORE, AFTER), (0, 0)), mode="edge")
    curve = padded[frame[:, None] + np.arange(BEFORE + AFTER + 1), pitch[:, None]]
    top = BEFORE + curve[:, BEFORE:].argmax(axis=1)
    rows = np.arange(len(curve))
    low = curve[:, : BEFORE + 1].min(axis=1)
    height = curve[rows, top] - low + 1e-9
    relative = (curve - low[:, None]) / height[:, None]
    times = np.column_stack([_last_crossing(relative, top, share) for share in CROSSINGS]) - BEFORE
    features = np.column_stack([times / 5, (top - BEFORE) / 5, relative[:, BEFORE - 2]])
    return features, times


def _last_crossing(relative: np.ndarray, top: np.ndarray, share: float) -> np.ndarray:
    """Column (interpolated) where each row last rises through ``share`` before ``top``; 0 where it never does."""
    columns = np.arange(relative.shape[1])
    is_below = (relative <= share) & (columns < top[:, None])
    last = np.where(is_below.any(axis=1), relative.shape[1] - 1 - is_below[:, ::-1].argmax(axis=1), 0)
    rows = np.arange(len(relative))
    here, following = relative[rows, last], relative[rows, np.minimum(last + 1, relative.shape[1] - 1)]
    return np.asarray(last + np.clip((share - here) / (following - here + 1e-9), 0.0, 1.0))


def _best_of(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Maximum of ``values`` [n, p] over frames +first to +last of each frame; zeros beyond the ends."""
    size = last - first + 1
    # scipy centres an odd or even window on size // 2; the origin shifts it to begin at ``first``.
    padded = np.pad(values, ((max(0, -first), max(0, last)), (0, 0)))
    shifted = np.lib.stride_tricks.sliding_window_view(padded, size, axis=0).max(axis=-1)
    start = first + max(0, -first)
    return np.asarray(shifted[start : start + len(values)])


def _log_ratio(above: np.ndarray, below: np.ndarray | float, floor: float) -> np.ndarray:
    return np.clip(np.log((above + floor) / (below + floor)), -6.0, 6.0)
