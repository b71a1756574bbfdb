"""What banks play in a training: exercises and tunes in their ranges, softer and louder, some of them held out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.datasets.banks.exercises import FRAMES_PER_SECOND
from orchestrion.datasets.banks.instruments import SoundFontInstrument
from orchestrion.datasets.banks.mixing import FittedBank, MixedPiece
from orchestrion.datasets.banks.notebank import NoteBank
from orchestrion.datasets.banks.repertoire import PlannedPiece, plan
from orchestrion.datasets.banks.soundfont import tunes
from orchestrion.score import Note

SOFTER_SHARE, SOFTEST = 0.35, 0.1  # of the pieces, and by what factor their velocities are lowered at most
DRILL_SHARE = 0.2
DRILL_S = 30.0
MINUTES = 40.0


def pieces_of(fitted: FittedBank, hop: int, *, minutes: float = MINUTES, seed: int = 0) -> tuple[list[MixedPiece], list[MixedPiece]]:
    """Pieces to train on and pieces held out, of ``minutes`` together; the built-in tunes are not among them."""
    bank = fitted.bank
    rng = np.random.default_rng((seed, 1))
    melodies, chorales, openings = tunes()
    planned = plan(range_of(bank), minutes * (1 - DRILL_SHARE), seed, melodies, chorales, openings)
    drills = [_drill(bank, i, rng) for i in range(max(2, round(minutes * 60 * DRILL_SHARE / DRILL_S)))]
    train: list[MixedPiece] = []
    validation: list[MixedPiece] = []
    for piece in [*planned, *drills]:
        table = _softened(piece.table, rng) if not piece.validation else piece.table
        mixed = MixedPiece(f"{bank.name}/{piece.name}", table, piece.n_frames, fitted, hop)
        (validation if piece.validation else train).append(mixed)
    if not validation:
        validation.append(train.pop())
    return train, validation


def range_of(bank: NoteBank) -> SoundFontInstrument:
    """What an instrument of this bank's range is given to play."""
    low, high = bank.pitch_range
    middle = (max(low, 36), min(high, 96)) if high - low > 48 else (low, high)
    return SoundFontInstrument(0, low, high, *middle, polyphonic=not bank.sustained or bool(bank.information.get("polyphonic")), sustained=bank.sustained)


def _softened(table: FrameNotes, rng: np.random.Generator) -> FrameNotes:
    if rng.random() >= SOFTER_SHARE:
        return table
    velocity = np.maximum(np.rint(table.velocity * rng.uniform(SOFTEST, 1.0)).astype(np.int64), 6)
    return dataclasses.replace(table, velocity=velocity)


def _drill(bank: NoteBank, number: int, rng: np.random.Generator) -> PlannedPiece:
    """Notes as no tune has them: very short and very long, very soft and very loud, runs, chords of up to six, long rests."""
    low, high = bank.pitch_range
    notes: list[tuple[int, int, int, int]] = []
    now, end = int(0.3 * FRAMES_PER_SECOND), int(DRILL_S * FRAMES_PER_SECOND)
    while now < end:
        kind = rng.choice(("single", "run", "chord"), p=(0.4, 0.3, 0.3) if not bank.sustained else (0.6, 0.4, 0.0))
        count = int(rng.integers(6, 25)) if kind == "run" else 1
        pace = int(rng.integers(16, 40)) if kind == "run" else int(np.exp(rng.uniform(np.log(12), np.log(2500))))
        for _ in range(count):
            velocity = int(rng.integers(6, 128)) if rng.random() < 0.6 else int(rng.integers(6, 40))
            chosen = rng.choice(np.arange(low, high + 1), size=int(rng.integers(2, 7)) if kind == "chord" else 1, replace=False)
            length = max(3, int(pace * rng.uniform(0.5, 1.0)))
            notes += [(now, now + length, int(p), int(np.clip(velocity + rng.integers(-6, 7), 6, 127))) for p in np.sort(chosen)]
            now += pace
        now += int(np.exp(rng.uniform(np.log(2), np.log(1500)))) if rng.random() < 0.5 else 0
    rate = FRAMES_PER_SECOND
    table = FrameNotes.from_notes([Note(a / rate, b / rate, p, v) for a, b, p, v in notes], rate)
    return _Drill(f"drill-{number:04}", (), table.n_frames + 2 * FRAMES_PER_SECOND, number % 16 == 8, table)


@dataclasses.dataclass(frozen=True)
class _Drill(PlannedPiece):
    drawn: FrameNotes

    @property
    def table(self) -> FrameNotes:
        return self.drawn


def total_minutes(pieces: Sequence[MixedPiece]) -> float:
    return sum(piece.n_frames for piece in pieces) / FRAMES_PER_SECOND / 60
