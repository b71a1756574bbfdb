"""Six built-in melodies, all in the public domain, written down from memory as one line each.

Notation: notes separated by blanks, each ``NAME:QUARTERS`` (``C4`` is middle C, ``F#4`` a semitone above, ``Bb4`` one
below B4); without a length a note has that of the note before; ``~`` ties it to the next. ``|`` separates bars, and a
test compares each bar with the meter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from orchestrion.score.notes import Meter, Note, Part, Tempo, parse_pitch
from orchestrion.score.score import Score

# A note is let go this part of its length early (at most SEPARATION_S), so that repeated notes are heard apart.
SEPARATION = 0.1
SEPARATION_S = 0.04
VELOCITY = 84
DOWNBEAT_VELOCITY = 96


@dataclass(frozen=True, slots=True)
class Tune:
    """A melody in the notation above; ``bpm`` counts quarter notes."""

    title: str
    bpm: float
    meter: tuple[int, int]
    bars: str


TUNES: Mapping[str, Tune] = {
    # Beethoven, Symphony no. 9 (1824), fourth movement; here in G. The tie into bar 13 is his.
    "ode-to-joy": Tune(
        "Ode to Joy",
        120,
        (4, 4),
        """
        B4:1 B4 C5 D5 | D5 C5 B4 A4 | G4 G4 A4 B4 | B4:1.5 A4:.5 A4:2 |
        B4:1 B4 C5 D5 | D5 C5 B4 A4 | G4 G4 A4 B4 | A4:1.5 G4:.5 G4:2 |
        A4:1 A4 B4 G4 | A4 B4:.5 C5 B4:1 G4 | A4 B4:.5 C5 B4:1 A4 | G4 A4 D4 B4~ |
        B4:1 B4 C5 D5 | D5 C5 B4 A4 | G4 G4 A4 B4 | A4:1.5 G4:.5 G4:2
        """,
    ),
    # Patty and Mildred Hill, Good Morning to All (1893).
    "happy-birthday": Tune(
        "Happy Birthday",
        100,
        (3, 4),
        """
        C4:.75 C4:.25 |
        D4:1 C4 F4 | E4:2 C4:.75 C4:.25 | D4:1 C4 G4 | F4:2 C4:.75 C4:.25 |
        C5:1 A4 F4 | E4 D4 Bb4:.75 Bb4:.25 | A4:1 F4 G4 | F4:3
        """,
    ),
    # Ah! vous dirai-je, maman (France, 1761).
    "twinkle-twinkle": Tune(
        "Twinkle, Twinkle, Little Star",
        108,
        (4, 4),
        """
        C4:1 C4 G4 G4 | A4 A4 G4:2 | F4:1 F4 E4 E4 | D4 D4 C4:2 |
        G4:1 G4 F4 F4 | E4 E4 D4:2 | G4:1 G4 F4 F4 | E4 E4 D4:2 |
        C4:1 C4 G4 G4 | A4 A4 G4:2 | F4:1 F4 E4 E4 | D4 D4 C4:2
        """,
    ),
    # France, 18th century.
    "frere-jacques": Tune(
        "Frère Jacques",
        116,
        (4, 4),
        """
        F4:1 G4 A4 F4 | F4 G4 A4 F4 | A4 Bb4 C5:2 | A4:1 Bb4 C5:2 |
        C5:.5 D5 C5 Bb4 A4:1 F4 | C5:.5 D5 C5 Bb4 A4:1 F4 | F4 C4 F4:2 | F4:1 C4 F4:2
        """,
    ),
    # England, about 1580; verse and refrain, in A with the raised sixth.
    "greensleeves": Tune(
        "Greensleeves",
        100,
        (6, 8),
        """
        A4:.5 |
        C5:1 D5:.5 E5:.75 F#5:.25 E5:.5 | D5:1 B4:.5 G4:.75 A4:.25 B4:.5 |
        C5:1 A4:.5 A4:.75 G#4:.25 A4:.5 | B4:1 G#4:.5 E4:1 A4:.5 |
        C5:1 D5:.5 E5:.75 F#5:.25 E5:.5 | D5:1 B4:.5 G4:.75 A4:.25 B4:.5 |
        C5:.75 B4:.25 A4:.5 G#4:.75 F#4:.25 G#4:.5 | A4:1.5 A4:1.5 |
        G5:1.5 G5:.75 F#5:.25 E5:.5 | D5:1 B4:.5 G4:.75 A4:.25 B4:.5 |
        C5:1 A4:.5 A4:.75 G#4:.25 A4:.5 | B4:1 G#4:.5 E4:1.5 |
        G5:1.5 G5:.75 F#5:.25 E5:.5 | D5:1 B4:.5 G4:.75 A4:.25 B4:.5 |
        C5:.75 B4:.25 A4:.5 G#4:.75 F#4:.25 G#4:.5 | A4:3
        """,
    ),
    # Christian Petzold, from the Notebook for Anna Magdalena Bach (1725), BWV Anh. 114: both sections, upper voice,
    # without the repeats.
    "minuet-in-g": Tune(
        "Minuet in G",
        144,
        (3, 4),
        """
        D5:1 G4:.5 A4 B4 C5 | D5:1 G4 G4 | E5 C5:.5 D5 E5 F#5 | G5:1 G4 G4 |
        C5:1 D5:.5 C5 B4 A4 | B4:1 C5:.5 B4 A4 G4 | F#4:1 G4:.5 A4 B4 G4 | A4:3 |
        D5:1 G4:.5 A4 B4 C5 | D5:1 G4 G4 | E5 C5:.5 D5 E5 F#5 | G5:1 G4 G4 |
        C5:1 D5:.5 C5 B4 A4 | B4:1 C5:.5 B4 A4 G4 | A4:1 B4:.5 A4 G4 F#4 | G4:3 |
        B5:1 G5:.5 A5 B5 G5 | A5:1 D5:.5 E5 F#5 D5 | G5:1 E5:.5 F#5 G5 D5 | C#5:1 B4:.5 C#5 A4:1 |
        A4:.5 B4 C#5 D5 E5 F#5 | G5:1 F#5 E5 | F#5 A4 C#5 | D5:3 |
        D5:1 G4:.5 F#4 G4:1 | E5:1 G4:.5 F#4 G4:1 | D5:1 C5 B4 | A4:.5 G4 F#4 G4 A4:1 |
        D4:.5 E4 F#4 G4 A4 B4 | C5:1 B4 A4 | B4:.5 D5 G4:1 F#4 | G4:3
        """,
    ),
}


def parse_bars(bars: str) -> list[list[tuple[int, Fraction, bool]]]:
    """Bars of (pitch, quarters, tied to the next note).

    >>> parse_bars("C4:1 E4~ | E4:.5")
    [[(60, Fraction(1, 1), False), (64, Fraction(1, 1), True)], [(64, Fraction(1, 2), False)]]
    """
    quarters = Fraction(1)
    parsed = []
    for bar in bars.split("|"):
        notes = []
        for word in bar.split():
            name, _, length = word.rstrip("~").partition(":")
            quarters = Fraction(length) if length else quarters
            notes.append((parse_pitch(name), quarters, word.endswith("~")))
        parsed.append(notes)
    return parsed


def _score(tune: Tune) -> Score:
    beat_s = 60.0 / tune.bpm
    notes: list[Note] = []
    position, begun = Fraction(0), None
    for bar in parse_bars(tune.bars):
        for index, (pitch, quarters, tied) in enumerate(bar):
            start, velocity = begun or (position, VELOCITY if index else DOWNBEAT_VELOCITY)
            position += quarters
            begun = (start, velocity) if tied else None
            if not tied:
                notes.append(_note(start, position, pitch, velocity, beat_s))
    return Score(
        (Part("melody", 0, tuple(notes)),), (Tempo(0.0, tune.bpm),), (Meter(0.0, *tune.meter),), tune.title
    )


def _note(start: Fraction, end: Fraction, pitch: int, velocity: int, beat_s: float) -> Note:
    length_s = float(end - start) * beat_s
    onset_s = float(start) * beat_s
    return Note(onset_s, onset_s + length_s - min(SEPARATION * length_s, SEPARATION_S), pitch, velocity)


class _BuiltinTunes(Mapping[str, Score]):
    """The tunes by name, each made when it is first asked for."""

    def __getitem__(self, name: str) -> Score:
        return _made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(TUNES)

    def __len__(self) -> int:
        return len(TUNES)

    def __contains__(self, name: object) -> bool:
        return name in TUNES


@cache
def _made(name: str) -> Score:
    return _score(TUNES[name])


BUILTIN_TUNES: Mapping[str, Score] = _BuiltinTunes()
