"""How well a bar ends a phrase or a piece: weights for particles, 1 for what is wanted.

A melody's phrase comes to rest on a beat; its last note is the tonic, on a strong beat. In several parts a phrase ends on a
triad, and the piece on the tonic's, in root position.
"""

from __future__ import annotations

import numpy as np

STEPS_PER_BEAT = 4
RESTLESS, WRONG = 0.2, 1e-100  # beyond whatever given notes may surprise by
TRIADS = frozenset({frozenset({0, 4, 7}), frozenset({0, 3, 7})})


def strong_steps(meter: tuple[int, int]) -> frozenset[int]:
    """Steps of a bar that are strong: its beginning, and its middle where it has an even number of beats or two beats of three."""
    steps = meter[0] * 16 // meter[1]
    compound = meter[1] == 8 and meter[0] % 3 == 0
    beats = meter[0] // 3 if compound else meter[0]
    return frozenset({0, steps // 2} if beats % 2 == 0 and steps % 2 == 0 else {0})


def rests_on_a_beat(bar: np.ndarray) -> float:
    """Of a bar [s, p, 2]: 1 where its last attack stands on a beat and nothing moves for a beat after it."""
    last = last_attack(bar)
    if last is None:
        return RESTLESS
    return 1.0 if last % STEPS_PER_BEAT == 0 or len(bar) - last >= STEPS_PER_BEAT else RESTLESS


def ends_piece(bar: np.ndarray, tonic: int | None, pitch_low: int, meter: tuple[int, int], parts: int) -> float:
    """Of the last bar [s, p, 2] of a piece in so many ``parts``: 1 where it ends on the tonic (None: anywhere), on a strong beat."""
    last = last_attack(bar)
    if last is None:
        return WRONG
    chord = np.flatnonzero(bar[last, :, 0]) + pitch_low
    weight = 1.0 if last in strong_steps(meter) else RESTLESS**2
    if tonic is not None and chord[0] % 12 != tonic:
        weight *= WRONG
    if parts > 2 and not is_triad(chord):
        weight *= WRONG
    return weight


def last_attack(bar: np.ndarray) -> int | None:
    """The last step of [s, p, 2] in which a note begins; None without one."""
    attacks = np.flatnonzero(bar[..., 1].any(axis=1))
    return int(attacks[-1]) if len(attacks) else None


def is_triad(chord: np.ndarray) -> bool:
    """Whether MIDI numbers are a major or minor triad in root position, all three of it."""
    return len(chord) > 2 and frozenset(((chord - chord.min()) % 12).tolist()) in TRIADS
