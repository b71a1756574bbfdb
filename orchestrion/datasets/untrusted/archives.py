"""Unpacks strangers' archives: nothing can land outside the folder, and nothing can fill the disk.

Only plain files and folders are taken. An archive with a link, a device, an absolute name, a ``..``, a name twice, too
many files or more bytes than allowed is refused as a whole. It is unpacked into a hidden folder first and moved at the
end, so that a refused one leaves nothing behind.
"""

from __future__ import annotations

import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from orchestrion.errors import OrchestrionError, said_by
from orchestrion.progress import progress

MAX_FILES = 200_000
MAX_BYTES = 200 << 30
MAX_NAME = 240
CHUNK_BYTES = 1 << 20
# A text of one letter shrinks a thousandfold; audio and labels never do.
MAX_RATIO = 200
RATIO_FROM_BYTES = 64 << 20
# What zlib, bz2 and lzma raise at damaged data, besides the two libraries' own errors.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A plain file in an archive."""

    name: str
    n_bytes: int
    opened: IO[bytes]


def unpack(archive: Path, folder: Path, most_bytes: int = MAX_BYTES, most_files: int = MAX_FILES) -> int:
    """Unpack ``archive`` (.zip, .tar, .tar.gz, .tgz) into ``folder``; returns the number of files.

    What is there already under the same name is replaced once the whole archive has been unpacked.

    Raises:
        OrchestrionError: not an archive, damaged, hostile (see the module), or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as scratch:
            n_files = _unpack(archive, Path(scratch), most_bytes, most_files)
            _move(Path(scratch), folder)
    except OrchestrionError:
        raise
    except DAMAGED as error:
        raise OrchestrionError(f"{archive} is damaged ({said_by(error)}); delete it and fetch it again.") from error
    except OSError as error:
        raise OrchestrionError(f"Cannot unpack {archive}: {error.strerror or error}.") from error
    return n_files


def _unpack(archive: Path, folder: Path, most_bytes: int, most_files: int) -> int:
    size = archive.stat().st_size
    n_files = n_bytes = 0
    with progress(size, f"Unpacking {archive.name}") as advance:
        for entry in _entries(archive):
            n_files += 1
            if n_files > most_files:
                raise OrchestrionError(f"{archive} holds more than {most_files:,} files; it is not unpacked.")
            target = folder / checked_name(entry.name, archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            n_bytes += _write(entry, target, archive, n_bytes, _limit(size, most_bytes))
            advance(min(entry.n_bytes, size))
    if not n_files:
        raise OrchestrionError(f"{archive} holds no files.")
    return n_files


def _limit(size: int, most_bytes: int) -> int:
    return min(most_bytes, max(size * MAX_RATIO, RATIO_FROM_BYTES))


def _write(entry: Entry, target: Path, archive: Path, before: int, most_bytes: int) -> int:
    """Copy what is really there, whatever the header says of its size."""
    written = 0
    with entry.opened as source, open(target, "xb") as handle:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            if before + written > most_bytes:
                raise OrchestrionError(f"{archive} unpacks to more than {most_bytes >> 20:,} MiB; it is not unpacked.")
            handle.write(chunk)
    if written != entry.n_bytes:
        raise OrchestrionError(f"{archive} is cut off within {entry.name!r}; fetch it again.")
    return written


def checked_name(name: str, archive: Path) -> PurePosixPath:
    """The name of an entry, if it stays within the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    odd = path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0] or not name.isprintable()
    if odd or any(len(part.encode()) > MAX_NAME for part in path.parts):
        raise OrchestrionError(f"{archive} holds a file named {name[:80]!r}, which would not stay in its folder.")
    return path


def _entries(archive: Path) -> Iterator[Entry]:
    if zipfile.is_zipfile(archive):
        return _zip_entries(archive)
    if tarfile.is_tarfile(archive):
        return _tar_entries(archive)
    raise OrchestrionError(f"{archive} is neither a zip nor a tar archive.")


def _zip_entries(archive: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            checked_name(info.filename, archive)  # first: of an empty name Python 3.11 cannot tell whether it is a folder's
            if info.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise OrchestrionError(
                    f"{archive} holds {info.filename[:80]!r}, which is no plain file; it is refused."
                )
            if info.flag_bits & 1:
                raise OrchestrionError(f"{archive} is encrypted; it cannot be unpacked.")
            yield Entry(info.filename, info.file_size, opened.open(info))


def _tar_entries(archive: Path) -> Iterator[Entry]:
    with tarfile.open(archive, "r:*") as opened:
        for info in opened:
            if info.isdir():
                checked_name(info.name, archive)
                continue
            content = opened.extractfile(info) if info.isreg() else None
            if content is None:
                raise OrchestrionError(f"{archive} holds {info.name[:80]!r}, which is no plain file; it is refused.")
            yield Entry(info.name, info.size, content)
        _read_to_the_end(opened, archive)


def _read_to_the_end(opened: tarfile.TarFile, archive: Path) -> None:
    """The checksum of a compressed tar stands at its end, behind padding that a tar reader does not look at."""
    rest = 0
    while opened.fileobj is not None and (chunk := opened.fileobj.read(CHUNK_BYTES)):
        rest += len(chunk)
        if rest > RATIO_FROM_BYTES:
            raise OrchestrionError(f"{archive} goes on for more than {RATIO_FROM_BYTES >> 20} MiB after its files.")


def _move(source: Path, folder: Path) -> None:
    """Move every file of ``source`` to the same place in ``folder``; links that lie there are never followed."""
    for path in sorted(source.rglob("*")):
        target = folder / path.relative_to(source)
        if path.is_dir():
            if target.is_symlink() or (target.exists() and not target.is_dir()):
                raise OrchestrionError(f"{target} is in the way of a folder of the archive; move it.")
            target.mkdir(exist_ok=True)
        elif path.is_file():
            if target.is_dir() and not target.is_symlink():
                raise OrchestrionError(f"{target} is a folder where the archive has a file; move it.")
            shutil.move(path, _cleared(target))


def _cleared(target: Path) -> Path:
    target.unlink(missing_ok=True)
    return target
