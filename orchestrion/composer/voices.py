"""Four-part writing on one keyboard told apart: who of an ensemble plays which note.

Choirs do not cross: of four notes the highest is the soprano's and so on. Where fewer sound, two parts share a note or one
rests; which, is what needs the smallest movement from the chord before. In a quartet whoever plays a note goes on with it,
players rest where there are fewer notes, and a line may cross its neighbour's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations

import numpy as np

from orchestrion.score import Note, Part

N_PARTS = 4
SILENT = -1


@dataclass(frozen=True)
class FourParts:
    """Four parts, the highest first.

    Attributes:
        name: as the composers' files call it.
        names: of the parts.
        programs: General MIDI numbers (from 0) of what plays them.
        ranges: lowest and highest pitch of each.
        has_players: whether ``programs`` are who plays, unless a person asks for others; else any one instrument that has them all.
        shares: whether parts share a note where fewer than four sound; else they rest.
        accepted: with which chance a drawn step is taken that breaks one of the rules of part-writing (`partwriting`), by the rule;
            empty where there are none.
    """

    name: str
    names: tuple[str, str, str, str]
    programs: tuple[int, int, int, int]
    ranges: tuple[tuple[int, int], ...]
    has_players: bool
    shares: bool
    accepted: Mapping[str, float]

    @property
    def middles(self) -> np.ndarray:
        """MIDI numbers [4]."""
        return np.array([(low + high) // 2 for low, high in self.ranges])


CHOIR = FourParts(
    "choir",
    ("Soprano", "Alto", "Tenor", "Bass"),
    (40, 40, 41, 42),  # violins, viola, cello
    ((59, 81), (53, 74), (47, 69), (36, 64)),
    has_players=False,
    shares=True,
    accepted={"fifths": 0.01, "octaves": 0.01, "leap": 0.02, "range": 0.02, "dissonance": 0.4, "unresolved": 0.1, "ending": 1e-6},
)
"""As choirs sing. Rules against parallels, leaps and notes out of a part's range hold nearly always in Bach's chorales; a
dissonance on a beat is a suspension there, so it is only made rarer."""
QUARTET = FourParts(
    "quartet",
    ("Violin I", "Violin II", "Viola", "Cello"),
    (40, 40, 41, 42),
    ((55, 96), (55, 91), (48, 84), (36, 76)),
    has_players=True,
    shares=False,
    accepted={"range": 0.001, "fifths": 0.2, "leap": 0.3, "ending": 1e-6},
)
"""Strings. Octaves between players are a colour there, and dissonances too many to be forbidden; fifths and leaps are made rarer."""
ENSEMBLES = {ensemble.name: ensemble for ensemble in (CHOIR, QUARTET)}

CROSSING, RANK, OUTSIDE, FROM_MIDDLE = 100.0, 6.0, 1000.0, 0.25
"""What it costs a quartet, in semitones moved: to play above the player before; above, or below, what one who rests has played last; out of
one's range; a semitone from one's middle. Of the notes of four movements (Haydn op. 74 no. 1, Mozart K. 458, Beethoven op. 18 no. 1 and op. 59
no. 3) these give 83 % to who plays them there, of three others' 84 % (`benchmarks/quartet_players.py`); with 7 and 0 for the first two 80 % of either."""


def assigned(rows: np.ndarray, pitch_low: int, ensemble: FourParts = CHOIR, given: np.ndarray | None = None) -> np.ndarray:
    """MIDI numbers [s, 4] of the parts in each step of ``rows`` [s, p, 2]; `SILENT` where one rests.

    Of more notes than parts those in the middle that are too many are left out.

    Args:
        given: [s, 4], lines of those parts that a person has written, `SILENT` elsewhere: in a quartet these players play
            nothing else.
    """
    if not ensemble.shares:
        return _by_player(rows, pitch_low, ensemble, np.full((len(rows), N_PARTS), SILENT) if given is None else given)
    lines, before = np.full((len(rows), N_PARTS), SILENT), ensemble.middles
    for step, row in enumerate(rows):
        chord = np.flatnonzero(row[:, 0])[::-1] + pitch_low
        if len(chord):
            lines[step] = before = placed(chord, before, ensemble)
    return lines


def _by_player(rows: np.ndarray, pitch_low: int, ensemble: FourParts, given: np.ndarray) -> np.ndarray:
    """As `assigned`: who held a note that is not struck anew goes on with it, the others' notes go to whom they cost least."""
    lines, before = given.copy(), ensemble.middles
    others = np.flatnonzero((given == SILENT).all(axis=0))
    held = np.full(N_PARTS, SILENT)
    for line, row in zip(lines, rows, strict=True):
        chord = [pitch for pitch in (np.flatnonzero(row[:, 0])[::-1] + pitch_low).tolist() if pitch not in line]
        goes_on = {int(player): int(held[player]) for player in others if held[player] in chord and not row[held[player] - pitch_low, 1]}
        cost, taken = _shared_out(line, others.tolist(), chord, goes_on, before, ensemble)
        if cost >= OUTSIDE and goes_on:  # it is better to pass a note on than to play one that the instrument lacks
            taken = min((cost, taken), _shared_out(line, others.tolist(), chord, {}, before, ensemble), key=lambda found: found[0])[1]
        line[list(taken)] = list(taken.values())
        held, before = line, np.where(line == SILENT, before, line)
    return lines


def _shared_out(
    line: np.ndarray, players: Sequence[int], chord: Sequence[int], goes_on: Mapping[int, int], before: np.ndarray, ensemble: FourParts
) -> tuple[float, dict[int, int]]:
    """Which of the ``players`` takes which note of ``chord``, beside what is taken in ``line``, and what that costs; some go on with theirs."""
    free = [player for player in players if player not in goes_on]
    new = _at_most(len(free), [pitch for pitch in chord if pitch not in goes_on.values()])
    choices = [{**goes_on, **dict(zip(chosen, new, strict=True))} for chosen in permutations(free, len(new))]
    return min(((_cost(line, taken, before, ensemble), taken) for taken in choices), key=lambda found: found[0])


def _cost(line: np.ndarray, taken: Mapping[int, int], before: np.ndarray, ensemble: FourParts) -> float:
    """What it costs that players take pitches beside what is taken in ``line``, in semitones."""
    low, high = np.array(ensemble.ranges).T
    at, new, whole = list(taken), np.array(list(taken.values()), dtype=int), line.copy()
    whole[at] = new
    crossings, out_of_rank = (int((np.diff(pitches) > 0).sum()) for pitches in (whole[whole != SILENT], np.where(whole == SILENT, before, whole)))
    outside = int(((new < low[at]) | (new > high[at])).sum())
    moved, away = np.abs(new - before[at]).sum(), np.abs(new - ensemble.middles[at]).sum()
    return float(moved + FROM_MIDDLE * away + CROSSING * crossings + RANK * out_of_rank + OUTSIDE * outside)


def placed(chord: np.ndarray, before: np.ndarray, ensemble: FourParts = CHOIR) -> np.ndarray:
    """A falling ``chord`` as four parts, every note of it in one at least; as near to those ``before`` as can be."""
    if len(chord) > N_PARTS:
        return np.array(_at_most(N_PARTS, chord.tolist()))
    choices = [
        chord[list(places)]
        for places in combinations_with_replacement(range(len(chord)), N_PARTS)
        if len(set(places)) == len(chord)
    ]
    return min(choices, key=lambda placed: (_outside(placed, ensemble), int(np.abs(placed - before).sum())))


def _at_most(n: int, chord: list[int]) -> list[int]:
    """A falling chord less those in the middle that are too many."""
    return chord if len(chord) <= n else chord[: -(-n // 2)] + chord[len(chord) - n // 2 :]


def _outside(placed: np.ndarray, ensemble: FourParts) -> int:
    return sum(not low <= pitch <= high for pitch, (low, high) in zip(placed, ensemble.ranges, strict=True))


def parts_of(
    rows: np.ndarray, pitch_low: int, step_s: float, ensemble: FourParts = CHOIR, given: np.ndarray | None = None, velocity: int = 80
) -> tuple[Part, ...]:
    """The four parts of ``rows`` [s, p, 2]; ``given`` as in `assigned`."""
    lines = assigned(rows, pitch_low, ensemble, given)
    return tuple(
        Part(name, program, tuple(_notes(line, rows, pitch_low, step_s, velocity)))
        for name, program, line in zip(ensemble.names, ensemble.programs, lines.T, strict=True)
    )


def _notes(line: np.ndarray, rows: np.ndarray, pitch_low: int, step_s: float, velocity: int) -> list[Note]:
    notes: list[Note] = []
    begun: int | None = None
    for step in range(len(line) + 1):
        pitch = line[step] if step < len(line) else SILENT
        goes_on = step and pitch == line[step - 1] and pitch != SILENT and not rows[step, pitch - pitch_low, 1]
        if begun is not None and not goes_on:
            notes.append(Note(begun * step_s, step * step_s, int(line[begun]), velocity))
            begun = None
        if pitch != SILENT and not goes_on:
            begun = step
    return notes
