"""Test pieces of `notes_test`: velocity scales, short and long notes, chords, a run, a soft note after a long rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.datasets.banks.mixing import FittedBank, MixedPiece

HELD_S, REST_S = 0.5, 0.5
SHORT_S, LONG_S = 0.05, 10.0
RUN_NOTES_A_SECOND = 12
REST_BEFORE_SOFT_S = 60.0
CHORD_SIZES, CHORD_S, CHORD_GAP = (3, 4, 5, 6), 1.0, 4  # semitones between a chord's notes, as far as the bank has them
SOFT_VELOCITY = 12


class NotePieces:
    """Pieces for one bank at one hop."""

    def __init__(self, bank: FittedBank, hop: int):
        self._bank, self._hop, self._rate = bank, hop, bank.bank.sample_rate / hop

    def scale(self, pitch: int, velocities: Sequence[int]) -> MixedPiece:
        """One pitch at every velocity, half a second each; then as short as a note can be."""
        held = [*((velocity, HELD_S) for velocity in velocities), (80, SHORT_S)]
        return self._piece(
            f"pitch-{pitch}", [(0.1 + i * (HELD_S + REST_S), length, pitch, velocity) for i, (velocity, length) in enumerate(held)]
        )

    def run(self, pitches: np.ndarray) -> MixedPiece:
        """Twelve notes a second, up the range and down again."""
        step = 1 / RUN_NOTES_A_SECOND
        return self._piece("run", [(0.1 + i * step, step - 0.008, int(p), 70) for i, p in enumerate([*pitches, *pitches[-2::-1]])])

    def soft(self, pitch: int) -> MixedPiece:
        """A loud note, a minute's rest, a note of velocity 12."""
        return self._piece("soft", [(0.1, 0.9, pitch, 90), (1.0 + REST_BEFORE_SOFT_S, 0.5, pitch, SOFT_VELOCITY)])

    def long(self, pitch: int) -> MixedPiece:
        """Ten seconds, or as long as the bank's note is."""
        return self._piece(f"long-{pitch}", [(0.1, LONG_S, pitch, 80)])

    def chords(self, pitches: np.ndarray) -> MixedPiece | None:
        """Chords of three to six from three places of the range; None where it has too few notes."""
        rows, now = [], 0.1
        for size in CHORD_SIZES:
            for share in (0.2, 0.5, 0.8):
                first = int(share * len(pitches))
                wanted = pitches[first] + CHORD_GAP * np.arange(size)
                chord = sorted({int(pitches[np.argmin(np.abs(pitches - p))]) for p in wanted})
                if len(chord) == size:
                    rows += [(now, CHORD_S, pitch, 70) for pitch in chord]
                    now += CHORD_S + REST_S
        return self._piece("chords", rows) if rows else None

    def _piece(self, name: str, rows: Sequence[tuple[float, float, int, int]]) -> MixedPiece:
        frames = sorted((round(onset * self._rate), round((onset + held) * self._rate), pitch, velocity) for onset, held, pitch, velocity in rows)
        onset, offset, pitch, velocity = np.array(frames).T
        table = FrameNotes(onset, offset, pitch, velocity)
        return MixedPiece(name, table, table.n_frames + round(REST_S * self._rate), self._bank, self._hop)
