"""Making a prepared set so that it can be stopped at any moment: finished pieces are kept, half ones never are.

A set is made in a hidden folder beside its final one and renamed at the end. ``finished.jsonl`` in it has a line for
every finished piece; the next run takes over those whose sources and settings are still the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.files import lock, write_json
from orchestrion.version import VERSION

FINISHED = "finished.jsonl"
LOCK = "lock"


@dataclass(frozen=True)
class Preparation:
    """A set in the making.

    ``records`` has for every finished piece a dict; its ``key`` says of what and how it was made.
    """

    folder: Path
    target: Path
    records: dict[str, dict[str, object]] = field(default_factory=dict)

    def is_finished(self, name: str, key: Mapping[str, object]) -> bool:
        """Whether piece ``name`` was made from the same source in the same way before."""
        record = self.records.get(name)
        return record is not None and record.get("key") == json.loads(json.dumps(key))

    def finish(self, name: str, record: Mapping[str, object]) -> None:
        """Note that every file of piece ``name`` lies in the folder."""
        self.records[name] = json.loads(json.dumps(record))
        with open(self.folder / FINISHED, "a", encoding="utf-8") as handle:
            handle.write(json.dumps([name, record]) + "\n")
            handle.flush()
            os.fsync(handle.fileno())

    def complete(self, information: Mapping[str, object], splits: Mapping[str, object]) -> None:
        """Write the manifest and the splits, and give the folder its final name."""
        write_json(self.folder / "splits.json", dict(splits))
        write_json(self.folder / "dataset.json", {"orchestrion": VERSION, **information})
        wanted = {"splits.json", "dataset.json"}
        wanted |= {str(file) for record in self.records.values() for file in _files(record)}
        try:
            for path in self.folder.iterdir():
                if path.name not in wanted:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            self.folder.rename(self.target)
        except OSError as error:
            raise OrchestrionError(f"Cannot complete {self.target}: {error.strerror or error}.") from error


@contextmanager
def preparation(target: Path) -> Iterator[Preparation]:
    """The set that becomes ``target``: new, or taken up where it was stopped. One process at a time; others wait.

    Raises:
        OrchestrionError: ``target`` exists, or its folder cannot be written.
    """
    _check_new(target)
    folder = target.with_name(f".{target.name}-partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OrchestrionError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error
    with lock(folder / LOCK):
        _check_new(target)
        yield Preparation(folder, target, _finished(folder))


def _check_new(target: Path) -> None:
    if target.exists():
        raise OrchestrionError(f"{target} exists already; delete it, or choose another folder.")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file.

    Raises:
        OrchestrionError: it cannot be read.
    """
    try:
        status = path.stat()
        return _digest(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise OrchestrionError(f"Cannot read {path}: {error.strerror or error}.") from error


# One source may hold many pieces.
@lru_cache(maxsize=16)
def _digest(path: Path, size: int, changed_ns: int) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _finished(folder: Path) -> dict[str, dict[str, object]]:
    """The records whose files are all there; a last line cut short by a crash does not count."""
    path, found = folder / FINISHED, {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            name, record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and all((folder / str(file)).is_file() for file in _files(record)):
            found[name] = record
    return found


def _files(record: Mapping[str, object]) -> list[object]:
    files = record.get("files", [])
    return files if isinstance(files, list) else []
