"""Notes in seconds, written in bars: as they were played, or on a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.labelling.beats import beats_of, tempo_of
from orchestrion.options import GRIDS, Transcribing
from orchestrion.score import Meter, Note, Part, Score, Tempo

UNKNOWN_BPM = 120.0  # of too few notes to tell: what MIDI files say that say nothing
EARLY_BEATS = 0.3  # an onset so little before a beat is meant to be on it
STEADY_S = 0.05  # beats nowhere farther from equal ones are equal


@dataclass(frozen=True, slots=True)
class Barred:
    """A score whose first bar begins at 0 s.

    Args:
        start_s: where in the recording that is.
        bpm: quarter notes a minute, the mean over the piece.
    """

    score: Score
    start_s: float
    bpm: float


def in_bars(part: Part, wishes: Transcribing, *, is_melody: bool = False, title: str = "") -> Barred:
    """Find tempo and beats of ``part`` (in seconds) and write it in bars, the first of which begins with the first note.

    Notes that are left as they were played have a tempo of their own in each bar, where it is not steady.

    Args:
        is_melody: whether one note at a time is to sound on the grid.

    Raises:
        OrchestrionError: no notes, or a pickup as long as a bar.
    """
    bpm, meter, pickup = wishes.tempo, wishes.meter, wishes.pickup
    grid = None if wishes.quantize is None else GRIDS.get(wishes.quantize)
    first_bar = Meter(0.0, *meter)
    is_ternary = meter[1] == 8 and meter[0] % 3 == 0 and meter[0] > 3
    beat_quarters = 1.5 if is_ternary else 1.0
    if not 0 <= pickup * beat_quarters < first_bar.bar_quarters:
        raise OrchestrionError(f"A pickup of {pickup} beats does not fit a bar of {meter[0]}/{meter[1]}.")
    if not part.notes:
        raise OrchestrionError("No notes were heard; there is nothing to write.")
    beat_bpm = tempo_of(part.notes, ternary=is_ternary) if bpm is None else bpm / beat_quarters
    beats_s = _from_first_note(beats_of(part.notes, beat_bpm or UNKNOWN_BPM / beat_quarters), part.notes)
    period_s = _period_s(beats_s)
    played_bpm = 60 * beat_quarters / period_s
    # Who names a tempo gets it, unless what was played is clearly another.
    written_bpm = bpm if bpm is not None and (grid or abs(played_bpm / bpm - 1) < 0.02) else played_bpm
    if grid is not None:
        quarters = _Quarters(part.notes, beats_s, beat_quarters)
        notes = quarters.on_grid(grid, 60 / written_bpm, is_melody)
        tempos: tuple[Tempo, ...] = (Tempo(0.0, written_bpm),)
    else:
        origin_s = float(min(beats_s[0], part.notes[0].onset_s))
        notes = tuple(replace(n, onset_s=n.onset_s - origin_s, offset_s=n.offset_s - origin_s) for n in part.notes)
        tempos = _tempos(beats_s - beats_s[0], first_bar.bar_quarters / beat_quarters, pickup, 60 * beat_quarters, written_bpm)
    meters = [first_bar]
    if pickup:
        line_s = pickup * 60 * beat_quarters / written_bpm if len(tempos) == 1 else float(beats_s[pickup] - beats_s[0])
        meters = [Meter(0.0, 3 * pickup if is_ternary else pickup, 8 if is_ternary else 4), replace(first_bar, time_s=line_s)]
    score = Score((replace(part, notes=notes),), tempos, tuple(meters), title)
    return Barred(score, max(float(beats_s[0]), 0.0), written_bpm)


def _from_first_note(beats_s: np.ndarray, notes: Sequence[Note]) -> np.ndarray:
    """The beats from the one on that the first note is on, or after."""
    first = float(np.interp(min(note.onset_s for note in notes), beats_s, np.arange(len(beats_s))))
    return beats_s[min(math.floor(first + EARLY_BEATS), len(beats_s) - 2) :]


def _period_s(beats_s: np.ndarray) -> float:
    """Seconds a beat, by least squares."""
    return float(np.polyfit(np.arange(len(beats_s)), beats_s, 1)[0])


def _tempos(beats_s: np.ndarray, bar_beats: float, pickup: int, beat_bpm_s: float, bpm: float) -> tuple[Tempo, ...]:
    """One tempo where the beats [n], from 0 s on, are equal, else one a bar; a beat of one second has the tempo ``beat_bpm_s``."""
    numbers = np.arange(len(beats_s))
    if np.abs(beats_s - numbers * beat_bpm_s / bpm).max() < STEADY_S:
        return (Tempo(0.0, bpm),)
    lines = np.unique([0.0, *np.arange(pickup, numbers[-1], bar_beats), numbers[-1]])
    lines_s = np.interp(lines, numbers, beats_s)
    tempos = beat_bpm_s * np.diff(lines) / np.diff(lines_s)
    return tuple(Tempo(float(start_s), float(tempo)) for start_s, tempo in zip(lines_s, tempos, strict=False))


@dataclass(frozen=True)
class _Quarters:
    """Notes on the clock of beats."""

    notes: Sequence[Note]
    beats_s: np.ndarray
    beat_quarters: float

    def _at(self, time_s: float) -> float:
        """Quarters since the first beat; before it, by the length of the first beat."""
        before_s = min(time_s - float(self.beats_s[0]), 0.0)
        beats = np.interp(time_s, self.beats_s, np.arange(len(self.beats_s))) + before_s / (self.beats_s[1] - self.beats_s[0])
        return float(beats) * self.beat_quarters

    def on_grid(self, steps_per_quarter: int, quarter_s: float, is_melody: bool) -> tuple[Note, ...]:
        """Every note at the nearest step and at least one long; where two would share one (of one pitch, or in a melody), the later moves."""
        step_s = quarter_s / steps_per_quarter
        placed: dict[int, list[list[int]]] = {}
        for note in sorted(self.notes, key=lambda note: (note.onset_s, note.pitch)):
            onset, offset = (round(self._at(time_s) * steps_per_quarter) for time_s in (note.onset_s, note.offset_s))
            line = placed.setdefault(0 if is_melody else note.pitch, [])
            onset = max(onset, line[-1][0] + 1 if line else 0)
            if line:
                line[-1][1] = min(line[-1][1], onset)
            line.append([onset, max(offset, onset + 1), note.pitch, note.velocity])
        return tuple(
            sorted(
                (Note(on * step_s, off * step_s, pitch, velocity) for line in placed.values() for on, off, pitch, velocity in line),
                key=lambda note: (note.onset_s, note.pitch),
            )
        )
