"""Symbolic corpora that come with music21, as notes on a grid of sixteenths: fiddle tunes, Bach's chorales, any folder.

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
from typing import Any

from orchestrion.datasets.corpora.piece import Piece, fingerprint
from orchestrion.errors import OrchestrionError

STEPS_PER_BEAT = 4
SHORTEST_STEPS = 32
COLLECTION_SUFFIXES = (".mxl", ".xml", ".musicxml", ".krn", ".abc", ".mid")
CHORALE_FILE = re.compile(r"bwv\d+(\.\d+)?[a-z]?(-\w+)?\.(mxl|xml|krn)")


def read_melodies(report: Callable[[int, int], None] | None = None) -> list[Piece]:
    """Parse both tune books (about 1,900 tunes, 1–2 minutes); ``report(done, total)`` follows the files."""
    paths = sorted([*_folder("ryansMammoth").glob("*.abc"), *_folder("oneills1850").glob("*.abc")])
    return _distinct(_read_all(paths, _abc_streams, report))


def read_chorales(report: Callable[[int, int], None] | None = None) -> list[Piece]:
    """Parse the chorales in four parts (about 350, 1 minute)."""
    paths = sorted(p for p in _folder("bach").iterdir() if CHORALE_FILE.fullmatch(p.name))
    pieces = _read_all(paths, _chorale_stream, report)
    return _distinct(pieces)


def read_collection(name: str, report: Callable[[int, int], None] | None = None) -> list[Piece]:
    """Parse a folder of the corpus, of a composer (``bach``) or a collection (``essenFolksong``); see the module.

    Raises:
        OrchestrionError: the corpus has no such folder, or none of its pieces lies on the grid.
    """
    root = _folder("bach").parent
    known = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("_"))
    if name not in known:
        raise OrchestrionError(f"music21's corpus has no {name!r}; it has {', '.join(known)}.")
    paths = sorted(path for path in (root / name).rglob("*") if path.suffix.lower() in COLLECTION_SUFFIXES)
    pieces = _distinct(_read_all(paths, _streams, report))
    if not pieces:
        raise OrchestrionError(f"No piece of music21:{name} has all its notes on a grid of sixteenths in one meter.")
    return pieces


def _streams(path: Path) -> Iterator[tuple[str, Any]]:
    if path.suffix.lower() == ".abc":
        yield from _abc_streams(path)
        return
    stream = _parsed(path)
    if stream is not None:
        yield f"{path.parent.name}/{path.stem}", stream


def _parsed(path: Path) -> Any:
    """The score in ``path``, None where music21 cannot read it."""
    from music21 import converter
    from music21.stream import Score

    try:
        stream = converter.parseFile(path, forceSource=True, storePickle=False)
    except _parse_errors():
        return None
    return stream if isinstance(stream, Score) else None


def _folder(name: str) -> Path:
    from music21 import common

    return Path(common.getCorpusFilePath()) / name


def _read_all(
    paths: list[Path],
    streams: Callable[[Path], Iterator[tuple[str, Any]]],
    report: Callable[[int, int], None] | None,
) -> Iterator[Piece]:
    for done, path in enumerate(paths, start=1):
        for name, stream in streams(path):
            piece = piece_from_stream(stream, name)
            if piece is not None:
                yield piece
        if report is not None:
            report(done, len(paths))


def _parse_errors() -> tuple[type[Exception], ...]:
    # What music21's readers raise on the odd misprint in the two tune books.
    from music21.exceptions21 import Music21Exception

    return (Music21Exception, ValueError, KeyError, IndexError, TypeError, AttributeError, ZeroDivisionError)


def _abc_streams(path: Path) -> Iterator[tuple[str, Any]]:
    from music21 import converter

    text = path.read_text(encoding="utf-8", errors="replace")
    for number, tune in enumerate(split_tunes(text)):
        try:
            yield f"{path.parent.name}/{path.stem}#{number}", converter.parseData(tune, format="abc")
        except _parse_errors():
            continue


def split_tunes(text: str) -> list[str]:
    """The tunes of an ABC book: each begins with its ``X:`` line."""
    starts = [match.start() for match in re.finditer(r"^X:", text, flags=re.MULTILINE)]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def _chorale_stream(path: Path) -> Iterator[tuple[str, Any]]:
    stream = _parsed(path)
    if stream is not None and len(stream.parts) == 4:
        yield f"bach/{path.stem}", stream


def piece_from_stream(stream: Any, name: str) -> Piece | None:
    """A piece on the grid of sixteenths from a music21 stream; None where it does not fit (see the module's text)."""
    meters = {m.ratioString for m in stream.flatten().getElementsByClass("TimeSignature")}
    if len(meters) != 1:
        return None
    numerator, denominator = map(int, meters.pop().split("/"))
    if numerator * 16 % denominator:
        return None
    keys = list(stream.flatten().getElementsByClass("KeySignature"))
    first_bar = _pickup_steps(stream, numerator * 16 // denominator)
    notes = _grid_notes(stream.parts, first_bar)
    if not notes or max(off for _, off, _ in notes) < SHORTEST_STEPS:
        return None
    return Piece(name, tuple(sorted(notes)), (numerator, denominator), keys[0].sharps if keys else 0)


def _pickup_steps(stream: Any, steps_per_bar: int) -> int:
    """Empty steps before the first note, so that step 0 begins a bar."""
    measures = list(stream.parts[0].getElementsByClass("Measure"))
    if not measures:
        return 0
    length = _on_grid(measures[0].duration.quarterLength)
    return steps_per_bar - length if length is not None and 0 < length < steps_per_bar else 0


def _grid_notes(parts: Iterable[Any], shift: int) -> list[tuple[int, int, int]]:
    """Notes ``(onset, offset, pitch)`` in steps; empty when any lies off the grid. Ties are joined a part at a time."""
    notes: list[tuple[int, int, int]] = []
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


def _distinct(pieces: Iterable[Piece]) -> list[Piece]:
    """The first of each group of pieces that open with the same intervals."""
    found: dict[str, Piece] = {}
    for piece in pieces:
        found.setdefault(fingerprint(piece), piece)
    return list(found.values())
