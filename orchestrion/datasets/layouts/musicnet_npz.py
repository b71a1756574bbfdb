"""The older layout of MusicNet, ``musicnet.npz``: under every id an array of two objects, audio and an interval tree.

The audio is float32 at 44.1 kHz; the tree's intervals are (start, end, (instrument, note, measure, beat, note_value))
in samples. They are pickles, which are described but not loaded (`inertpickle`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from orchestrion.datasets.recordings.tracks import Selection, Track, checked, note
from orchestrion.datasets.untrusted.inertpickle import Call, Name, array_of, describe, integer_of
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

RATE = 44100
UNKNOWN_VELOCITY = 64
MAX_MEMBER_BYTES = 1 << 30
# The recordings that the later archive keeps in test_data.
TEST = frozenset({"1759", "1819", "2106", "2191", "2298", "2303", "2382", "2416", "2556", "2628"})


def read_archive(
    path: Path, code: int | None, known: Mapping[str, Mapping[str, str]], selection: Selection
) -> Sequence[Track]:
    """The recordings of ``musicnet.npz`` that fit; see `musicnet`.

    Raises:
        OrchestrionError: not such an archive, or nothing that fits.
    """
    from orchestrion.datasets.layouts import musicnet

    musicnet.check_ensemble(selection.ensemble, known)
    tracks = []
    for identity in _identities(path):
        row = known.get(identity, {})
        if not musicnet.is_chosen(row, selection):
            continue
        if code is not None and not musicnet.plays({label[2] for label in _read(path, identity)[1]}, code, selection):
            continue
        split = "test" if identity in TEST else None
        work = musicnet.work_of(row, identity)
        tracks.append(Track(f"musicnet_{identity}", None, (path,), _notes(path, identity, code), work, split,
                            extract=_extract(path, identity), about=musicnet.about(row, code)))  # fmt: skip
    return checked(tracks, path, "recording that fits")


def _identities(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(Path(name).stem for name in archive.namelist() if name.endswith(".npy"))
    except (zipfile.BadZipFile, OSError) as error:
        raise OrchestrionError(f"{path} is not a NumPy archive that can be read ({error}).") from error


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
        raise OrchestrionError(f"{where} cannot be read ({error}).") from error
    if not isinstance(items, list) or len(items) != 2:
        raise OrchestrionError(f"{where} does not hold audio and labels.")
    audio = array_of(items[0])
    if not isinstance(audio, np.ndarray):
        raise OrchestrionError(f"{where} does not begin with audio.")
    return audio.astype(np.float32), [_label(interval, where) for interval in _intervals(items[1], where)]


def _skip_header(handle) -> None:
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


def _notes(path: Path, identity: str, code: int | None) -> Callable[[], tuple[Note, ...]]:
    def read() -> tuple[Note, ...]:
        labels = enumerate(_read(path, identity)[1], start=1)
        return tuple(
            sorted(
                note(start / RATE, end / RATE, pitch, UNKNOWN_VELOCITY, path, line)
                for line, (start, end, instrument, pitch) in labels
                if code in (None, instrument)
            )
        )

    return read


def _extract(path: Path, identity: str) -> Callable[[Path], AbstractContextManager[Path]]:
    @contextmanager
    def extracted(scratch: Path) -> Iterator[Path]:
        import soundfile

        with TemporaryDirectory(prefix="musicnet-", dir=scratch) as folder:
            target = Path(folder) / f"{identity}.wav"
            soundfile.write(target, _read(path, identity)[0], RATE, subtype="FLOAT")
            yield target

    return extracted
