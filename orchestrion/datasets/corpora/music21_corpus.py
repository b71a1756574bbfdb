"""Corpora that come with music21: fiddle tunes, Bach's chorales, and any other of its collections.

- ``melodies``: Ryan's Mammoth Collection (1883) and O'Neill's Music of Ireland (1903), both in the public domain,
  in ABC notation. Tunes are taken as printed: repeats are not played out, grace notes and chord symbols are left out.
- ``chorales``: J. S. Bach's four-part chorales (public domain; MusicXML), all parts on one keyboard.
- ``quartets``: passages of string quartets by Haydn, Mozart and Beethoven (public domain; MusicXML; see `quartets`).

Of the others a piece is dropped when any note begins or ends off the grid of sixteenths (triplets, thirty-seconds), when its meter
changes, when it is shorter than 32 steps, or when it is a variant of one already taken (same first intervals). Step 0
is the start of a bar: a pickup leaves the steps before it empty.

The files are music21's, the readers ours: music21's forget an accidental within its bar and read voices one after another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from orchestrion.datasets.corpora import quartets
from orchestrion.datasets.corpora.piece import CorpusPiece, distinct
from orchestrion.errors import OrchestrionError
from orchestrion.files import find_files
from orchestrion.reading import abc
from orchestrion.reading.notationfiles import KINDS, decode_text, read_written
from orchestrion.reading.unfolding import printed_notes
from orchestrion.reading.written import Written

STEPS_PER_BEAT = 4
SHORTEST_STEPS = 32
CHORALE_FILE = re.compile(r"bwv\d+(\.\d+)?[a-z]?(-\w+)?\.(mxl|xml|krn)")

Report = Callable[[int, int], None]
"""Called with the number of files done and of all files."""


def read_melodies(report: Report | None = None) -> list[CorpusPiece]:
    """Parse both tune books (about 1,900 tunes, 1–2 minutes)."""
    books = [folder("ryansMammoth"), folder("oneills1850")]
    return _read_all(sorted(path for book in books for path in book.glob("*.abc")), report)


def read_chorales(report: Report | None = None) -> list[CorpusPiece]:
    """Parse the chorales in four parts (about 350, 1 minute)."""
    paths = sorted(path for path in folder("bach").iterdir() if CHORALE_FILE.fullmatch(path.name))
    return _read_all(paths, report, n_parts=4)


def read_quartets(report: Report | None = None) -> list[CorpusPiece]:
    """Parse the quartets' passages (289, half a minute)."""
    paths = [path for name in ("haydn", "mozart", "beethoven") for path in sorted(folder(name).rglob("*.mxl"))]
    found: list[CorpusPiece] = []
    for done, path in enumerate(paths, start=1):
        composer, *work = path.relative_to(folder("bach").parent).with_suffix("").parts
        for _, written in _written(path):
            if len(written.parts) == quartets.N_PLAYERS:
                found += quartets.passages(written, f"{composer}-{'/'.join(work)}")
        if report is not None:
            report(done, len(paths))
    return found


def read_collection(name: str, report: Report | None = None) -> list[CorpusPiece]:
    """Parse a folder of the corpus, of a composer (``bach``) or a collection (``essenFolksong``); see the module.

    Raises:
        OrchestrionError: the corpus has no such folder, or none of its pieces lies on the grid.
    """
    root = folder("bach").parent
    known = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("_"))
    if name not in known:
        raise OrchestrionError(f"music21's corpus has no {name!r}; it has {', '.join(known)}.")
    pieces = _read_all(find_files(root / name, KINDS), report)
    if not pieces:
        raise OrchestrionError(f"No piece of music21:{name} has all its notes on a grid of sixteenths in one meter.")
    return pieces


def split_tunes(text: str) -> list[str]:
    """The tunes of an ABC book: each begins with its ``X:`` line."""
    starts = [match.start() for match in re.finditer(r"^X:", text, flags=re.MULTILINE)]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def piece_from_written(written: Written, name: str) -> CorpusPiece | None:
    """A piece on the grid of sixteenths; None where it does not fit (see the module's text)."""
    meters = {bar.meter for bar in written.bars if bar.length}
    meter = meters.pop() if len(meters) == 1 else None
    if meter is None or meter[0] * 16 % meter[1]:
        return None
    steps = [
        (onset * STEPS_PER_BEAT, offset * STEPS_PER_BEAT, pitch) for onset, offset, pitch in printed_notes(written)
    ]
    if any(onset.denominator != 1 or offset.denominator != 1 for onset, offset, _ in steps):
        return None
    shift = _pickup_steps(written, meter[0] * 16 // meter[1])
    notes = sorted((int(onset) + shift, int(offset) + shift, pitch) for onset, offset, pitch in steps)
    if max((offset for _, offset, _ in notes), default=0) < SHORTEST_STEPS:
        return None
    return CorpusPiece(name, tuple(notes), meter, written.sharps or 0)


def folder(name: str) -> Path:
    """Where music21 keeps a composer or collection."""
    from music21 import common

    return Path(common.getCorpusFilePath()) / name


def _read_all(paths: list[Path], report: Report | None, n_parts: int | None = None) -> list[CorpusPiece]:
    def pieces() -> Iterator[CorpusPiece]:
        for done, path in enumerate(paths, start=1):
            for name, written in _written(path):
                if n_parts in (None, len(written.parts)) and (piece := piece_from_written(written, name)) is not None:
                    yield piece
            if report is not None:
                report(done, len(paths))

    return distinct(pieces())[0]


def _written(path: Path) -> Iterator[tuple[str, Written]]:
    """The scores in a file, with their names; the odd misprint that cannot be read is left out."""
    name = f"{path.parent.name}/{path.stem}"
    if path.suffix.lower() == ".abc":
        for number, tune in enumerate(split_tunes(decode_text(path.read_bytes(), name))):
            with suppress(OrchestrionError):
                yield f"{name}#{number}", abc.read(tune, name)
    else:
        with suppress(OrchestrionError):
            yield name, read_written(path)


def _pickup_steps(written: Written, steps_per_bar: int) -> int:
    """Empty steps before the first note, so that step 0 begins a bar."""
    first = next((bar.length for bar in written.bars if bar.length), Fraction(0)) * STEPS_PER_BEAT
    return steps_per_bar - int(first) if first.denominator == 1 and 0 < first < steps_per_bar else 0
