"""`AlignedSet`: recordings with their notes, in one folder.

- A *plain* folder holds NAME.flac (or .wav, .ogg) with NAME.tsv (`notesfile`) or NAME.mid, also one level down in
  subfolders. Training reads small random pieces of audio, so each file is decoded once, at the set's rate, into a cache
  folder (`audiocache`) and mapped into memory from there.
- A *prepared* set (`prepare`) holds NAME.npy (`rawaudio`) in place of NAME.flac and is mapped as it lies. Tables are
  read when their piece is used, so that 300 hours of recordings cost no more memory than one.
- The same set packed into tar *shards* (`shards`) is read from within them.

Splits are those of ``splits.json`` (``{"train": [names], "validation": [names]}``; a name in neither is left out).
Without that file a piece is for validation where the SHA-256 of its *work* falls into the lowest 8 % (or is the lowest
of all, so that there is always one). The work of ``NAME_ENSTDkCl`` and ``NAME_ENSTDkAm``, the two microphones of MAPS,
is NAME: what was recorded twice is never on both sides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from orchestrion.audio.folders import audio_in
from orchestrion.bridge import ConditioningSeries
from orchestrion.datasets.recordings import audiocache
from orchestrion.datasets.recordings.dividing import held_out_works, work_of
from orchestrion.datasets.recordings.notesfile import NotesFile, midi_notes, past_the_end
from orchestrion.datasets.recordings.rawaudio import open_raw
from orchestrion.datasets.recordings.recording import Recording, check_plain
from orchestrion.datasets.recordings.shards import Member, index
from orchestrion.datasets.recordings.splits import in_split, prepared_splits, read_splits
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.files import find_files
from orchestrion.keptfolder import kept_folder
from orchestrion.progress import track
from orchestrion.score import Note
from orchestrion.suffixes import AUDIO, MIDI

KIND = "aligned"


@dataclass(frozen=True, eq=False)
class AlignedPiece(Recording):
    """One recording with its notes, which stay on disk too unless they are given."""

    table: NotesFile | tuple[Note, ...]
    hop: int

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes, read anew each time: those of a whole large set would fill the memory."""
        return self.table.read() if isinstance(self.table, NotesFile) else self.table

    @cached_property
    def series(self) -> ConditioningSeries:
        """The notes on the clock of frames; ``n_frames`` is the least that covers the audio."""
        return ConditioningSeries.from_notes(
            self.notes, sample_rate=self.sample_rate, hop=self.hop, duration_s=self.duration_s, tail_s=0.0
        )


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
        labels: str | os.PathLike[str] | None = None,
    ) -> AlignedSet:
        """Check every file of the folder, and decode what is not in the cache yet.

        Args:
            sample_rate: audio at another rate is converted.
            hop: samples a frame of the pieces' `AlignedPiece.series`.
            cache_dir: where decoded audio goes (2 bytes a sample); by default in the user's cache folder.
            labels: another folder, with NAME.tsv of recordings that have no notes beside them.

        Raises:
            OrchestrionError: no such folder, a recording without notes or the other way round, a malformed table,
                notes beyond the end of their audio, unreadable audio, or splits that name no piece.
        """
        folder = Path(path)
        information = read_json_object(folder / "dataset.json")
        if information.get("kind") == KIND:
            pieces = tuple(_prepared_pieces(folder, information, sample_rate, hop))
            splits = prepared_splits(folder, _names(information))
            # What is said of single pieces stays in the file: a set may have thousands.
            rest = {name: value for name, value in information.items() if name not in ("pieces", "left_out")}
            return cls(folder, pieces, rest, splits)
        twins = _twins(folder, None if labels is None else Path(labels))
        cache = kept_folder("audio") if cache_dir is None else Path(cache_dir)
        names = track(sorted(twins), len(twins), f"Reading {folder.name}")
        pieces = tuple(_open_piece(name, *twins[name], sample_rate, hop, cache) for name in names)
        splits = read_splits(folder, twins) or default_splits(sorted(twins))
        return cls(folder, pieces, information, splits)

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
        chosen = in_split(self._splits, name)
        return tuple(piece for piece in self.pieces if piece.name in chosen)

    def piece(self, name: str) -> AlignedPiece:
        """The piece called ``name``."""
        for piece in self.pieces:
            if piece.name == name:
                return piece
        raise OrchestrionError(f"There is no piece {name!r} in {self.path}.")


def default_splits(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Divide pieces by work (`dividing.held_out_works`); with one work alone, everything is for training."""
    held_out = held_out_works([work_of(name) for name in names])
    validation = tuple(name for name in names if work_of(name) in held_out)
    return {"train": tuple(name for name in names if name not in validation), "validation": validation}


def without_notes(folder: Path) -> list[Path]:
    """The recordings in ``folder`` that have no notes beside them, sorted (training can have them labelled)."""
    audio, notes = _by_stem(audio_in(folder, depth=1)), _notes_in(folder)
    return [audio[name] for name in sorted(set(audio) - set(notes))]


def _twins(folder: Path, labels: Path | None) -> dict[str, tuple[Path, Path]]:
    """Audio and notes of every name."""
    if not folder.is_dir():
        raise OrchestrionError(f"There is no folder {folder}; give one with NAME.flac and NAME.tsv in it.")
    audio, notes = _by_stem(audio_in(folder, depth=1)), _notes_in(folder)
    if not audio:
        raise OrchestrionError(f"{folder} holds no audio ({', '.join(AUDIO)}) with notes (.tsv, .mid).")
    if labels is not None:
        added = _by_stem(find_files(labels, (".tsv",), depth=1))
        notes |= {name: added[name] for name in set(audio) & set(added) - set(notes)}
    for name in sorted(set(audio) ^ set(notes)):
        found, missing = (audio[name], f"{name}.tsv") if name in audio else (notes[name], f"{name}.flac")
        hint = "add it, or have it labelled (orchestrion data label --help)" if name in audio else "add it"
        raise OrchestrionError(f"{found} has no twin {missing}; {hint}, or take the file out of the folder.")
    return {name: (audio[name], notes[name]) for name in audio}


def _notes_in(folder: Path) -> dict[str, Path]:
    """The notes of every name; a table goes before a MIDI file, which may have been made from it."""
    return _by_stem(find_files(folder, MIDI, depth=1)) | _by_stem(find_files(folder, (".tsv",), depth=1))


def _by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        if found.setdefault(path.stem, path) is not path:
            raise OrchestrionError(f"{path} and {found[path.stem]} have the same name; rename one.")
    return found


def _open_piece(name: str, audio: Path, table: Path, sample_rate: int, hop: int, cache: Path) -> AlignedPiece:
    raw = audiocache.decoded(audio, sample_rate, cache)
    notes = midi_notes(table) if table.suffix.lower() in MIDI else NotesFile(table)
    piece = AlignedPiece(name, sample_rate, raw, notes, hop)
    if late := past_the_end(piece.notes, piece.duration_s):
        raise OrchestrionError(
            f"{table} has a note from {late[0].onset_s:.2f} s to {late[0].offset_s:.2f} s, but {audio.name} ends at "
            f"{piece.duration_s:.2f} s; the notes belong to another recording."
        )
    return piece


def _names(information: Mapping[str, object]) -> list[str]:
    """The pieces of a prepared set."""
    listed = information.get("pieces")
    return sorted(listed) if isinstance(listed, dict) else []


def _prepared_pieces(
    folder: Path, information: Mapping[str, object], sample_rate: int, hop: int
) -> Iterator[AlignedPiece]:
    """The pieces of a prepared set, or of the shards of one that lie in ``folder``."""
    rate, names = information.get("sample_rate"), _names(information)
    if not names or not isinstance(rate, int):
        raise OrchestrionError(f"{folder / 'dataset.json'} lacks the rate or the pieces; prepare the set again.")
    if rate != sample_rate:
        raise OrchestrionError(
            f"{folder} was prepared at {rate} samples a second, and {sample_rate} are asked for; prepare it again with "
            f"--rate {sample_rate}."
        )
    members = index(folder) if information.get("shards") else {}
    for name in names:
        check_plain(name, folder)
        if not members:
            audio, notes = Member(folder / f"{name}.npy"), Member(folder / f"{name}.tsv")
            if not notes.path.is_file():
                raise OrchestrionError(f"{audio.path} has no twin {notes.path.name}; prepare the set again.")
        elif f"{name}.npy" not in members:
            continue  # a machine may hold some of the shards only
        elif f"{name}.tsv" not in members:
            path = members[f"{name}.npy"].path
            raise OrchestrionError(f"{path} holds {name}.npy without its notes {name}.tsv; write the shards again.")
        else:
            audio, notes = members[f"{name}.npy"], members[f"{name}.tsv"]
        raw = open_raw(audio.path, audio.start, audio.size)
        yield AlignedPiece(name, rate, raw, NotesFile(notes.path, notes.start, notes.size), hop)
