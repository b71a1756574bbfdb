"""Corpora that come with music21: fiddle tunes, Bach's chorales, and any other of its collections.

- ``melodies``: Ryan's Mammoth Collection (1883) and O'Neill's Music of Ireland (1903), both in the public domain,
  in ABC notation. Tunes are taken as printed: repeats are not played out, grace notes and chord symbols are left out.
- ``chorales``: J. S. Bach's four-part chorales (public domain; MusicXML), all parts on one keyboard.

A piece is dropped when any note begins or ends off the grid of sixteenths (triplets, thirty-seconds), when its meter
changes, when it is shorter than 32 steps, or when it is a variant of one already taken (same first intervals). Step 0
is the start of a bar: a pickup leaves the steps before it empty.

music21's own cache of pickles is neither read nor written (``forceSource``, ``storePickle=False``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.datasets.corpora.piece import CorpusPiece, GridNote, distinct
from orchestrion.errors import OrchestrionError
from orchestrion.files import find_files
from orchestrion.suffixes import SCORES

if TYPE_CHECKING:
    from music21.stream import Part, Score

STEPS_PER_BEAT = 4
SHORTEST_STEPS = 32
CHORALE_FILE = re.compile(r"bwv\d+(\.\d+)?[a-z]?(-\w+)?\.(mxl|xml|krn)")

Report = Callable[[int, int], None]
"""Called with the number of files done and of all files."""


def read_melodies(report: Report | None = None) -> list[CorpusPiece]:
    """Parse both tune books (about 1,900 tunes, 1–2 minutes)."""
    books = [_folder("ryansMammoth"), _folder("oneills1850")]
    return _read_all(sorted(path for book in books for path in book.glob("*.abc")), report)


def read_chorales(report: Report | None = None) -> list[CorpusPiece]:
    """Parse the chorales in four parts (about 350, 1 minute)."""
    paths = sorted(path for path in _folder("bach").iterdir() if CHORALE_FILE.fullmatch(path.name))
    return _read_all(paths, report, n_parts=4)


def read_collection(name: str, report: Report | None = None) -> list[CorpusPiece]:
    """Parse a folder of the corpus, of a composer (``bach``) or a collection (``essenFolksong``); see the module.

    Raises:
        OrchestrionError: the corpus has no such folder, or none of its pieces lies on the grid.
    """
    root = _folder("bach").parent
    known = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("_"))
    if name not in known:
        raise OrchestrionError(f"music21's corpus has no {name!r}; it has {', '.join(known)}.")
    pieces = _read_all(find_files(root / name, SCORES), report)
    if not pieces:
        raise OrchestrionError(f"No piece of music21:{name} has all its notes on a grid of sixteenths in one meter.")
    return pieces


def split_tunes(text: str) -> list[str]:
    """The tunes of an ABC book: each begins with its ``X:`` line."""
    starts = [match.start() for match in re.finditer(r"^X:", text, flags=re.MULTILINE)]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def piece_from_score(score: Score, name: str) -> CorpusPiece | None:
    """A piece on the grid of sixteenths from music21's score; None where it does not fit (see the module's text)."""
    from music21.key import KeySignature
    from music21.meter import TimeSignature

    meters = {meter.ratioString for meter in score.flatten().getElementsByClass(TimeSignature)}
    if len(meters) != 1:
        return None
    numerator, denominator = map(int, meters.pop().split("/"))
    if numerator * 16 % denominator:
        return None
    keys = list(score.flatten().getElementsByClass(KeySignature))
    notes = _grid_notes(score.parts, _pickup_steps(score, numerator * 16 // denominator))
    if not notes or max(offset for _, offset, _ in notes) < SHORTEST_STEPS:
        return None
    return CorpusPiece(name, tuple(sorted(notes)), (numerator, denominator), keys[0].sharps if keys else 0)


def _folder(name: str) -> Path:
    from music21 import common

    return Path(common.getCorpusFilePath()) / name


def _read_all(paths: list[Path], report: Report | None, n_parts: int | None = None) -> list[CorpusPiece]:
    def pieces() -> Iterator[CorpusPiece]:
        for done, path in enumerate(paths, start=1):
            for name, score in _scores(path):
                if n_parts in (None, len(score.parts)) and (piece := piece_from_score(score, name)) is not None:
                    yield piece
            if report is not None:
                report(done, len(paths))

    return distinct(pieces())[0]


def _scores(path: Path) -> Iterator[tuple[str, Score]]:
    """The scores in a file, with their names; those that music21 cannot read are left out."""
    from music21 import converter
    from music21.exceptions21 import Music21Exception
    from music21.stream import Score

    # What music21's readers raise on the odd misprint in the two tune books.
    errors = (Music21Exception, ValueError, KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError)
    name = f"{path.parent.name}/{path.stem}"
    tunes = split_tunes(path.read_text(encoding="utf-8", errors="replace")) if path.suffix.lower() == ".abc" else [None]
    for number, tune in enumerate(tunes):
        try:
            if tune is None:
                read = converter.parseFile(path, forceSource=True, storePickle=False)
            else:
                read = converter.parseData(tune, format="abc")
        except errors:
            continue
        if isinstance(read, Score):
            yield name if tune is None else f"{name}#{number}", read


def _pickup_steps(score: Score, steps_per_bar: int) -> int:
    """Empty steps before the first note, so that step 0 begins a bar."""
    from music21.stream import Measure

    measures = list(score.parts[0].getElementsByClass(Measure))
    if not measures:
        return 0
    length = _on_grid(measures[0].duration.quarterLength)
    return steps_per_bar - length if length is not None and 0 < length < steps_per_bar else 0


def _grid_notes(parts: Iterable[Part], shift: int) -> list[GridNote]:
    """Notes, ``shift`` steps later; empty when any lies off the grid. Ties are joined a part at a time."""
    notes: list[GridNote] = []
    for part in parts:
        sounding: dict[int, int] = {}  # pitch -> index of its latest note, for ties
        for element in part.flatten().notes:
            if "Harmony" in element.classes or element.duration.isGrace:
                continue
            onset, length = _on_grid(element.offset), _on_grid(element.duration.quarterLength)
            if onset is None or length is None:
                return []
            if length == 0:
                continue
            for pitch in element.pitches:
                tied = element.tie is not None and element.tie.type in ("stop", "continue")
                before = sounding.get(pitch.midi)
                if tied and before is not None and notes[before][1] == onset + shift:
                    notes[before] = (notes[before][0], onset + shift + length, pitch.midi)
                    continue
                sounding[pitch.midi] = len(notes)
                notes.append((onset + shift, onset + shift + length, pitch.midi))
    return notes


def _on_grid(quarters: float | Fraction) -> int | None:
    steps = Fraction(quarters).limit_denominator(960) * STEPS_PER_BEAT
    return int(steps) if steps.denominator == 1 else None
