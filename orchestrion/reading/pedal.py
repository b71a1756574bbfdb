"""Sustain pedal: how long a note sounds once its key is released."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

PEDAL_DOWN = 64  # controller values from here on mean that the pedal is down (MIDI 1.0, controller 64)


def pressed(changes: Iterable[tuple[float, int]], end: float) -> tuple[np.ndarray, np.ndarray]:
    """Times at which the pedal goes down, and the times at which it comes up again.

    Args:
        changes: (time, controller value), by time.
        end: when a pedal that never comes up does.
    """
    downs: list[float] = []
    ups: list[float] = []
    for time, value in changes:
        down = len(downs) > len(ups)
        if value >= PEDAL_DOWN and not down:
            downs.append(time)
        elif value < PEDAL_DOWN and down:
            ups.append(time)
    ups += [max(end, downs[-1])] * (len(downs) - len(ups)) if downs else []
    return np.array(downs, dtype=np.float64), np.array(ups, dtype=np.float64)


def sustained(
    onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, downs: np.ndarray, ups: np.ndarray
) -> np.ndarray:
    """Offsets [n] of notes under the pedal: a key released while it is down sounds on until it comes up.

    The next attack of the same pitch ends it earlier. A pedal that goes down at the very moment of the release does not
    catch the note. Times are in any unit; ``downs`` and ``ups`` come from `pressed`.
    """
    if not len(downs) or not len(onset):
        return offset
    index = np.searchsorted(downs, offset, side="left") - 1
    caught = (index >= 0) & (offset < ups[index])
    longer = np.where(caught, ups[index], offset)
    return np.where(caught, np.minimum(longer, _next_attack(onset, offset, pitch)), offset)


def _next_attack(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """For each note the first attack of its pitch at or after its release; infinite where there is none."""
    following = np.full(len(onset), np.inf)
    for key in np.unique(pitch):
        same = pitch == key
        attacks = np.append(np.sort(onset[same]), np.inf)
        following[same] = attacks[np.searchsorted(attacks, offset[same], side="left")]
    return following
