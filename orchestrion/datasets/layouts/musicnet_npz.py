"""The older layout of MusicNet, ``musicnet.npz``: under every id an array of two objects, audio and an interval tree.

The audio is float32 at 44.1 kHz; the tree's intervals are (start, end, (instrument, note, measure, beat, note_value))
in samples. They are pickles, which are described but not loaded (`pickles`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np

from orchestrion.datasets.layouts.musicnet_index import RATE, Index
from orchestrion.datasets.recordings.tracks import Track, checked
from orchestrion.datasets.untrusted.pickles import Call, Name, array_of, describe, integer_of
from orchestrion.errors import OrchestrionError, said_by
from orchestrion.score import Note

MAX_MEMBER_BYTES = 1 << 30
# The recordings that the later archive keeps in test_data.
TEST = frozenset({"1759", "1819", "2106", "2191", "2298", "2303", "2382", "2416", "2556", "2628"})


def read_archive(path: Path, index: Index) -> Sequence[Track]:
    """The recordings of ``musicnet.npz`` that fit; see `musicnet`.

    Raises:
        OrchestrionError: not such an archive, or nothing that fits.
    """
    tracks = (
        index.track(identity, path, partial(_notes, path, identity, index), is_test=identity in TEST,
                    extract=partial(_extracted, path, identity))
        for identity in _identities(path)
        if index.takes(identity, partial(_instruments, path, identity))
    )  # fmt: skip
    return checked(tracks, path, "recording that fits")


def _identities(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(Path(name).stem for name in archive.namelist() if name.endswith(".npy"))
    except (zipfile.BadZipFile, OSError) as error:
        raise OrchestrionError(f"{path} is not a NumPy archive that can be read ({said_by(error)}).") from error


def _read(path: Path, identity: str) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """Audio float32 [t], and (start, end, instrument, note) of every label, times in samples."""
    where = f"{path} ({identity})"
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(f"{identity}.npy").file_size > MAX_MEMBER_BYTES:
                raise OrchestrionError(f"{where} is larger than {MAX_MEMBER_BYTES >> 30} GiB; that is no recording.")
            with archive.open(f"{identity}.npy") as handle:
                _skip_header(handle)
                items = array_of(describe(handle, where))
    except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        raise OrchestrionError(f"{where} cannot be read ({said_by(error)}).") from error
    if not isinstance(items, list) or len(items) != 2:
        raise OrchestrionError(f"{where} does not hold audio and labels.")
    audio = array_of(items[0])
    if not isinstance(audio, np.ndarray):
        raise OrchestrionError(f"{where} does not begin with audio.")
    return audio.astype(np.float32), [_label(interval, where) for interval in _intervals(items[1], where)]


def _skip_header(handle: IO[bytes]) -> None:
    major, minor = np.lib.format.read_magic(handle)
    readers = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    if major not in readers:
        raise OrchestrionError(f"The archive is of NumPy's format {major}.{minor}, which MusicNet never had.")
    readers[major](handle)


def _intervals(tree: object, where: str) -> list[object]:
    if isinstance(tree, Call) and isinstance(tree.function, Name) and tree.function.name.endswith("IntervalTree"):
        content = tree.arguments[0] if tree.arguments else None
        if isinstance(content, Call):  # a set or list made by a call
            content = content.arguments[0] if content.arguments else content.items
        if isinstance(content, list):
            return content
    raise OrchestrionError(f"{where} does not hold an interval tree of labels.")


def _label(interval: object, where: str) -> tuple[int, int, int, int]:
    if isinstance(interval, Call) and len(interval.arguments) == 3:
        start, end, data = interval.arguments
        if isinstance(data, tuple) and len(data) >= 2:
            return integer_of(start), integer_of(end), integer_of(data[0]), integer_of(data[1])
    raise OrchestrionError(f"{where} holds a label that is not start, end and (instrument, note, …).")


def _instruments(path: Path, identity: str) -> set[int]:
    return {instrument for _, _, instrument, _ in _read(path, identity)[1]}


def _notes(path: Path, identity: str, index: Index) -> Iterator[Note]:
    for line, label in enumerate(_read(path, identity)[1], start=1):
        yield from index.note(*label, path, line)


@contextmanager
def _extracted(path: Path, identity: str, scratch: Path) -> Iterator[Path]:
    import soundfile

    with TemporaryDirectory(prefix="musicnet-", dir=scratch) as folder:
        target = Path(folder) / f"{identity}.wav"
        soundfile.write(target, _read(path, identity)[0], RATE, subtype="FLOAT")
        yield target
