"""Recordings with their notes: a folder of NAME.flac (or .wav, .ogg) with NAME.tsv, see `notestable`.

Audio and tables may also lie in subfolders, one level down. Training reads small random pieces of audio, so each file
is decoded once, at the set's rate, into raw 16-bit samples in a cache folder and mapped into memory from there.

Splits are those of ``splits.json`` (``{"train": [names], "validation": [names]}``; a name in neither is left out).
Without that file a piece is for validation where the SHA-256 of its *work* falls into the lowest 8 % (or is the lowest
of all, so that there is always one). The work of ``NAME_ENSTDkCl`` and ``NAME_ENSTDkAm``, the two microphones of MAPS, is
NAME: what was recorded twice is never on both sides.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from orchestrion.bridge import ConditioningSeries, Note
from orchestrion.datasets import audiocache
from orchestrion.datasets.notestable import read_notes
from orchestrion.errors import OrchestrionError
from orchestrion.progress import track

AUDIO_SUFFIXES = (".flac", ".wav", ".ogg")
SPLITS = ("train", "validation")
VALIDATION_SHARE = 0.08
MAPS_MICROPHONE = re.compile(r"_ENSTDk(Cl|Am)$")
# A pedalled note may be written down as lasting until after the recording was cut.
OFFSET_SLACK_S = 5.0


@dataclass(frozen=True, eq=False)
class AlignedPiece:
    """One recording with its notes, at ``sample_rate``; the audio stays on disk."""

    name: str
    audio_path: Path
    notes: tuple[Note, ...]
    sample_rate: int
    hop: int
    cache_path: Path = field(repr=False)

    @cached_property
    def _audio(self) -> np.ndarray:
        return np.memmap(self.cache_path, dtype="<i2", mode="r")

    @property
    def n_samples(self) -> int:
        """Samples of audio."""
        return len(self._audio)

    @property
    def duration_s(self) -> float:
        """Seconds of audio."""
        return self.n_samples / self.sample_rate

    @cached_property
    def series(self) -> ConditioningSeries:
        """The notes on the clock of frames; ``n_frames`` is the least that covers the audio."""
        return ConditioningSeries.from_notes(
            self.notes, sample_rate=self.sample_rate, hop=self.hop, duration_s=self.duration_s, tail_s=0.0
        )

    def samples(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Audio in [start, stop): float32 in [-1, 1]. Only what is asked for is read.

        Raises:
            OrchestrionError: the interval is not within the piece.
        """
        stop = self.n_samples if stop is None else stop
        if not 0 <= start <= stop <= self.n_samples:
            raise OrchestrionError(f"Samples {start} to {stop} are not within the {self.n_samples} of {self.name}.")
        return self._audio[start:stop].astype(np.float32) / np.float32(audiocache.FULL_SCALE)

    def __getstate__(self) -> dict[str, object]:
        # A memory map would be copied whole into a worker process.
        return {name: value for name, value in self.__dict__.items() if name != "_audio"}


@dataclass(frozen=True, eq=False)
class AlignedSet:
    """A folder of recordings with their notes, checked when opened."""

    path: Path
    pieces: tuple[AlignedPiece, ...]
    information: Mapping[str, object]
    _splits: Mapping[str, tuple[str, ...]]

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        sample_rate: int = 16000,
        hop: int = 64,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> AlignedSet:
        """Check every file of the folder, and decode what is not in the cache yet.

        Args:
            sample_rate: audio at another rate is converted.
            hop: samples a frame of the pieces' `AlignedPiece.series`.
            cache_dir: where decoded audio goes (2 bytes a sample); by default in the user's cache folder.

        Raises:
            OrchestrionError: no such folder, a recording without notes or the other way round, a malformed table,
                notes beyond the end of their audio, unreadable audio, or splits that name no piece.
        """
        folder = Path(path)
        twins = _twins(folder)
        cache = audiocache.cache_root() / "audio" if cache_dir is None else Path(cache_dir)
        names = track(sorted(twins), len(twins), f"Reading {folder.name}")
        pieces = tuple(_open_piece(name, *twins[name], sample_rate, hop, cache) for name in names)
        information = _read_json(folder / "dataset.json")
        return cls(folder, pieces, information, _read_splits(folder, tuple(piece.name for piece in pieces)))

    @property
    def name(self) -> str:
        """As ``dataset.json`` says, or the folder's."""
        return str(self.information.get("name", self.path.name))

    @property
    def duration_s(self) -> float:
        """Seconds of audio in all pieces."""
        return sum(piece.duration_s for piece in self.pieces)

    def split(self, name: str) -> tuple[AlignedPiece, ...]:
        """The pieces of ``"train"`` or ``"validation"``."""
        if name not in SPLITS:
            raise OrchestrionError(f"There is no split {name!r}; there are {' and '.join(SPLITS)}.")
        chosen = set(self._splits[name])
        return tuple(piece for piece in self.pieces if piece.name in chosen)

    def piece(self, name: str) -> AlignedPiece:
        """The piece called ``name``."""
        for piece in self.pieces:
            if piece.name == name:
                return piece
        raise OrchestrionError(f"There is no piece {name!r} in {self.path}.")


def work_of(name: str) -> str:
    """The work that a recording is of.

    >>> work_of("ty_mai_ENSTDkAm"), work_of("bwv847-prelude")
    ('ty_mai', 'bwv847-prelude')
    """
    return MAPS_MICROPHONE.sub("", name)


def default_splits(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Divide pieces by work, see the module; with one work alone, everything is for training."""
    works = sorted({work_of(name) for name in names}, key=_position)
    held_out = {work for work in works if _position(work) < VALIDATION_SHARE} | set(works[:1])
    if len(works) < 2:
        held_out = set()
    validation = tuple(name for name in names if work_of(name) in held_out)
    return {"train": tuple(name for name in names if name not in validation), "validation": validation}


def _position(work: str) -> float:
    return int.from_bytes(hashlib.sha256(work.encode()).digest()[:6]) / 2**48


def _twins(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Audio and table of every name."""
    if not folder.is_dir():
        raise OrchestrionError(f"There is no folder {folder}; give one with NAME.flac and NAME.tsv in it.")
    audio, tables = _by_stem(folder, AUDIO_SUFFIXES), _by_stem(folder, (".tsv",))
    if not audio:
        raise OrchestrionError(f"{folder} holds no audio ({', '.join(AUDIO_SUFFIXES)}) with notes (.tsv).")
    for name in sorted(set(audio) ^ set(tables)):
        found, missing = (audio[name], f"{name}.tsv") if name in audio else (tables[name], f"{name}.flac")
        raise OrchestrionError(f"{found} has no twin {missing}; add it, or take the file out of the folder.")
    return {name: (audio[name], tables[name]) for name in audio}


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted([*folder.glob("*"), *folder.glob("[!.]*/*")]):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            if path.stem in found:
                raise OrchestrionError(f"{path} and {found[path.stem]} have the same name; rename one.")
            found[path.stem] = path
    return found


def _open_piece(name: str, audio: Path, table: Path, sample_rate: int, hop: int, cache: Path) -> AlignedPiece:
    piece = AlignedPiece(
        name, audio, read_notes(table), sample_rate, hop, audiocache.decoded(audio, sample_rate, cache)
    )
    late = [n for n in piece.notes if n.onset_s >= piece.duration_s or n.offset_s > piece.duration_s + OFFSET_SLACK_S]
    if late:
        raise OrchestrionError(
            f"{table} has a note from {late[0].onset_s:.2f} s to {late[0].offset_s:.2f} s, but {audio.name} ends at "
            f"{piece.duration_s:.2f} s; the notes belong to another recording."
        )
    return piece


def _read_splits(folder: Path, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    path = folder / "splits.json"
    if not path.exists():
        return default_splits(names)
    content = _read_json(path)
    splits = {split: _names(content.get(split, []), path) for split in SPLITS}
    if both := set(splits["train"]) & set(splits["validation"]):
        raise OrchestrionError(f"{path} puts {min(both)} both into train and into validation.")
    if unknown := (set(splits["train"]) | set(splits["validation"])) - set(names):
        raise OrchestrionError(f"{path} names {min(unknown)}, which is not in the folder.")
    return splits


def _names(listed: object, path: Path) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise OrchestrionError(f'{path} must be of the form {{"train": [names], "validation": [names]}}.')
    return tuple(listed)


def _read_json(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OrchestrionError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise OrchestrionError(f"{path} is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise OrchestrionError(f"{path} must hold a JSON object.")
    return content
