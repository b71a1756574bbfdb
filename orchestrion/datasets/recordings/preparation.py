"""`Preparation`: a prepared set in the making, which can be stopped at any moment and goes on with the next piece.

A set is made in a hidden folder beside its final one and renamed at the end. ``finished.jsonl`` in it has a line for
every finished piece; the next run takes over those whose sources and settings are still the same.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrion.datasets.untrusted.textfiles import read_bytes
from orchestrion.errors import OrchestrionError
from orchestrion.files import lock, make_folder, write_json, writing
from orchestrion.terminal import plural
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

    def key(self, name: str) -> dict[str, object]:
        """Of what and how piece ``name`` was made."""
        return self.known(name)

    def known(self, name: str) -> dict[str, object]:
        """As `key`; empty where ``name`` was not made."""
        key = self.records.get(name, {}).get("key")
        return key if isinstance(key, dict) else {}

    def is_finished(self, name: str, key: Mapping[str, object]) -> bool:
        """Whether piece ``name`` was made from the same source in the same way before."""
        record = self.records.get(name)
        return record is not None and record.get("key") == as_kept(key)

    def finish(self, name: str, record: Mapping[str, object]) -> None:
        """Note that every file of piece ``name`` lies in the folder."""
        self.records[name] = json.loads(json.dumps(record))
        with writing(self.folder / FINISHED), open(self.folder / FINISHED, "a", encoding="utf-8") as handle:
            handle.write(json.dumps([name, record]) + "\n")
            handle.flush()
            os.fsync(handle.fileno())

    def keep_only(self, names: Container[str]) -> None:
        """Leave every other piece out of the set."""
        for name in [name for name in self.records if name not in names]:
            del self.records[name]

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
    check_new(target)
    folder = target.with_name(f".{target.name}-partial")
    make_folder(folder)
    with lock(folder / LOCK):
        check_new(target)
        work = Preparation(folder, target, _finished(folder))
        try:
            yield work
        except (OrchestrionError, KeyboardInterrupt, SystemExit) as stop:
            if work.records:
                stop.add_note(f"{plural(len(work.records), 'finished piece')} kept; the same command goes on from there.")
            raise


def as_kept(key: Mapping[str, object]) -> object:
    """``key`` as a record has it, which has been text."""
    return json.loads(json.dumps(key))


def check_new(target: Path) -> None:
    """Refuse to write where something lies already.

    Raises:
        OrchestrionError: ``target`` exists.
    """
    if target.exists():
        raise OrchestrionError(f"{target} exists already; delete it, or choose another folder.")


def _finished(folder: Path) -> dict[str, dict[str, object]]:
    """The records whose files are all there; a last line cut short by a crash does not count."""
    path, found = folder / FINISHED, {}
    for line in read_bytes(path).decode("utf-8", "replace").splitlines() if path.exists() else ():
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        name, record = content if isinstance(content, list) and len(content) == 2 else (None, None)
        if isinstance(name, str) and isinstance(record, dict) and all(_is_there(folder, file) for file in _files(record)):
            found[name] = record
    return found


def _is_there(folder: Path, file: object) -> bool:
    """Whether ``file`` is the plain name of one in ``folder``."""
    return isinstance(file, str) and Path(file).name == file and os.path.isfile(folder / file)


def _files(record: Mapping[str, object]) -> list[object]:
    files = record.get("files", [])
    return files if isinstance(files, list) else []
