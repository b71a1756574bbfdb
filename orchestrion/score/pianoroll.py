"""`PianoRoll`: a score on the grid of steps, what the composer reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_BPM, MAX_ROLL_STEPS, MIN_BPM
from orchestrion.score.notearray import note_array, notes_of
from orchestrion.score.notes import N_PITCHES, Meter, Part, Tempo
from orchestrion.score.score import Score
from orchestrion.score.tempomap import TempoMap, round_half_up

MAX_STEPS_PER_BEAT = 960

# Two notes of one pitch that overlap by less than this follow each other; the overlap is a rounding error.
TOUCHING_BEATS = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PianoRoll:
    """What sounds and what is struck, step by step.

    Args:
        grid: bool [s, 128, 2]; ``[..., 0]`` sounding, ``[..., 1]`` articulated (struck in this step). Every run of
            sounding steps begins with an articulated one, and nothing is articulated that does not sound. Copied and
            read-only.
        steps_per_beat: steps a quarter note, 1 to 960.
        bpm: quarter notes a minute.
        meter: numerator and denominator.

    Raises:
        OrchestrionError: a wrong shape, more than a million steps, or a grid that no notes make.
    """

    grid: np.ndarray
    steps_per_beat: int = 4
    bpm: float = 120.0
    meter: tuple[int, int] = (4, 4)

    def __post_init__(self) -> None:
        grid = np.array(self.grid)
        if grid.dtype != np.bool_ or grid.ndim != 3 or grid.shape[1:] != (N_PITCHES, 2):
            raise OrchestrionError(f"A piano roll is bool [s, 128, 2], not {grid.dtype} {list(grid.shape)}.")
        _check_size(len(grid), self.steps_per_beat)
        if not MIN_BPM <= self.bpm <= MAX_BPM:
            raise OrchestrionError(f"A tempo of {self.bpm} beats a minute is outside {MIN_BPM:.1f} to {MAX_BPM:.0f}.")
        Meter(0.0, *self.meter)
        sounding, articulated = grid[..., 0], grid[..., 1]
        if np.any(articulated & ~sounding):
            raise OrchestrionError("A piano roll articulates a note that does not sound.")
        if len(grid) and np.any(_begins(sounding) & ~articulated):
            raise OrchestrionError("A piano roll holds a note that nothing articulates.")
        grid.setflags(write=False)
        object.__setattr__(self, "grid", grid)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PianoRoll):
            return NotImplemented
        mine, theirs = (self.steps_per_beat, self.bpm, self.meter), (other.steps_per_beat, other.bpm, other.meter)
        return mine == theirs and np.array_equal(self.grid, other.grid)

    def __hash__(self) -> int:
        return hash((self.grid.tobytes(), self.steps_per_beat, self.bpm, self.meter))

    @classmethod
    def from_score(cls, score: Score, steps_per_beat: int = 4) -> PianoRoll:
        """Round the pitched notes of ``score`` to steps of 1/``steps_per_beat`` quarter notes; drums are left out.

        Boundaries are rounded in beats, so that tempo changes are followed; each note lasts at least a step. The roll
        takes the first tempo and the meter of the score (after a pickup). No note vanishes: where repeated notes of one pitch fall into one
        step, the later moves to the next free one. (Notes of one pitch that sound at once, in two parts say, and begin
        in one step are one key on the roll, held as long as the longer; beginning in different steps, the later attack
        cuts the earlier note.)

        Raises:
            OrchestrionError: more than a million steps.
        """
        _check_size(0, steps_per_beat)
        onset, offset, pitch = _quantised(score, steps_per_beat)
        n_steps = int(offset.max(initial=0))
        _check_size(n_steps, steps_per_beat)
        grid = np.zeros((n_steps, N_PITCHES, 2), dtype=bool)
        for start, end, key in zip(onset, offset, pitch, strict=True):
            grid[start:end, key, 0] = True
        grid[onset, pitch, 1] = True
        meter = score.meter
        return cls(grid, steps_per_beat, score.tempos[0].bpm, (meter.numerator, meter.denominator))

    def to_score(self, program: int = 0, velocity: int = 80, name: str = "melody") -> Score:
        """The notes of the roll as one part at its tempo; `from_score` gives the roll back, less silence after it."""
        onset, offset, pitch = self.runs()
        step_s = 60.0 / (self.bpm * self.steps_per_beat)
        notes = notes_of(onset * step_s, offset * step_s, pitch, velocity)
        return Score((Part(name, program, notes),), (Tempo(0.0, self.bpm),), (Meter(0.0, *self.meter),))

    def _repr_html_(self) -> str:
        """In a notebook: as `Score`, with the grid it is on."""
        from orchestrion.score.showing import score_html

        return score_html(self.to_score(), f"Piano roll, {self.n_steps} steps, {self.steps_per_beat} a beat")

    @property
    def n_steps(self) -> int:
        """Steps."""
        return len(self.grid)

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return self.n_steps * 60.0 / (self.bpm * self.steps_per_beat)

    def runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Onset step, offset step (half-open) and pitch of every note, int64 [n] each, by pitch and then by time."""
        sounding, articulated = self.grid[..., 0], self.grid[..., 1]
        ends = sounding.copy()
        ends[:-1] &= ~sounding[1:] | articulated[1:]
        # Both are read pitch by pitch, so the n-th beginning and the n-th end of a pitch belong together.
        pitch, onset = np.nonzero(articulated.T)
        return onset, np.nonzero(ends.T)[1] + 1, pitch


def _quantised(score: Score, steps_per_beat: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Onset step, offset step and pitch of each note, int64 [n], no two of a pitch in one step."""
    notes = note_array(score.notes)
    beats = TempoMap.from_tempos(score.tempos).to_beats(np.stack([notes["onset_s"], notes["offset_s"]], axis=1))
    steps = round_half_up(beats * steps_per_beat)
    pitch = notes["pitch"]
    placed: list[tuple[int, int, int]] = []
    for key in np.unique(pitch):
        mine = np.flatnonzero(pitch == key)
        order = mine[np.argsort(beats[mine, 0], kind="stable")]
        placed += [(on, off, int(key)) for on, off in _place(beats[order].tolist(), steps[order].tolist())]
    table = np.array(placed, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _place(beats: list[list[float]], steps: list[list[int]]) -> list[list[int]]:
    """Steps [onset, offset] of the notes of one pitch, in order of onset; see `PianoRoll.from_score`."""
    placed: list[list[int]] = []
    sounds_until = -1.0
    for (onset_beat, offset_beat), (onset, offset) in zip(beats, steps, strict=True):
        if placed and onset <= placed[-1][0]:
            if onset_beat < sounds_until - TOUCHING_BEATS:
                placed[-1][1] = max(placed[-1][1], offset)
                sounds_until = max(sounds_until, offset_beat)
                continue
            onset = placed[-1][0] + 1
        if placed:
            placed[-1][1] = min(placed[-1][1], onset)
        placed.append([onset, max(offset, onset + 1)])
        sounds_until = offset_beat
    return placed


def _begins(sounding: np.ndarray) -> np.ndarray:
    begins = sounding.copy()
    begins[1:] &= ~sounding[:-1]
    return begins


def _check_size(n_steps: int, steps_per_beat: int) -> None:
    if not 1 <= steps_per_beat <= MAX_STEPS_PER_BEAT:
        raise OrchestrionError(f"{steps_per_beat} steps a beat is outside 1 to {MAX_STEPS_PER_BEAT}.")
    if n_steps > MAX_ROLL_STEPS:
        raise OrchestrionError(f"A piano roll of {n_steps:,} steps is longer than the {MAX_ROLL_STEPS:,} allowed.")
