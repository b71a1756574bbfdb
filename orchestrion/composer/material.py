"""What is given of a piece: a tune of which bars are to be filled, a melody or a bass to be harmonised.

Given notes go to the network rounded to sixteenths. The result holds them as they were, to the last digit, in the parts, at the
tempos and with the velocities that they had; only what the network wrote comes from the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.composer import voices
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, PianoRoll, Score
from orchestrion.score.tempomap import TempoMap

STEPS_PER_BEAT = 4
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Material:
    """Given notes on the grid, and the score that they come from.

    Attributes:
        roll: all notes of the score, its first step the beginning of a bar.
        known: (known, sounding, articulated) [s, 128, 3] uint8.
        kept: the score less the notes that are to be written anew.
        first_step: steps of silence that fill a pickup up to a bar.
        roles: of each part of ``kept`` in four-part writing, its place in the ensemble; empty for none.
    """

    roll: PianoRoll
    known: np.ndarray
    kept: Score
    first_step: int
    roles: tuple[int, ...] = ()

    def completed(self, rows: np.ndarray, pitch_low: int, name: str, ensemble: voices.FourParts = voices.CHOIR) -> Score:
        """The kept score with what was written in ``rows`` [s, p, 2] where nothing was known; harmonised, in the ensemble's parts."""
        known = self.known[: len(rows), pitch_low : pitch_low + rows.shape[1], 0]
        if self.roles:
            return self._in_parts(rows, pitch_low, ensemble)
        notes = self._notes(rows * (known == 0)[..., None], known, pitch_low)
        parts = list(self.kept.parts)
        index = next((i for i, part in enumerate(parts) if not part.is_drum), None)
        if index is None:
            parts.append(Part(name, 0, notes))
        else:
            parts[index] = replace(parts[index], notes=parts[index].notes + notes)
        return replace(self.kept, parts=tuple(parts))

    def _in_parts(self, rows: np.ndarray, pitch_low: int, ensemble: voices.FourParts) -> Score:
        written = voices.parts_of(rows, pitch_low, 1.0, ensemble, self._lines()[: len(rows)])
        parts = []
        for place, part in enumerate(written):
            if place in self.roles:
                mine = [each for each, role in zip(self.kept.parts, self.roles, strict=True) if role == place]
                notes = tuple(note for each in mine for note in each.notes)
            else:
                notes = tuple(self._timed(note) for note in part.notes)
            parts.append(Part(part.name, part.program, notes))
        return replace(self.kept, parts=tuple(parts))

    def _lines(self) -> np.ndarray:
        """[s, 4]: the given melody and bass, `voices.SILENT` elsewhere."""
        lines, sounding = np.full((len(self.known), voices.N_PARTS), voices.SILENT), self.known[..., 1] > 0
        for place in set(self.roles):
            pitch = sounding.argmax(axis=1) if place else 127 - sounding[:, ::-1].argmax(axis=1)
            lines[:, place] = np.where(sounding.any(axis=1), pitch, voices.SILENT)
        return lines

    def _notes(self, rows: np.ndarray, known: np.ndarray, pitch_low: int) -> tuple[Note, ...]:
        """Notes of rows [s, p, 2]: one that goes on from a known note has its attack where it is free."""
        grid = np.zeros((len(rows), 128, 2), dtype=bool)
        grid[:, pitch_low : pitch_low + rows.shape[1]] = rows
        begins = grid[..., 0] & ~np.pad(grid[:-1, :, 0], ((1, 0), (0, 0)))
        grid[..., 1] |= begins
        onset, offset, pitch = PianoRoll(grid, STEPS_PER_BEAT).runs()
        return tuple(self._timed(Note(float(a), float(b), int(p), 80)) for a, b, p in zip(onset, offset, pitch, strict=True))

    def _timed(self, note: Note) -> Note:
        """A note in steps as one in seconds, at the score's tempos."""
        beats = (np.array([note.onset_s, note.offset_s]) - self.first_step) / STEPS_PER_BEAT
        onset, offset = TempoMap.from_tempos(self.kept.tempos).to_seconds(np.maximum(beats, 0.0))
        return replace(note, onset_s=float(onset), offset_s=float(offset))


def to_be_filled(score: Score, spans: Spans) -> Material:
    """All of ``score`` but the bars ``spans`` (first and last, from 1; a pickup is bar 0), whose notes are written anew.

    A note belongs to the bar in which it begins.

    Raises:
        OrchestrionError: the score changes its meter, or has no such bars.
    """
    roll, first_step = _from_a_bar(score)
    bar_steps = roll.meter[0] * 16 // roll.meter[1]
    n_bars, offset = -(-roll.n_steps // bar_steps), 0 if first_step else 1
    open_bars = np.zeros(n_bars, dtype=bool)
    for first, last in spans:
        if not offset <= first <= last < n_bars + offset:
            raise OrchestrionError(f"The score has the bars {offset} to {n_bars + offset - 1}; bars {first}-{last} cannot be filled.")
        open_bars[first - offset : last - offset + 1] = True
    open_steps = np.repeat(open_bars, bar_steps)
    kept = replace(score, parts=tuple(_without(part, open_steps, first_step, score) for part in score.parts))
    known = np.zeros((len(open_steps), 128, 3), dtype=np.uint8)
    known[~open_steps, :, 0] = 1
    given, _ = _from_a_bar(kept, first_step)
    n = min(given.n_steps, len(known))
    known[:n, :, 1:] = given.grid[:n]
    known[..., 0] |= known[..., 1]
    return Material(roll, known, kept, first_step)


def to_be_harmonised(melody: Score | None, bass: Score | None) -> Material:
    """A melody that nothing lies above, a bass that nothing lies below, or both.

    Raises:
        OrchestrionError: neither has notes, or they do not share tempo and meter.
    """
    lines = [(score.with_drums_removed(), place) for score, place in ((melody, 0), (bass, 3)) if score is not None]
    if not all(score.notes for score, _ in lines):
        raise OrchestrionError("There is no note to harmonise.")
    clock = lines[0][0]
    if any(score.tempos != clock.tempos or score.meters != clock.meters for score, _ in lines):
        raise OrchestrionError("The melody and the bass must have the same tempos and meters.")
    rolls = [_from_a_bar(score) for score, _ in lines]
    first_step, n_steps = rolls[0][1], max(roll.n_steps for roll, _ in rolls)
    known = np.zeros((n_steps, 128, 3), dtype=np.uint8)
    for (roll, _), (_, place) in zip(rolls, lines, strict=True):
        n, sounding = roll.n_steps, roll.grid[..., 0]
        beyond = np.cumsum(sounding[:, ::-1], axis=1)[:, ::-1] == 0 if place == 0 else np.cumsum(sounding, axis=1) == 0
        known[:n, :, 0] |= sounding | (beyond & sounding.any(axis=1, keepdims=True))
        known[:n, :, 1:] |= roll.grid
    parts = tuple(part for score, _ in lines for part in score.parts)
    roles = tuple(place for score, place in lines for _ in score.parts)
    grid = known[..., 1:].astype(bool)
    roll = PianoRoll(grid, STEPS_PER_BEAT, clock.tempos[0].bpm, rolls[0][0].meter)
    return Material(roll, known, replace(clock, parts=parts), first_step, roles)


def _from_a_bar(score: Score, first_step: int | None = None) -> tuple[PianoRoll, int]:
    """The roll from the beginning of a bar, and how many silent steps that took."""
    pickup = score.pickup_quarters
    if len(score.meters) > (2 if pickup else 1):
        raise OrchestrionError("The score changes its meter, so that its bars cannot be counted here; take a part of it.")
    roll = PianoRoll.from_score(score.with_drums_removed(), STEPS_PER_BEAT)
    if first_step is None:
        first_step = round((score.meter.bar_quarters - pickup) * STEPS_PER_BEAT) if pickup else 0
    if roll.meter[0] * 16 % roll.meter[1]:
        raise OrchestrionError(f"A meter of {roll.meter[0]}/{roll.meter[1]} has no whole sixteenths.")
    return replace(roll, grid=np.pad(roll.grid, ((first_step, 0), (0, 0), (0, 0)))), first_step


def _without(part: Part, open_steps: np.ndarray, first_step: int, score: Score) -> Part:
    """The part less its notes that begin in open steps; drums stay."""
    if part.is_drum:
        return part
    onsets = TempoMap.from_tempos(score.tempos).to_beats([note.onset_s for note in part.notes]) * STEPS_PER_BEAT + first_step
    steps = np.clip(np.floor(onsets + 0.5).astype(int), 0, len(open_steps) - 1)
    return replace(part, notes=tuple(note for note, step in zip(part.notes, steps, strict=True) if not open_steps[step]))
