"""`CorpusPiece`: notes on a grid of sixteenths, which the composer is trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.score import N_PITCHES, PianoRoll
from orchestrion.score.keys import estimated_sharps

SPLITS = ("train", "validation", "test")
OPENING_NOTES = 16

GridNote = tuple[int, int, int]
"""Onset and offset in steps (half-open), and the MIDI number."""


@dataclass(frozen=True)
class CorpusPiece:
    """A piece whose step 0 begins a bar of ``meter``.

    ``sharps`` is the key signature (negative: flats). ``merged`` says that repeated notes were merged in the source, so
    that attacks are known only where a note follows silence (the four polyphonic benchmark sets). ``ends``: its last bar ends
    something, as a piece's does; not so in a passage that is cut out of one.

    Raises:
        OrchestrionError: a note that ends before it begins, begins before 0, or has no MIDI number.
    """

    name: str
    notes: tuple[GridNote, ...]
    meter: tuple[int, int] = (4, 4)
    sharps: int = 0
    merged: bool = False
    n_steps: int = 0
    ends: bool = True

    def __post_init__(self) -> None:
        for onset, offset, pitch in self.notes:
            if not (0 <= onset < offset and 0 <= pitch < N_PITCHES):
                raise OrchestrionError(f"{self.name} holds a note that is none: {(onset, offset, pitch)}.")
        object.__setattr__(self, "n_steps", max(self.n_steps, self._end))

    @classmethod
    def from_roll(cls, roll: PianoRoll, name: str, merged: bool = False) -> CorpusPiece:
        """The notes of ``roll``, in the key signature whose scale holds most of them."""
        onset, offset, pitch = roll.runs()
        notes = sorted(zip(onset.tolist(), offset.tolist(), pitch.tolist(), strict=True))
        sharps = estimated_sharps(roll.grid[..., 0].sum(axis=0))
        return cls(name, tuple(notes), roll.meter, sharps, merged, roll.n_steps)

    @property
    def steps_per_bar(self) -> int:
        """Sixteenths a bar: 16 in 4/4, 12 in 3/4 and 6/8."""
        return self.meter[0] * 16 // self.meter[1]

    @property
    def has_pickup(self) -> bool:
        """Whether nothing begins on the first step: its first bar is a pickup filled up with silence."""
        return min((onset for onset, _, _ in self.notes), default=0) > 0

    @property
    def tonic(self) -> int | None:
        """Pitch class of the lowest note that ends last: a tune's final, a chorale's last bass note; None of what does not end."""
        end = self._end
        return min(pitch for _, offset, pitch in self.notes if offset == end) % 12 if self.notes and self.ends else None

    @property
    def n_whole_steps(self) -> int:
        """Steps, rounded up to whole bars."""
        return -(-self.n_steps // self.steps_per_bar) * self.steps_per_bar

    @property
    def n_until_end(self) -> int | None:
        """Steps from the beginning to the end that a composer is told of; None where the piece does not end."""
        return self.n_whole_steps if self.ends else None

    @property
    def _end(self) -> int:
        return max((offset for _, offset, _ in self.notes), default=0)

    def grid(self) -> np.ndarray:
        """Booleans ``[s, 128, 2]`` (sounding, articulated); a later note of a pitch cuts an earlier one short."""
        grid = np.zeros((self.n_steps, N_PITCHES, 2), dtype=bool)
        for onset, offset, pitch in sorted(self.notes):
            grid[onset:offset, pitch, 0] = True
            grid[onset, pitch, 1] = True
        return grid

    def grid_in(self, low: int, high: int, n_steps: int) -> np.ndarray:
        """The grid of pitches ``low`` … ``high`` as float32 [n_steps, p, 2], silence after the end."""
        grid = self.grid()[:n_steps, low : high + 1].astype(np.float32)
        return np.pad(grid, ((0, n_steps - len(grid)), (0, 0), (0, 0)))

    def transposed(self, semitones: int) -> CorpusPiece:
        """The piece moved by ``semitones``; the key signature stays as printed."""
        return replace(self, notes=tuple((on, off, pitch + semitones) for on, off, pitch in self.notes))

    def in_c(self) -> CorpusPiece:
        """The piece moved by -6 to 5 semitones so that its key signature has no sharps or flats."""
        tonic = self.sharps * 7 % 12
        return self.transposed(-tonic if tonic <= 6 else 12 - tonic)


def prepared(pieces: Iterable[CorpusPiece], low: int, high: int, *, plain_key: bool) -> list[CorpusPiece]:
    """Pieces for a network of pitches ``low`` … ``high``, in C with ``plain_key``; those beyond its range are dropped."""
    moved = [piece.in_c() for piece in pieces] if plain_key else pieces
    return [piece for piece in moved if all(low <= pitch <= high for _, _, pitch in piece.notes)]


def fingerprint(piece: CorpusPiece) -> str:
    """A digest of the intervals between the first notes of a tune, whatever its key, rhythm and octave.

    Of chords the highest note counts. Variants of one tune in two books mostly share it.
    """
    tops: dict[int, int] = {}
    for onset, _, pitch in piece.notes:
        tops[onset] = max(pitch, tops.get(onset, 0))
    line = [pitch for _, pitch in sorted(tops.items())][:OPENING_NOTES]
    intervals = ",".join(str(b - a) for a, b in pairwise(line))
    return hashlib.sha256(intervals.encode()).hexdigest()[:16]


def distinct(pieces: Iterable[CorpusPiece]) -> tuple[list[CorpusPiece], dict[str, str]]:
    """The first piece of each `fingerprint`; and of the others, by name, the name of the one that they copy."""
    first: dict[str, CorpusPiece] = {}
    copies = {}
    for piece in pieces:
        kept = first.setdefault(fingerprint(piece), piece)
        if kept is not piece:
            copies[piece.name] = kept.name
    return list(first.values()), copies


def without_leaks(
    pieces: Iterable[CorpusPiece], held_out: Iterable[CorpusPiece]
) -> tuple[list[CorpusPiece], list[str]]:
    """The pieces whose notes are not all those of a held-out one, in whatever key; and the names of the others."""
    known = {_in_any_key(piece) for piece in held_out}
    kept: list[CorpusPiece] = []
    leaked: list[str] = []
    for piece in pieces:
        if _in_any_key(piece) in known:
            leaked.append(piece.name)
        else:
            kept.append(piece)
    return kept, leaked


def _in_any_key(piece: CorpusPiece) -> frozenset[GridNote]:
    """The notes from the first onset and the lowest pitch on."""
    first, lowest = (min((note[i] for note in piece.notes), default=0) for i in (0, 2))
    return frozenset((onset - first, offset - first, pitch - lowest) for onset, offset, pitch in piece.notes)


def split_of(piece: CorpusPiece) -> str:
    """``train`` (80 %), ``validation`` (10 %) or ``test`` (10 %), fixed by the fingerprint alone."""
    return SPLITS[max(int(fingerprint(piece), 16) % 10 - 7, 0)]
