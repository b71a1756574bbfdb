"""Plain audio for unconditioned generators: a folder of songs becomes a prepared set.

A set holds ``dataset.json`` (sources with checksums, licence, settings), ``splits.json`` and one NAME.npy a song
(`rawaudio`). Whole songs go to training or to validation, before anything is cut into examples; copies of one file
under two names always go together.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestrion.audio.audiostream import length, read_blocks
from orchestrion.audio.folders import audio_in
from orchestrion.audio.rates import check_rate
from orchestrion.cluster import Cluster, spread
from orchestrion.datasets.recordings.preparation import as_kept, preparation
from orchestrion.datasets.recordings.rawaudio import open_raw, write_raw
from orchestrion.datasets.recordings.recording import Recording, check_plain
from orchestrion.datasets.recordings.splits import SPLITS, in_split, prepared_splits
from orchestrion.datasets.recordings.stems import Separator
from orchestrion.datasets.recordings.unreadable import UnreadableError, telling
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.files import sha256
from orchestrion.progress import progress
from orchestrion.suffixes import AUDIO

KIND = "songs"
VALIDATION_SHARE = 0.2
SHOWN = 5
FIGURES = ("n_samples", "samples_sha256", "source_rate", "source_channels")


@dataclass(frozen=True, eq=False)
class SongSet:
    """A prepared folder of songs, checked when opened.

    ``information`` says where the set is from, licence and settings; ``sources`` has file and checksum of every song.
    """

    path: Path
    sample_rate: int
    songs: tuple[Recording, ...]
    information: Mapping[str, object]
    sources: Mapping[str, object]
    _splits: Mapping[str, tuple[str, ...]]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> SongSet:
        """Check the manifest and the header and size of every song; no audio is read.

        Raises:
            OrchestrionError: not a prepared set, or damaged.
        """
        path = Path(folder)
        information = read_json_object(path / "dataset.json")
        songs, rate = information.get("songs"), information.get("sample_rate")
        if information.get("kind") != KIND or not isinstance(songs, dict) or not songs or not isinstance(rate, int):
            raise OrchestrionError(
                f"{path} is no prepared set of songs; make one: orchestrion data prepare DIR -o SET."
            )
        check_rate(rate)
        opened = tuple(_open_song(path, name, rate) for name in sorted(songs))
        splits = prepared_splits(path, songs)
        rest = {name: value for name, value in information.items() if name != "songs"}
        return cls(path, rate, opened, rest, songs, splits)

    @property
    def name(self) -> str:
        """The folder's."""
        return self.path.name

    @property
    def duration_s(self) -> float:
        """Seconds of audio in all songs."""
        return sum(song.duration_s for song in self.songs)

    def summary(self) -> dict[str, object]:
        """Figures for people: licence, rate, songs and minutes a split."""
        minutes = {split: round(sum(song.duration_s for song in self.split(split)) / 60, 2) for split in SPLITS}
        return {
            "set": str(self.path),
            "licence": self.information.get("licence", "unknown"),
            "sample_rate": self.sample_rate,
            "songs": {split: len(self.split(split)) for split in SPLITS},
            "minutes": minutes,
        }

    def split(self, name: str) -> tuple[Recording, ...]:
        """The songs of ``"train"`` or ``"validation"``."""
        chosen = in_split(self._splits, name)
        return tuple(song for song in self.songs if song.name in chosen)


def prepare_songs(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    sample_rate: int,
    validation_share: float = VALIDATION_SHARE,
    seed: int = 0,
    validation: Sequence[str] = (),
    stem: str | None = None,
    licence: str = "unknown",
    cluster: Cluster | None = None,
) -> SongSet:
    """Make the prepared set ``output`` of every audio file below the folder ``source``.

    Each song is decoded, mixed to mono and resampled as a stream: a few MiB of memory, however long. Stopped half-way,
    the same call goes on from the song it was at.

    Args:
        sample_rate: of the set.
        validation_share: part of the songs held out, chosen by ``seed``; at least one of two or more.
        validation: names of the songs to hold out instead.
        stem: ``drums``, ``bass``, ``vocals``, ``other``, ``guitar`` or ``piano``: only that, separated by Demucs (`stems`).
        cluster: makes the songs, on machines that see the same files.

    Raises:
        OrchestrionError: no such folder, no audio in it, no file that can be read to its end, names that clash, ``output`` exists, or
            Demucs is missing. A file that cannot be read is left out, with a warning; the manifest says why (``left_out``).
    """
    check_rate(sample_rate)
    if not 0.0 <= validation_share < 1.0:
        raise OrchestrionError(f"A validation share of {validation_share:g} is impossible; give 0 to less than 1.")
    folder, target = Path(source), Path(output)
    files = find_songs(folder)
    _check_named(validation, files, folder)
    seconds, left_out = readable(files)
    separator = None if stem is None else Separator.find(stem)
    with preparation(target) as work, progress(sum(seconds.values()), "Preparing") as advance:
        if cluster is not None:
            cluster.must_see(work.folder, folder)
        calls = ((name, (name, files[name], folder, sample_rate, separator, work.folder, work.known(name))) for name in seconds)
        for name, made in spread(cluster, _prepare_song, calls):
            if isinstance(made, UnreadableError):
                left_out[name] = str(made)
            elif isinstance(made, OrchestrionError):
                raise made
            elif made is not None:
                work.finish(name, made)
            advance(seconds[name])
        files = _kept(files, left_out, folder)
        _check_named(validation, files, folder)
        digests = {name: str(work.key(name)["sha256"]) for name in files}
        held_out = set(validation) or _held_out(digests, validation_share, seed)
        splits = {"train": [n for n in files if n not in held_out], "validation": [n for n in files if n in held_out]}
        information = {"kind": KIND, "name": target.name, "licence": licence, "source": str(folder.resolve().name)}
        settings = {"stem": stem, "validation_share": validation_share, "seed": seed, "validation": list(validation)}
        songs = {name: {**work.key(name), **{f: work.records[name][f] for f in FIGURES}} for name in files}
        work.keep_only(files)
        work.complete({**information, "sample_rate": sample_rate, "settings": settings, "songs": songs, "left_out": left_out}, splits)
    return SongSet.open(target)


def find_songs(folder: Path) -> dict[str, Path]:
    """Every audio file below ``folder`` by the name its song gets: the path without suffix, folders joined by ``__``.

    Raises:
        OrchestrionError: no folder, no audio, two files of one name, or a name that is not text.
    """
    if not folder.is_dir():
        raise OrchestrionError(f"There is no folder {folder}; give one with {', '.join(AUDIO)} files in it.")
    found: dict[str, Path] = {}
    for path in audio_in(folder):
        name = "__".join(path.relative_to(folder).with_suffix("").parts)
        if not name.isprintable():
            raise OrchestrionError(f"The name of {str(path)!r} is not plain text; rename the file.")
        if name in found:
            raise OrchestrionError(f"{path} and {found[name]} have the same name; rename one.")
        found[name] = path
    if not found:
        raise OrchestrionError(f"{folder} holds no audio ({', '.join(AUDIO)}).")
    return found


def readable(files: Mapping[str, Path]) -> tuple[dict[str, float], dict[str, str]]:
    """Seconds of the files that are audio by their headers, and why the others are none."""
    seconds, broken = {}, {}
    for name, path in files.items():
        try:
            seconds[name] = length(path)[0]
        except OrchestrionError as error:
            broken[name] = str(error)
    return seconds, broken


def _kept(files: Mapping[str, Path], left_out: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """The files without those that are left out, of which a line each is said."""
    kept = {name: path for name, path in files.items() if name not in left_out}
    if not kept:
        raise OrchestrionError(f"{folder} holds no audio that can be read: {next(iter(left_out.values()))}")
    for reason in left_out.values():
        warnings.warn(f"Left out: {reason}", stacklevel=3)
    return kept


def _prepare_song(
    name: str, path: Path, source: Path, rate: int, separator: Separator | None, folder: Path, known: Mapping[str, object]
) -> dict[str, object] | None:
    """Make the file of one song in ``folder``; its record, or None where its key is ``known`` already."""
    key: dict[str, object] = {"source": str(path.relative_to(source)), "sha256": sha256(path), "sample_rate": rate}
    key |= {} if separator is None else {"stem": separator.stem, "separator": separator.model}
    if known == as_kept(key):
        return None
    _, source_rate, channels = length(path)
    with nullcontext(path) if separator is None else separator.separated(path, folder) as audio:
        written = write_raw(folder / f"{name}.npy", telling(read_blocks(audio, rate)))
    if not written.n_samples:
        raise UnreadableError(f"{path} is too short to be resampled to {rate} samples a second.")
    figures = {"n_samples": written.n_samples, "samples_sha256": written.sha256}
    origin = {"source_rate": source_rate, "source_channels": channels}
    return {"key": key, "files": [f"{name}.npy"], **figures, **origin}


def _held_out(digests: Mapping[str, str], share: float, seed: int) -> set[str]:
    """Names of the validation songs: a seeded draw among distinct files; copies follow the file they are copies of."""
    distinct = sorted(set(digests.values()))
    number = round(share * len(distinct))
    if share > 0.0 and len(distinct) > 1:
        number = min(max(number, 1), len(distinct) - 1)
    drawn = np.random.default_rng(seed).permutation(len(distinct))[: number if len(distinct) > 1 else 0]
    chosen = {distinct[index] for index in drawn}
    return {name for name, digest in digests.items() if digest in chosen}


def _check_named(validation: Sequence[str], files: Mapping[str, Path], folder: Path) -> None:
    for name in validation:
        if name not in files:
            raise OrchestrionError(f"{folder} has no song {name!r} to hold out; the names are those of its files.")
    if validation and set(validation) == set(files):
        raise OrchestrionError("Every song is held out; leave some for training.")


def _open_song(folder: Path, name: str, rate: int) -> Recording:
    check_plain(name, folder)
    return Recording(name, rate, open_raw(folder / f"{name}.npy"))
