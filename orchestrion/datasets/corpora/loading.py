"""Symbolic corpora by name or path: ``melodies``, ``chorales``, a collection of music21's corpus, a MATLAB file of
piano rolls, a JSON file (`scorecorpus`), or a folder of scores.

Parsed corpora are kept as JSON, with a checksum, in the user's cache (`cachefolder.cache_root`).
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from orchestrion.cachefolder import cache_root
from orchestrion.datasets.corpora.json_corpus import read_corpus
from orchestrion.datasets.corpora.music21_corpus import read_chorales, read_collection, read_melodies
from orchestrion.datasets.corpora.piece import N_PITCHES, Piece, split_of
from orchestrion.errors import OrchestrionError
from orchestrion.files import write_json
from orchestrion.progress import progress

CORPORA: dict[str, Callable[..., list[Piece]]] = {"melodies": read_melodies, "chorales": read_chorales}
MUSIC21 = "music21:"
SPLITS = ("train", "validation", "test")
CACHE_VERSION = 2
MAT_KEYS = {"train": "traindata", "validation": "validdata", "test": "testdata"}
MAT_LOWEST = 21  # A0
MAT_KEYS_WIDE = 88
MAX_MAT_BYTES = 64 << 20
SCORE_SUFFIXES = (".mid", ".midi", ".musicxml", ".xml", ".mxl", ".abc", ".krn")


def load_corpus(name: str | os.PathLike[str], split: str) -> list[Piece]:
    """The pieces of one split (``train``, ``validation`` or ``test``; ``all`` for every piece).

    Args:
        name: ``melodies``, ``chorales``, ``music21:NAME`` (a composer or collection of music21's corpus), the path of a
            ``.mat`` file of 88-key rolls or of a ``.json`` corpus (`scorecorpus`) with their own splits, or a folder of
            scores (read with ``Score.read``). Without own splits it is 80/10/10 by each piece's opening intervals.

    Raises:
        OrchestrionError: an unknown name or split, an unreadable file, or no piece in that split.
    """
    if split not in (*SPLITS, "all"):
        raise OrchestrionError(f"Unknown split {split!r}; choose one of {', '.join(SPLITS)}, all.")
    path = Path(name)
    if path.suffix.lower() == ".mat":
        pieces = [piece for key in (SPLITS if split == "all" else (split,)) for piece in read_mat(path, key)]
    elif path.suffix.lower() == ".json":
        pieces = read_corpus(path, split)
    else:
        whole = _cached(str(name)) if str(name) in CORPORA or str(name).startswith(MUSIC21) else read_folder(path)
        pieces = whole if split == "all" else [piece for piece in whole if split_of(piece) == split]
    if not pieces:
        raise OrchestrionError(f"{name} holds no pieces in its {split} split.")
    return pieces


def _cached(name: str) -> list[Piece]:
    path = cache_root() / f"symbolic-{name.replace(':', '-').replace('/', '-')}-{CACHE_VERSION}.json"
    if path.is_file():
        with suppress(OrchestrionError):  # a damaged file is made anew
            return read_pieces(path)
    with progress(1.0, f"Reading the corpus {name}") as advance:
        read = CORPORA[name] if name in CORPORA else partial(read_collection, name.removeprefix(MUSIC21))
        pieces = read(lambda _, total: advance(1 / total))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pieces(path, pieces)
    except (OSError, OrchestrionError) as error:
        warnings.warn(f"The corpus {name} will be read anew next time. {error}", stacklevel=1)
    return pieces


def write_pieces(path: Path, pieces: list[Piece]) -> None:
    """Write pieces as JSON with a checksum, atomically."""
    rows = [{"name": p.name, "notes": p.notes, "meter": p.meter, "sharps": p.sharps} for p in pieces]
    write_json(path, {"version": CACHE_VERSION, "sha256": _checksum(rows), "pieces": rows})


def read_pieces(path: Path) -> list[Piece]:
    """Read what ``write_pieces`` wrote.

    Raises:
        OrchestrionError: it cannot be read, or its checksum is not that of its pieces.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["sha256"] != _checksum(content["pieces"]):
            raise ValueError("wrong checksum")
        return [
            Piece(row["name"], tuple(tuple(note) for note in row["notes"]), tuple(row["meter"]), row["sharps"])
            for row in content["pieces"]
        ]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise OrchestrionError(f"The cached corpus {path} cannot be read; delete it and run again.") from error


def _checksum(rows: list[dict[str, object]]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def read_mat(path: str | os.PathLike[str], split: str) -> list[Piece]:
    """One split of a polyphonic benchmark set: a MATLAB 5 file of 0/1 rolls [s, 88], lowest key A0.

    Repeated notes are merged in these sets, so an attack is known only where a note follows silence. They come
    transposed to C major or C minor and without meter; a step is a beat's fraction that differs from set to set.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    source, key = Path(path), MAT_KEYS[split]
    try:
        if source.stat().st_size > MAX_MAT_BYTES:
            raise OrchestrionError(
                f"{source} is larger than the {MAX_MAT_BYTES >> 20} MiB a file of piano rolls may have."
            )
        content = loadmat(source, variable_names=[key])
    except OSError as error:
        raise OrchestrionError(f"Cannot read {source}: {error.strerror or error}.") from error
    except (MatReadError, NotImplementedError, ValueError, TypeError, EOFError) as error:
        raise OrchestrionError(f"{source} is not a MATLAB 5 file of piano rolls ({error}).") from error
    if key not in content:
        raise OrchestrionError(f"{source} has no {split} split ({key}); choose another split.")
    return [_mat_piece(roll, f"{source.stem}/{split}#{i}", source) for i, roll in enumerate(content[key].ravel())]


def _mat_piece(roll: np.ndarray, name: str, source: Path) -> Piece:
    if (
        roll.ndim != 2
        or roll.shape[1] != MAT_KEYS_WIDE
        or roll.dtype.kind not in "uifb"
        or not np.isin(roll, (0, 1)).all()
    ):
        raise OrchestrionError(
            f"{source} holds an entry that is not a roll of zeros and ones with {MAT_KEYS_WIDE} keys."
        )
    sounding = np.pad(roll.astype(np.int8), ((1, 1), (0, 0)))
    change = np.diff(sounding, axis=0).T  # [88, s + 1]: +1 where a note begins, -1 where it has ended
    begins, ends = np.argwhere(change == 1), np.argwhere(change == -1)  # both sorted by key, then step
    notes = sorted((int(a), int(b), int(k) + MAT_LOWEST) for (k, a), (_, b) in zip(begins, ends, strict=True))
    sharps = estimate_sharps(np.pad(roll.sum(axis=0), (MAT_LOWEST, N_PITCHES - MAT_LOWEST - MAT_KEYS_WIDE)))
    return Piece(name, tuple(notes), sharps=sharps, merged=True, n_steps=len(roll))


def read_folder(path: Path) -> list[Piece]:
    """Every score below a folder as a piece; scores that cannot be read are errors that name the file."""
    from orchestrion.score import PianoRoll, Score

    if not path.is_dir():
        raise OrchestrionError(
            f"{path} is neither a corpus ({', '.join(CORPORA)}, music21:NAME), a .mat or .json file nor a folder of "
            "scores."
        )
    pieces = []
    for file in sorted(p for p in path.rglob("*") if p.suffix.lower() in SCORE_SUFFIXES):
        roll = PianoRoll.from_score(Score.read(file).with_drums_removed())
        pieces.append(piece_from_grid(roll.grid, file.stem, roll.meter))
    return pieces


def piece_from_grid(grid: np.ndarray, name: str, meter: tuple[int, int]) -> Piece:
    """The notes of booleans ``grid`` [s, 128, 2] (sounding, articulated)."""
    notes = []
    for pitch in np.flatnonzero(grid[..., 0].any(axis=0)):
        sounding = np.append(grid[:, pitch, 0], False)
        attacked = np.append(grid[:, pitch, 1], False) & sounding
        starts = np.flatnonzero(sounding & (attacked | ~np.roll(sounding, 1)))
        for onset, limit in zip(starts, [*starts[1:], len(sounding)], strict=True):
            silent = np.flatnonzero(~sounding[onset:limit])
            notes.append((int(onset), int(onset + silent[0]) if len(silent) else int(limit), int(pitch)))
    sharps = estimate_sharps(grid[..., 0].sum(axis=0))
    return Piece(name, tuple(sorted(notes)), meter, sharps, n_steps=len(grid))


def estimate_sharps(durations: np.ndarray) -> int:
    """The key signature (-5 … 6 sharps) whose scale holds most of ``durations`` [128] (steps sounding a pitch).

    Ties go to the fewest accidentals.
    """
    classes = np.array([durations[c::12].sum() for c in range(12)])
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    inside = {sharps: classes[(scale + sharps * 7) % 12].sum() for sharps in range(-5, 7)}
    return max(inside, key=lambda sharps: (inside[sharps], -abs(sharps), sharps))
