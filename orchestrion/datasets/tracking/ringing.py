"""Which notes of a recording ring when, and with which partials.

A note rings from its attack until its release has decayed, or until its pitch is struck again. Knots are `KNOT` samples apart, on one
clock for all notes of a piece, so one spectrum a knot serves them all. Values of a note's partials at its knots are stored in
*cells*: note after note, knot after knot, partial after partial.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.source import stretched_ratios

KNOT = 192
RING_S = 0.5  # how long after its release a note is followed


@dataclass(frozen=True, eq=False)
class Ringing:
    """The notes of a piece.

    Attributes:
        onset, offset, end: ``[n]`` samples: attack (of notes that began before the audio negative), release, where it is over.
        pitch, velocity: ``[n]``.
        first_knot, n_knots: ``[n]`` on the piece's clock; knot m lies at sample m · `KNOT`.
        first_partial, n_partials: ``[n]`` where the note's ratios lie.
        first_phase: ``[n]`` where its phases lie.
        first_cell: ``[n]`` where its cells begin: knot i, partial k at ``first_cell + i * n_partials + k``.
        ratios: frequencies over the fundamental's.
        phase: of the fundamental at the knots, radians; 0 at the attack.
    """

    onset: np.ndarray
    offset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    first_knot: np.ndarray
    n_knots: np.ndarray
    first_partial: np.ndarray
    n_partials: np.ndarray
    first_phase: np.ndarray
    first_cell: np.ndarray
    ratios: np.ndarray
    phase: np.ndarray

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def n_cells(self) -> int:
        return int(np.sum(self.n_knots * self.n_partials))

    def cells(self, note: int) -> slice:
        begin = int(self.first_cell[note])
        return slice(begin, begin + int(self.n_knots[note] * self.n_partials[note]))

    def shaped(self, values: np.ndarray, note: int) -> np.ndarray:
        """The note's part of ``values`` (one a cell) as ``[knots, partials]``."""
        return np.asarray(values[self.cells(note)].reshape(int(self.n_knots[note]), int(self.n_partials[note])))


def ringing(
    table: FrameNotes, hop: int, n_samples: int, sample_rate: int, tuning: Mapping[int, tuple[float, float]], *, highest_hz: float, most_partials: int
) -> Ringing:
    """The notes of ``table`` with the partials that ``tuning`` (f1 in Hz and inharmonicity by pitch) gives them below ``highest_hz``."""
    onset, offset = table.onset_frame.astype(np.int64) * hop, table.offset_frame.astype(np.int64) * hop
    end = np.minimum(np.minimum(offset + round(RING_S * sample_rate), _struck_again(onset, table.pitch)), n_samples)
    kept = (end - onset > KNOT) & np.isin(table.pitch, list(tuning))
    onset, end, pitch, velocity = onset[kept], end[kept], table.pitch[kept].astype(np.int64), table.velocity[kept].astype(np.float64)
    offset = np.minimum(offset[kept], end)
    first_knot = np.maximum(onset, 0) // KNOT
    n_knots = -(-end // KNOT) - first_knot + 1
    by_pitch = {int(p): _ratios(*tuning[int(p)], highest_hz, most_partials) for p in np.unique(pitch)}
    ratios = [by_pitch[int(p)] for p in pitch]
    n_partials = np.array([len(r) for r in ratios], dtype=np.int64)
    turns = np.array([tuning[int(p)][0] for p in pitch]) * 2 * math.pi / sample_rate
    phase = [turn * ((k0 + np.arange(m)) * KNOT - a) for turn, k0, m, a in zip(turns, first_knot, n_knots, onset, strict=True)]
    return Ringing(
        onset, offset, end, pitch, velocity, first_knot, n_knots, _begins(n_partials), n_partials, _begins(n_knots), _begins(n_knots * n_partials),
        np.concatenate([*ratios, np.empty(0)]), np.concatenate([*phase, np.empty(0)]),
    )  # fmt: skip


def _ratios(f1: float, inharmonicity: float, highest_hz: float, most: int) -> np.ndarray:
    ratios = stretched_ratios(inharmonicity, most)
    return ratios[: max(1, int(np.sum(ratios * f1 < highest_hz)))]


def _begins(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)[:-1]]).astype(np.int64) if len(sizes) else np.zeros(0, np.int64)


def _struck_again(onset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """For each note the next attack of its pitch, or a sample that never comes."""
    following = np.full(len(onset), np.iinfo(np.int64).max)
    for key in np.unique(pitch):
        same = np.flatnonzero(pitch == key)
        same = same[np.argsort(onset[same])]
        following[same[:-1]] = onset[same[1:]]
    return following
