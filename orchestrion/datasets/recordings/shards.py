"""A prepared set as tar files ("shards", the WebDataset layout), for object stores and for several machines.

A shard holds NAME.npy and NAME.tsv of each of its pieces, side by side under one key, so that any WebDataset reader can
stream it. Here the audio is mapped into memory from within the tar (members are neither compressed nor split): training
on shards gives the same batches as training on the folder. Every shard belongs to one split: ``train-000000.tar``, …,
``validation-000000.tar``, …. A machine may hold any of the training shards beside all validation shards.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrion.errors import OrchestrionError, said_by
from orchestrion.files import atomic_write

MAX_MEMBERS = 1_000_000
SUFFIXES = (".npy", ".tsv")


@dataclass(frozen=True, slots=True)
class Member:
    """``size`` bytes (all by default) from byte ``start`` of the file ``path``."""

    path: Path
    start: int = 0
    size: int | None = None


def write_shards(files: Mapping[str, Iterable[Path]], folder: Path, prefix: str, most_bytes: int) -> list[str]:
    """Pack the ``files`` of each piece into ``PREFIX-000000.tar`` … of about ``most_bytes``; returns the names.

    A shard is closed once it has reached its size: a piece is never divided. Same files, same bytes.
    """
    names: list[str] = []
    for pieces in _batches(files, most_bytes):
        names.append(f"{prefix}-{len(names):06d}.tar")
        with (
            atomic_write(folder / names[-1]) as temporary,
            tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in pieces:
                _add(tar, path)
    return names


def index(folder: Path) -> dict[str, Member]:
    """Where every member of every shard in ``folder`` lies, by its name; only headers are read.

    Raises:
        OrchestrionError: no shard, a damaged one, a member that is no plain file, or one name twice.
    """
    found: dict[str, Member] = {}
    for path in sorted(folder.glob("*.tar")):
        for name, member in _members(path):
            if name in found:
                raise OrchestrionError(f"{path} and {found[name].path} both hold {name}; keep one of the two.")
            found[name] = member
    if not found:
        raise OrchestrionError(f"{folder} holds no shards (.tar) of the set that its dataset.json describes.")
    return found


def _members(path: Path) -> Iterator[tuple[str, Member]]:
    size = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as tar:
            for number, info in enumerate(tar):
                if number >= MAX_MEMBERS:
                    raise OrchestrionError(f"{path} holds more than {MAX_MEMBERS:,} files; that is no shard.")
                if not info.isreg() or info.name.endswith(".json") or Path(info.name).suffix not in SUFFIXES:
                    continue
                if info.offset_data + info.size > size:
                    raise OrchestrionError(f"{path} is cut off within {info.name}; copy it again.")
                yield Path(info.name).name, Member(path, info.offset_data, info.size)
    except (tarfile.TarError, OSError) as error:
        raise OrchestrionError(f"{path} is not a shard that can be read ({said_by(error)}).") from error


def _batches(files: Mapping[str, Iterable[Path]], most_bytes: int) -> Iterator[list[Path]]:
    batch: list[Path] = []
    size = 0
    for name in files:
        paths = list(files[name])
        batch += paths
        size += sum(path.stat().st_size for path in paths)
        if size >= most_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _add(tar: tarfile.TarFile, path: Path) -> None:
    # Owner and time are left out: the same set gives the same bytes on any machine.
    info = tarfile.TarInfo(path.name)
    info.size, info.mode = path.stat().st_size, 0o644
    with open(path, "rb") as handle:
        tar.addfile(info, handle)
