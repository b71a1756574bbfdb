"""A corpus of scores as one JSON file: prepared from a folder, or JSB chorales as others publish them.

Prepared ones are ``{"kind": "scores", "licence": …, "settings": …, "left_out": …, "pieces": [{name, split, meter,
sharps, notes}]}``. The JSB chorales as prepared by Huang and others (``Jsb16thSeparated.json``,
``jsb-chorales-quarter.json``, …) are ``{"train": [[[soprano, alto, tenor, bass], …], …], "valid": …, "test": …}``:
MIDI numbers a step, below 0 where a voice rests.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from orchestrion.datasets.corpora.piece import (
    SPLITS,
    CorpusPiece,
    GridNote,
    distinct,
    fingerprint,
    split_of,
)
from orchestrion.datasets.corpora.scores import find_scores, read_score
from orchestrion.datasets.untrusted.textfiles import SHOWN, read_json
from orchestrion.errors import OrchestrionError, said_by
from orchestrion.files import write_json
from orchestrion.progress import track
from orchestrion.score import N_PITCHES
from orchestrion.score.keys import estimated_sharps
from orchestrion.suffixes import SCORES

KIND = "scores"
# What the splits are called in the chorales' files.
JSB_SPLITS = {"train": "train", "validation": "valid", "test": "test"}
# Sixteenths a step, told by the file's name.
STEPS = {"quarter": 4, "8th": 2, "16th": 1}
MAX_BYTES = 1 << 30
MAX_STEPS = 100_000
MAX_VOICES = 128
KEYS = range(-5, 7)


def prepare_scores(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    transpose: str = "no",
    keep_copies: bool = False,
    licence: str = "unknown",
) -> dict[str, object]:
    """Write the corpus ``output`` (.json) of every score below ``folder``; returns figures for people.

    Pieces that begin with the same intervals, in whatever key, are one work: copies are dropped (unless
    ``keep_copies``), and a work is for training (80 %), validation or test (10 % each) whole. Scores that cannot be
    read are left out, and the file says why.

    Args:
        transpose: ``no``, ``c`` (each piece without sharps or flats), or ``all`` (training pieces in all twelve keys).

    Raises:
        OrchestrionError: no such folder, no score that can be read, or ``output`` exists or does not end in .json.
    """
    source, target = Path(folder), Path(output)
    if target.suffix.lower() != ".json":
        raise OrchestrionError(f"A corpus of scores is one file: let {target} end in .json.")
    if target.exists():
        raise OrchestrionError(f"{target} exists already; delete it, or choose another name.")
    pieces, left_out = _read_all(source)
    if not keep_copies:
        pieces, copies = distinct(pieces)
        left_out |= {name: f"it begins like {first}" for name, first in copies.items()}
    rows = [(split_of(piece), moved) for piece in pieces for moved in TRANSPOSE[transpose](piece)]
    if not rows:
        raise OrchestrionError(f"{source} holds no score that can be read ({len(left_out)} were left out).")
    settings = {"transpose": transpose, "keep_copies": keep_copies}
    write_corpus(target, rows, licence=licence, source=source.resolve().name, settings=settings, left_out=left_out)
    counts = {split: sum(item == split for item, _ in rows) for split in SPLITS}
    return {"corpus": str(target), "licence": licence, "pieces": counts, "works": len({fingerprint(p) for p in pieces}),
            "left_out": left_out}  # fmt: skip


def write_corpus(
    path: Path, rows: Iterable[tuple[str, CorpusPiece]], *, with_checksum: bool = False, **information: object
) -> None:
    """Write pieces, each with its split, and what else is known of the corpus; a checksum is compared by `read_corpus`."""
    pieces = [
        {"name": piece.name, "split": split, "meter": piece.meter, "sharps": piece.sharps, "notes": piece.notes}
        | ({} if piece.ends else {"ends": False})
        for split, piece in rows
    ]
    checksum = {"sha256": _checksum(pieces)} if with_checksum else {}
    write_json(path, {"kind": KIND, **checksum, **information, "pieces": pieces})


def read_corpus(path: Path, split: str) -> list[CorpusPiece]:
    """The pieces of one split (or ``all``) of a JSON corpus, prepared here or the chorales.

    Raises:
        OrchestrionError: not such a file; the sentence says what is wrong.
    """
    content = read_json(path, MAX_BYTES)
    if isinstance(content, dict) and content.get("kind") == KIND:
        rows = content.get("pieces")
        if isinstance(rows, list) and content.get("sha256", "") in ("", _checksum(rows)):
            return [piece for said, piece in (_piece(row, path) for row in rows) if split in ("all", said)]
    if isinstance(content, dict) and any(key in content for key in JSB_SPLITS.values()):
        wanted = JSB_SPLITS.values() if split == "all" else (JSB_SPLITS[split],)
        return [piece for key in wanted for piece in _chorales(content.get(key), key, path)]
    raise OrchestrionError(
        f"{path} is no corpus of scores: neither one that was prepared here nor JSB chorales as JSON."
    )


def _checksum(rows: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _read_all(folder: Path) -> tuple[list[CorpusPiece], dict[str, str]]:
    if not folder.is_dir():
        raise OrchestrionError(f"There is no folder {folder}; give one with scores ({', '.join(SCORES)}).")
    files = find_scores(folder)
    pieces, left_out = [], {}
    for path in track(files, len(files), "Reading scores"):
        name = path.relative_to(folder).as_posix()
        try:
            pieces.append(read_score(path, name))
        except OrchestrionError as error:
            left_out[name] = str(error)
    return pieces, left_out


def _in_all_keys(piece: CorpusPiece) -> list[CorpusPiece]:
    """The piece in every key that stays on the keyboard; only as written where it is not for training."""
    if split_of(piece) != "train":
        return [piece]
    pitches = [pitch for _, _, pitch in piece.notes] or [0]
    inside = (shift for shift in KEYS if min(pitches) + shift >= 0 and max(pitches) + shift < N_PITCHES)
    return [piece.transposed(shift) for shift in inside]


TRANSPOSE: dict[str, Callable[[CorpusPiece], Sequence[CorpusPiece]]] = {
    "no": lambda piece: [piece],
    "c": lambda piece: [piece.in_c()],
    "all": _in_all_keys,
}


def _piece(row: object, path: Path) -> tuple[str, CorpusPiece]:
    try:
        if not isinstance(row, dict):
            raise TypeError("a piece is no object")
        notes = tuple((int(a), int(b), int(c)) for a, b, c in row["notes"])
        beats, unit = row["meter"]
        piece = CorpusPiece(str(row["name"]), notes, (int(beats), int(unit)), int(row["sharps"]), ends=row.get("ends", True) is True)
        return str(row["split"]), piece
    except OrchestrionError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise OrchestrionError(f"{path} holds a piece that is none ({said_by(error)}); prepare the corpus again.") from error


def _chorales(listed: object, key: str, path: Path) -> list[CorpusPiece]:
    if not isinstance(listed, list) or not listed:
        raise OrchestrionError(f"{path} has no {key} split.")
    factor = next((steps for name, steps in STEPS.items() if name in path.stem), 1)
    return [_chorale(steps, f"{path.stem}/{key}#{i}", factor, path) for i, steps in enumerate(listed)]


def _chorale(steps: object, name: str, factor: int, path: Path) -> CorpusPiece:
    """Notes of the voices: a pitch that stays is one note, since the attacks are not given."""
    voices = _voices(steps, name, path)
    notes = set()
    for voice in voices.T:
        edges = np.flatnonzero(np.diff(voice, prepend=-2, append=-2))
        spans = pairwise(edges)
        notes |= {(int(a) * factor, int(b) * factor, int(voice[a])) for a, b in spans if voice[a] >= 0}
    durations = np.zeros(N_PITCHES)
    for onset, offset, pitch in notes:
        durations[pitch] += offset - onset
    merged = _without_doubles(notes)
    return CorpusPiece(name, merged, sharps=estimated_sharps(durations), merged=True, n_steps=len(voices) * factor)


def _voices(steps: object, name: str, path: Path) -> np.ndarray:
    """MIDI numbers [s, v], -1 where a voice rests."""
    if (
        not isinstance(steps, list)
        or not 0 < len(steps) <= MAX_STEPS
        or not all(isinstance(step, list) for step in steps)
    ):
        raise OrchestrionError(f"{path} ({name}) is not a list of steps of a few voices.")
    width = max(len(step) for step in steps)
    if not 0 < width <= MAX_VOICES:
        raise OrchestrionError(f"{path} ({name}) has {width} voices.")
    rows = [[_pitch(value, name, path) for value in step] + [-1] * (width - len(step)) for step in steps]
    return np.array(rows, dtype=np.int64)


def _pitch(value: object, name: str, path: Path) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isnan(value) or value < 0:
            return -1
        if value < N_PITCHES and value == int(value):
            return int(value)
    raise OrchestrionError(f"{path} ({name}) holds {repr(value)[:SHOWN]}, which is no pitch.")


def _without_doubles(notes: set[GridNote]) -> tuple[GridNote, ...]:
    """Two voices on one pitch are one key: what overlaps is joined."""
    joined: list[GridNote] = []
    for onset, offset, pitch in sorted(notes, key=lambda note: (note[2], note[0])):
        if joined and joined[-1][2] == pitch and onset < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(offset, joined[-1][1]), pitch)
        else:
            joined.append((onset, offset, pitch))
    return tuple(sorted(joined))
