"""Exercises: phrases drawn at random that cover every pitch, dynamic and duration of an instrument.

Times are frames of 4 ms (`FRAMES_PER_SECOND`), so that notes begin on the clock of the renderer. A phrase is a list of
`PhraseNote`; the first begins at frame 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from orchestrion.score.keys import MAJOR, NATURAL_MINOR

FRAMES_PER_SECOND = 250
QUIETEST, LOUDEST = 30, 120
SHORTEST_S, LONGEST_S = 0.08, 3.0
CHROMATIC = tuple(range(12))
SCALES = (MAJOR, MAJOR, NATURAL_MINOR, CHROMATIC)
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 3, 6), (0, 4, 7, 11), (0, 3, 7, 10))


class PhraseNote(NamedTuple):
    """A note in frames, half-open, with MIDI pitch and velocity."""

    onset: int
    offset: int
    pitch: int
    velocity: int


def line_phrase(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[PhraseNote]:
    """One voice around ``pitch`` within [low, high]: long or short single notes, scales, arpeggios, leaps, repetitions."""
    kind = rng.choice(
        ("single", "scale", "arpeggio", "leaps", "repeated", "walk"), p=(0.3, 0.2, 0.15, 0.12, 0.08, 0.15)
    )
    pitches = PITCHES[str(kind)](pitch, low, high, rng)
    onsets = _onsets(len(pitches), SPEEDS[str(kind)], rng)
    velocities = _velocities(len(pitches), rng)
    offsets = onsets[:-1] + articulate(np.diff(onsets), rng)
    return [PhraseNote(*map(int, row)) for row in zip(onsets[:-1], offsets, pitches, velocities, strict=True)]


def chord_phrase(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[PhraseNote]:
    """One to six chords of two to five notes around ``pitch``, struck together or broken."""
    count = int(rng.integers(1, 7))
    onsets = _onsets(count, (0.3, 2.0), rng)
    lengths, velocities = articulate(np.diff(onsets), rng), _velocities(count, rng)
    broken = rng.random() < 0.4
    notes: list[PhraseNote] = []
    for onset, length, velocity in zip(onsets, lengths, velocities, strict=False):
        pitches = _chord(int(np.clip(pitch + rng.integers(-5, 6), low, high)), low, high, rng)
        spread = int(length) // (len(pitches) + 1) if broken else 0
        for index, member in enumerate(pitches):
            start = int(onset) + index * spread
            loudness = int(np.clip(velocity + rng.integers(-6, 7), QUIETEST, LOUDEST))
            notes.append(PhraseNote(start, int(onset + length), member, loudness))
    return notes


def articulate(intervals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How long notes that follow each other after ``intervals`` frames are held: legato, detached or staccato."""
    intervals = np.asarray(intervals)
    manner = rng.random()
    if manner < 0.45:
        held = intervals
    elif manner < 0.8:
        held = intervals - rng.integers(1, 16)
    else:
        held = np.rint(intervals * rng.uniform(0.35, 0.8))
    return np.asarray(np.maximum(held, np.minimum(intervals, frames(SHORTEST_S))), dtype=int)


def frames(seconds: float) -> int:
    """Seconds as the nearest number of frames, at least 1."""
    return max(1, round(seconds * FRAMES_PER_SECOND))


def _onsets(count: int, speed: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """``count + 1`` frames from 0, at a steady pace (log-uniform within ``speed`` seconds) or an uneven one."""
    pace = np.exp(rng.uniform(math.log(speed[0]), math.log(speed[1]), size=count if rng.random() < 0.4 else 1))
    return np.concatenate([[0], np.cumsum([frames(s) for s in np.broadcast_to(pace, count)])])


def _velocities(count: int, rng: np.random.Generator) -> np.ndarray:
    """A line from one loudness to another, with a little scatter."""
    ends = rng.uniform(QUIETEST, LOUDEST, size=2)
    line = np.linspace(ends[0], ends[0] if rng.random() < 0.3 else ends[1], count)
    return np.clip(np.rint(line + rng.normal(0, 3, size=count)), QUIETEST, LOUDEST).astype(int)


def _single(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    return [pitch]


def _scale(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    steps = _members(pitch, low, high, SCALES[rng.integers(len(SCALES))])
    return _run(steps, pitch, int(rng.integers(5, 15)), rng)


def _arpeggio(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    steps = _members(pitch, low, high, CHORDS[rng.integers(len(CHORDS))])
    return _run(steps, pitch, int(rng.integers(4, 12)), rng)


def _leaps(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    others = rng.integers(max(low, pitch - 19), min(high, pitch + 19) + 1, size=int(rng.integers(2, 8)))
    return [pitch, *map(int, others)]


def _repeated(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    return [pitch] * int(rng.integers(2, 7))


def _walk(pitch: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    pitches = [pitch]
    for step in rng.integers(-4, 5, size=int(rng.integers(4, 12))):
        moved = pitches[-1] + int(step)
        pitches.append(moved if low <= moved <= high else pitches[-1] - int(step))
    return [int(np.clip(p, low, high)) for p in pitches]


def _members(root: int, low: int, high: int, intervals: Sequence[int]) -> list[int]:
    """Every pitch within [low, high] that lies at one of ``intervals`` above a ``root`` of any octave."""
    return [p for p in range(low, high + 1) if (p - root) % 12 in intervals]


def _run(steps: list[int], pitch: int, count: int, rng: np.random.Generator) -> list[int]:
    """``count`` steps up or down from ``pitch``, turning round at the ends."""
    place, direction, run = steps.index(pitch), 1 if rng.random() < 0.5 else -1, []
    for _ in range(count):
        run.append(steps[place])
        if not 0 <= place + direction < len(steps):
            direction = -direction
        place = min(max(place + direction, 0), len(steps) - 1)
    return run


def _chord(root: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    """Two to five pitches of a chord on ``root``, close or with the root an octave or two lower."""
    members = [p for p in _members(root, low, high, CHORDS[rng.integers(len(CHORDS))]) if root <= p <= root + 19]
    chosen = members[: int(rng.integers(2, 6))]
    if rng.random() < 0.4:
        chosen = [max(low, root - 12 * int(rng.integers(1, 3))), *chosen[1:]]
    return sorted(set(chosen) | {root})[:5]


PITCHES = {
    "single": _single,
    "scale": _scale,
    "arpeggio": _arpeggio,
    "leaps": _leaps,
    "repeated": _repeated,
    "walk": _walk,
}
SPEEDS = {
    "single": (SHORTEST_S, LONGEST_S),
    "scale": (SHORTEST_S, 0.7),
    "arpeggio": (SHORTEST_S, 0.8),
    "leaps": (0.12, 1.2),
    "repeated": (0.1, 1.0),
    "walk": (0.1, 1.0),
}
