"""Plans a set of training audio: exercises and tunes for one instrument, drawn by a seed.

Tunes come from the corpora (``melodies``, ``chorales``), each at most once a set. The built-in tunes of
`orchestrion.score`, on which instruments are judged, are kept out: a tune that holds the opening of one is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from orchestrion.bridge import FrameNotes
from orchestrion.datasets.banks import performing
from orchestrion.datasets.banks.exercises import FRAMES_PER_SECOND, PhraseNote, chord_phrase, frames, line_phrase
from orchestrion.datasets.banks.instruments import SoundFontInstrument
from orchestrion.datasets.corpora.piece import CorpusPiece, GridNote
from orchestrion.score import Note

LINE_SHARES = {"exercise": 0.45, "melody": 0.40, "soprano": 0.15}
POLYPHONIC_SHARES = {
    "exercise": 0.20,
    "melody": 0.14,
    "soprano": 0.06,
    "outer": 0.10,
    "bass": 0.15,
    "chords": 0.13,
    "chorale": 0.15,
    "accompanied": 0.07,
}
PIECE_S = (20.0, 58.0)
LEAD_S = (0.1, 0.8)
TAIL_S = 1.0
REST_S = (0.5, 2.0)
VALIDATION_EVERY = 16
OPENING_INTERVALS = 10
BASS_BELOW = 60


@dataclass(frozen=True)
class PlannedPiece:
    """A piece to be played: its notes in frames, and whether it is kept for validation."""

    name: str
    notes: tuple[PhraseNote, ...]
    n_frames: int
    validation: bool

    @property
    def table(self) -> FrameNotes:
        """The notes without overlaps of one pitch, on the clock of frames."""
        rate = FRAMES_PER_SECOND
        notes = [Note(n.onset / rate, n.offset / rate, n.pitch, n.velocity) for n in self.notes]
        return FrameNotes.from_notes(notes, rate)


def plan(
    instrument: SoundFontInstrument,
    minutes: float,
    seed: int,
    melodies: Sequence[CorpusPiece],
    chorales: Sequence[CorpusPiece],
    openings: Sequence[tuple[int, ...]] = (),
) -> list[PlannedPiece]:
    """Pieces of 20 to 60 s that last ``minutes`` together (fewer when there are not enough tunes).

    Args:
        openings: intervals with which tunes begin that must not occur, see `opening`.
    """
    writer = _Writer(
        instrument, np.random.default_rng(seed), _allowed(melodies, openings), _allowed(chorales, openings)
    )
    shares = POLYPHONIC_SHARES if instrument.polyphonic else LINE_SHARES
    return [piece for kind, share in shares.items() for piece in writer.pieces(kind, share * minutes * 60.0)]


def opening(pitches: Sequence[int]) -> tuple[int, ...]:
    """The first intervals of a melody, whatever its key."""
    return tuple(b - a for a, b in pairwise(pitches))[:OPENING_INTERVALS]


def _allowed(pieces: Sequence[CorpusPiece], openings: Sequence[tuple[int, ...]]) -> list[CorpusPiece]:
    return [piece for piece in pieces if piece.notes and not _holds(piece, openings)]


def _holds(piece: CorpusPiece, openings: Sequence[tuple[int, ...]]) -> bool:
    intervals = _intervals(piece.notes)
    return any("," + ",".join(map(str, part)) + "," in intervals for part in openings)


@lru_cache(maxsize=8192)  # a training on many banks asks for each
def _intervals(notes: tuple[tuple[int, int, int], ...]) -> str:
    pitches = [pitch for _, _, pitch in performing.skyline(notes)]
    return "," + ",".join(str(b - a) for a, b in pairwise(pitches)) + ","


class _Writer:
    """Draws pieces one after the other; remembers which tunes and pitches have been used."""

    def __init__(
        self, instrument: SoundFontInstrument, rng: np.random.Generator, melodies: list[CorpusPiece], chorales: list[CorpusPiece]
    ):
        self._instrument, self._rng = instrument, rng
        self._melodies, self._chorales = _shuffled(melodies, rng), _shuffled(chorales, rng)
        self._played: Counter[int] = Counter()
        self._deck: list[int] = []

    def pieces(self, kind: str, seconds: float) -> Iterator[PlannedPiece]:
        """Pieces of one kind until ``seconds`` are full or the tunes are used up."""
        done, number = 0.0, 0
        while done < seconds:
            notes = KINDS[kind](self)
            if notes is None:
                return
            lead = frames(self._rng.uniform(*LEAD_S))
            placed = tuple(PhraseNote(n.onset + lead, n.offset + lead, n.pitch, n.velocity) for n in notes)
            n_frames = max(note.offset for note in placed) + frames(TAIL_S)
            yield PlannedPiece(
                f"{kind}-{number:04}", placed, n_frames, number % VALIDATION_EVERY == VALIDATION_EVERY // 2
            )
            done, number = done + n_frames / FRAMES_PER_SECOND, number + 1

    def exercise(self, chords: bool = False) -> list[PhraseNote]:
        instrument, rng = self._instrument, self._rng
        phrase = chord_phrase if chords else line_phrase
        notes: list[PhraseNote] = []
        end, wanted = 0, frames(rng.uniform(*PIECE_S))
        while end < wanted:
            begin = end + self._pause()
            drawn = phrase(self._next_pitch(), instrument.low, instrument.high, rng)
            notes += [PhraseNote(n.onset + begin, n.offset + begin, n.pitch, n.velocity) for n in drawn]
            end = max(note.offset for note in notes)
        return notes

    def chord_exercise(self) -> list[PhraseNote]:
        return self.exercise(chords=True)

    def melody(self) -> list[PhraseNote] | None:
        return self._tune(self._melodies, lambda piece: performing.skyline(piece.notes))

    def soprano(self) -> list[PhraseNote] | None:
        return self._tune(self._chorales, lambda piece: performing.skyline(piece.notes))

    def outer(self) -> list[PhraseNote] | None:
        return self._tune(
            self._chorales, lambda piece: [*performing.skyline(piece.notes), *performing.ground(piece.notes)]
        )

    def chorale(self) -> list[PhraseNote] | None:
        return self._tune(self._chorales, lambda piece: list(piece.notes))

    def with_bass(self) -> list[PhraseNote] | None:
        return self._tune(self._melodies, lambda piece: self._accompanied(piece, ("bass", "octaves")))

    def with_chords(self) -> list[PhraseNote] | None:
        return self._tune(self._melodies, lambda piece: self._accompanied(piece, ("block", "broken")))

    def _accompanied(self, piece: CorpusPiece, manners: Sequence[str]) -> list[GridNote]:
        melody = performing.skyline(piece.notes)
        up = 12 * max(0, -(-(BASS_BELOW - min(pitch for _, _, pitch in melody)) // 12))
        below = performing.accompaniment(piece, melody, manners[int(self._rng.integers(len(manners)))])
        return [*((a, b, pitch + up) for a, b, pitch in melody), *below]

    def _tune(
        self, pool: list[CorpusPiece], arrange: Callable[[CorpusPiece], list[GridNote]]
    ) -> list[PhraseNote] | None:
        """The next tune that fits, transposed to where little has been played yet."""
        while pool:
            piece = pool.pop()
            steps = arrange(piece)
            shift = self._shift([pitch for _, _, pitch in steps])
            if shift is None:
                continue
            moved = [(onset, offset, pitch + shift) for onset, offset, pitch in steps]
            played = performing.perform(moved, piece.steps_per_bar, float(self._rng.uniform(*PIECE_S)), self._rng)
            self._played.update(note.pitch for note in played)
            return played
        return None

    def _shift(self, pitches: list[int]) -> int | None:
        """Of three transpositions drawn from those within range, the one whose pitches have been played least."""
        low, high = self._instrument.melody_low - min(pitches), self._instrument.melody_high - max(pitches)
        if low > high:
            return None
        return min(
            map(int, self._rng.integers(low, high + 1, size=3)), key=lambda s: sum(self._played[p + s] for p in pitches)
        )

    def _next_pitch(self) -> int:
        """Every pitch of the range once, in random order, then again."""
        if not self._deck:
            self._deck = [
                int(p) for p in self._rng.permutation(np.arange(self._instrument.low, self._instrument.high + 1))
            ]
        return self._deck.pop()

    def _pause(self) -> int:
        """Frames between two phrases: mostly none or little, now and then a rest."""
        kind = self._rng.random()
        if kind < 0.45:
            return 0
        return frames(self._rng.uniform(*REST_S)) if kind > 0.88 else frames(self._rng.uniform(0.02, 0.4))


KINDS = {
    "exercise": _Writer.exercise,
    "chords": _Writer.chord_exercise,
    "melody": _Writer.melody,
    "soprano": _Writer.soprano,
    "outer": _Writer.outer,
    "chorale": _Writer.chorale,
    "bass": _Writer.with_bass,
    "accompanied": _Writer.with_chords,
}


def _shuffled(pieces: list[CorpusPiece], rng: np.random.Generator) -> list[CorpusPiece]:
    return [pieces[i] for i in rng.permutation(len(pieces))]
