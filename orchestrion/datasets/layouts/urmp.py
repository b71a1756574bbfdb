"""URMP (Li, Liu, Dinesh, Duan, Sharma 2019): chamber music, every player recorded apart.

A piece is a folder ``NN_Title_INSTRUMENTS`` (``01_Jupiter_vn_vc``) with ``AuMix_….wav`` and, for each player i,
``AuSep_i_vn_01_Jupiter.wav`` and ``Notes_i_vn_01_Jupiter.txt``: rows of onset (s), frequency (Hz) and duration (s),
without a header. Each player is one track here (``instrument``: vn or violin, …); without an instrument the mix is the
track. All players of a piece, and pieces of one title (36_Rondeau, 37_Rondeau), are one work.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from orchestrion.datasets.recordings.tracks import UNKNOWN_VELOCITY, Selection, Track, checked, note, plain_name
from orchestrion.datasets.untrusted.textfiles import read_numbers
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

PIECE = re.compile(r"^(?P<number>\d\d)_(?P<title>[^_]+)(?P<players>(_[a-z]+)+)$")
NOTES = re.compile(r"^Notes_(?P<player>\d+)_(?P<instrument>[a-z]+)_(?P<piece>\d\d_[^_]+)$")
INSTRUMENTS = {
    "vn": "violin", "va": "viola", "vc": "cello", "db": "double bass", "fl": "flute", "ob": "oboe", "cl": "clarinet",
    "sax": "saxophone", "bn": "bassoon", "tpt": "trumpet", "hn": "horn", "tbn": "trombone", "tba": "tuba",
}  # fmt: skip
HIGHEST_HZ = 12544.0  # MIDI 127


def read_urmp(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every player of ``selection.instrument``, or every mix.

    Raises:
        OrchestrionError: no pieces, an unknown instrument, or nothing that fits.
    """
    root = folder / "Dataset" if (folder / "Dataset").is_dir() else folder
    pieces = [path for path in sorted(root.iterdir()) if path.is_dir() and PIECE.match(path.name)]
    chosen = [path for path in pieces if selection.takes(path.name)]
    if selection.instrument is None:
        return checked((_mix(path) for path in chosen), folder, "piece of URMP that fits")
    code = _code(selection.instrument)
    players = (track for path in chosen for track in _players(path, code))
    return checked(players, folder, f"player of {INSTRUMENTS[code]}")


def pitch_of(frequency: float, path: Path, line: int) -> float:
    """MIDI number of ``frequency`` Hz, with cents.

    Raises:
        OrchestrionError: not between 8 and 12,544 Hz.
    """
    if not 8.0 <= frequency <= HIGHEST_HZ:
        raise OrchestrionError(f"{path}, line {line}: {frequency} Hz is no pitch.")
    return 69.0 + 12.0 * math.log2(frequency / 440.0)


def _code(instrument: str) -> str:
    for code, name in INSTRUMENTS.items():
        if instrument.casefold() in (code, name):
            return code
    raise OrchestrionError(f"URMP has no {instrument!r}; it has {', '.join(INSTRUMENTS.values())}.")


def _players(folder: Path, code: str) -> Iterator[Track]:
    for path in sorted(folder.glob("Notes_*.txt")):
        match = NOTES.match(path.stem)
        if match and match["instrument"] == code:
            ending = path.stem.removeprefix("Notes_")
            yield _track(folder, ending, f"AuSep_{ending}.wav", (path,), {"instrument": INSTRUMENTS[code]})


def _mix(folder: Path) -> Track:
    paths = tuple(sorted(folder.glob("Notes_*.txt")))
    if not paths:
        raise OrchestrionError(f"{folder} has no Notes_….txt; unpack the piece again.")
    return _track(folder, folder.name, f"AuMix_{folder.name}.wav", paths, {})


def _track(folder: Path, name: str, audio: str, labels: tuple[Path, ...], about: dict[str, str]) -> Track:
    match = PIECE.match(folder.name)
    work, notes = match["title"] if match else folder.name, partial(_notes, labels)
    return Track(plain_name(f"URMP_{name}"), folder / audio, labels, notes, work, about=about)


def _notes(paths: Sequence[Path]) -> Iterator[Note]:
    for path in paths:
        for line, (on, hertz, length) in read_numbers(path, 3, header=False):
            yield note(on, on + length, pitch_of(hertz, path, line), UNKNOWN_VELOCITY, path, line)
