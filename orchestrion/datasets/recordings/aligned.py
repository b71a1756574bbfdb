"""Recordings with their notes: a folder of NAME.flac (or .wav, .ogg) with NAME.tsv (see `notestable`) or NAME.mid.

Audio and tables may also lie in subfolders, one level down. Training reads small random pieces of audio, so each file
is decoded once, at the set's rate, into raw 16-bit samples in a cache folder and mapped into memory from there. A set
that `alignedprep` has prepared holds NAME.npy (`rawaudio`) in place of NAME.flac and is mapped as it lies; of its
tables only those are read whose pieces are used, so that 300 hours of recordings cost no more memory than one. The
same set packed into tar shards (`shards`) is read from within them.

Splits are those of ``splits.json`` (``{"train": [names], "validation": [names]}``; a name in neither is left out).
Without that file a piece is for validation where the SHA-256 of its *work* falls into the lowest 8 % (or is the lowest
of all, so that there is always one). The work of ``NAME_ENSTDkCl`` and ``NAME_ENSTDkAm``, the two microphones of MAPS,
is NAME: what was recorded twice is never on both sides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.cachefolder import cache_root
from orchestrion.datasets.recordings import audiocache
from orchestrion.datasets.recordings.dividing import held_out_works, work_of
from orchestrion.datasets.recordings.notestable import HeldNotes, NotesTable
from orchestrion.datasets.recordings.rawaudio import RawAudio, open_raw
from orchestrion.datasets.recordings.shards import Member, index
from orchestrion.datasets.recordings.splits import in_split, read_json, read_splits
from orchestrion.errors import OrchestrionError
from orchestrion.progress import track
from orchestrion.score import Note, Score

AUDIO_SUFFIXES = (".flac", ".wav", ".ogg")
MIDI_SUFFIXES = (".mid", ".midi")
KIND = "aligned"
# A pedalled note may be written down as lasting until after the recording was cut.
OFFSET_SLACK_S = 5.0


@dataclass(frozen=True, eq=False)
class AlignedPiece:
    """One recording with its notes, at ``sample_rate``; audio and notes stay on disk."""

    name: str
    audio_path: Path
    table: NotesTable | HeldNotes
    sample_rate: int
    hop: int
    audio: RawAudio = field(repr=False)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes, read anew each time: those of a whole large set would fill the memory."""
        return self.table.read()

    @property
    def n_samples(self) -> int:
        """Samples of audio."""
        return self.audio.n_samples

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
        return self.audio.read(start, stop)


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
        information = read_json(folder / "dataset.json")
        if information.get("kind") == KIND:
            pieces = _prepared_pieces(folder, information, sample_rate, hop)
            # What is said of single pieces stays in the file: a set may have thousands.
            rest = {name: value for name, value in information.items() if name not in ("pieces", "left_out")}
            return cls(folder, pieces, rest, _splits_of_prepared(folder, information))
        twins = _twins(folder, None if labels is None else Path(labels))
        cache = cache_root() / "audio" if cache_dir is None else Path(cache_dir)
        names = track(sorted(twins), len(twins), f"Reading {folder.name}")
        pieces = tuple(_open_piece(name, *twins[name], sample_rate, hop, cache) for name in names)
        return cls(folder, pieces, information, _splits_of(folder, pieces))

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


def default_splits(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Divide pieces by work (`dividing.held_out_works`); with one work alone, everything is for training."""
    held_out = held_out_works([work_of(name) for name in names])
    validation = tuple(name for name in names if work_of(name) in held_out)
    return {"train": tuple(name for name in names if name not in validation), "validation": validation}


def without_notes(folder: Path) -> list[Path]:
    """The recordings in ``folder`` that have no notes beside them, sorted (training can have them labelled)."""
    audio, notes = _by_stem(folder, AUDIO_SUFFIXES), _notes_in(folder)
    return [audio[name] for name in sorted(set(audio) - set(notes))]


def _twins(folder: Path, labels: Path | None) -> dict[str, tuple[Path, Path]]:
    """Audio and notes of every name."""
    if not folder.is_dir():
        raise OrchestrionError(f"There is no folder {folder}; give one with NAME.flac and NAME.tsv in it.")
    audio, notes = _by_stem(folder, AUDIO_SUFFIXES), _notes_in(folder)
    if not audio:
        raise OrchestrionError(f"{folder} holds no audio ({', '.join(AUDIO_SUFFIXES)}) with notes (.tsv, .mid).")
    if labels is not None:
        added = _by_stem(labels, (".tsv",))
        notes |= {name: added[name] for name in set(audio) & set(added) - set(notes)}
    for name in sorted(set(audio) ^ set(notes)):
        found, missing = (audio[name], f"{name}.tsv") if name in audio else (notes[name], f"{name}.flac")
        hint = "add it, or have it labelled (orchestrion data label --help)" if name in audio else "add it"
        raise OrchestrionError(f"{found} has no twin {missing}; {hint}, or take the file out of the folder.")
    return {name: (audio[name], notes[name]) for name in audio}


def _notes_in(folder: Path) -> dict[str, Path]:
    """The notes of every name; a table goes before a MIDI file, which may have been made from it."""
    return _by_stem(folder, MIDI_SUFFIXES) | _by_stem(folder, (".tsv",))


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted([*folder.glob("*"), *folder.glob("[!.]*/*")]):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            if path.stem in found:
                raise OrchestrionError(f"{path} and {found[path.stem]} have the same name; rename one.")
            found[path.stem] = path
    return found


def _open_piece(name: str, audio: Path, table: Path, sample_rate: int, hop: int, cache: Path) -> AlignedPiece:
    raw = audiocache.decoded(audio, sample_rate, cache)
    notes = _midi_notes(table) if table.suffix.lower() in MIDI_SUFFIXES else NotesTable(table)
    piece = AlignedPiece(name, audio, notes, sample_rate, hop, raw)
    check_notes(piece.notes, piece.duration_s, table, audio.name)
    return piece


def _midi_notes(path: Path) -> HeldNotes:
    """Every pitched note of a MIDI file; one held by the sustain pedal lasts until the pedal comes up."""
    return HeldNotes(Score.read(path).notes)


def check_notes(notes: Iterable[Note], duration_s: float, table: Path, audio_name: str) -> None:
    """Refuse notes that lie beyond the end of their audio.

    Raises:
        OrchestrionError: a note begins after the end, or ends more than `OFFSET_SLACK_S` after it.
    """
    late = [n for n in notes if n.onset_s >= duration_s or n.offset_s > duration_s + OFFSET_SLACK_S]
    if late:
        raise OrchestrionError(
            f"{table} has a note from {late[0].onset_s:.2f} s to {late[0].offset_s:.2f} s, but {audio_name} ends at "
            f"{duration_s:.2f} s; the notes belong to another recording."
        )


def _prepared_pieces(
    folder: Path, information: Mapping[str, object], sample_rate: int, hop: int
) -> tuple[AlignedPiece, ...]:
    """The pieces of a prepared set, or of the shards of one that lie in ``folder``."""
    rate, listed = information.get("sample_rate"), information.get("pieces")
    if not isinstance(listed, dict) or not listed or not isinstance(rate, int):
        raise OrchestrionError(f"{folder / 'dataset.json'} lacks the rate or the pieces; prepare the set again.")
    if rate != sample_rate:
        raise OrchestrionError(
            f"{folder} was prepared at {rate} samples a second, and {sample_rate} are asked for; prepare it again with "
            f"--rate {sample_rate}."
        )
    members = index(folder) if information.get("shards") else {}
    return tuple(_prepared_piece(folder, name, members, rate, hop) for name in sorted(listed) if _here(name, members))


def _here(name: str, members: Mapping[str, Member]) -> bool:
    # A machine may hold some of the shards only.
    return not members or f"{name}.npy" in members


def _prepared_piece(folder: Path, name: str, members: Mapping[str, Member], rate: int, hop: int) -> AlignedPiece:
    if Path(name).name != name:
        raise OrchestrionError(f"{folder / 'dataset.json'} names a piece {name!r}, which is no plain name.")
    if members:
        audio, table = members[f"{name}.npy"], members.get(f"{name}.tsv")
        if table is None:
            raise OrchestrionError(
                f"{audio.path} holds {name}.npy without its notes {name}.tsv; write the shards again."
            )
        raw = open_raw(audio.path, audio.start, audio.size)
        return AlignedPiece(name, audio.path, NotesTable(table.path, table.start, table.size), rate, hop, raw)
    path, notes = folder / f"{name}.npy", folder / f"{name}.tsv"
    if not notes.is_file():
        raise OrchestrionError(f"{path} has no twin {notes.name}; prepare the set again.")
    return AlignedPiece(name, path, NotesTable(notes), rate, hop, open_raw(path))


def _splits_of(folder: Path, pieces: tuple[AlignedPiece, ...]) -> dict[str, tuple[str, ...]]:
    names = tuple(piece.name for piece in pieces)
    return read_splits(folder, names) or default_splits(names)


def _splits_of_prepared(folder: Path, information: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    listed = information["pieces"]
    splits = read_splits(folder, listed if isinstance(listed, dict) else ())
    if splits is None:
        raise OrchestrionError(f"{folder / 'splits.json'} is missing; prepare the set again.")
    return splits
