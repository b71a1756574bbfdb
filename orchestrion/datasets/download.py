"""Downloads a data set from where its authors publish it: resumed, bounded, checked, and never twice.

A file is written as NAME.part and renamed once its length and checksum are right. A transfer that breaks is taken up
where it stopped (HTTP Range), also by a later run; a server that ignores the range, or whose file has changed (ETag),
is read from the start again. Where no checksum is published, the one seen first is kept in ``downloads.json`` and
compared from then on.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from orchestrion.datasets.records import DataSource, Download
from orchestrion.datasets.untrusted.archives import unpack as unpack_archive
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.files import lock, make_folder, write_json
from orchestrion.progress import progress
from orchestrion.version import VERSION

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30.0
ATTEMPTS = 5
PAUSE_S = 1.0
MAX_BYTES = 200 << 30
SEEN = "downloads.json"
ALLOWED = ("https", "http")
GIB = 1 << 30
# An archive that holds more than this times what it should is another one.
UNPACKED_MARGIN = 1.5
# What a transfer can break with; all of them are worth another attempt.
BROKEN = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class _Reply:
    """What the server promises: the first byte, the length of the whole file if it says so, and its version."""

    first: int
    total: int | None
    version: str


def download_all(record: DataSource, folder: Path, *, unpack: bool = True) -> list[Path]:
    """Fetch every file of ``record`` into ``folder`` and unpack the archives; returns the files.

    Raises:
        OrchestrionError: the set has to be asked for by hand, the disk is too small, a transfer fails for good, a
            checksum is wrong, or an archive is hostile.
    """
    if not record.downloads:
        where = f"get it from {record.source}" if "http" in record.source else f"it is {record.source}"
        raise OrchestrionError(f"{record.name} cannot be fetched by a program; {where}.")
    check_space(record, make_folder(folder))
    fetched = []
    with lock(folder / ".downloading"):
        for item in record.downloads:
            path = fetch(item, folder)
            fetched.append(path)
            if unpack and item.unpacked_gib and not _is_unpacked(folder, path):
                unpack_archive(path, folder, round(UNPACKED_MARGIN * item.unpacked_gib * GIB))
                _note(folder, path.name, "unpacked", _figure(folder, path.name, "sum"))
    return fetched


def check_space(record: DataSource, folder: Path) -> None:
    """Refuse a download that the disk cannot hold, packed and unpacked; what is there already is not counted.

    Raises:
        OrchestrionError: as said, with both figures.
    """
    absent = [item for item in record.downloads if not (folder / item.filename).exists()]
    needed = sum(item.about_gib + item.unpacked_gib for item in absent) * GIB
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OrchestrionError(
            f"{record.name} needs about {needed / GIB:.1f} GiB in {folder}, but only {free / GIB:.1f} GiB are free; "
            "make room or name another folder."
        )


def fetch(item: Download, folder: Path) -> Path:
    """The file of ``item`` in ``folder``, fetched unless it is there and right.

    Raises:
        OrchestrionError: see `download_all`.
    """
    if urlsplit(item.address).scheme not in ALLOWED:
        raise OrchestrionError(f"{item.address} is no web address.")
    target, part = folder / item.filename, folder / f"{item.filename}.part"
    expected = item.checksum or str(_figure(folder, item.filename, "sum") or "")
    if target.exists():
        _check_sum(target, expected, item)
        return target
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _transfer(item, part)
            break
        except OrchestrionError:
            raise
        except BROKEN as error:
            if _is_final(error) or attempt == ATTEMPTS:
                raise OrchestrionError(
                    f"Cannot fetch {item.address} ({_reason(error)}); what has come is kept, so that the same command "
                    "goes on."
                ) from error
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
    seen = _check_sum(part, expected, item)
    os.replace(part, target)
    _note(folder, item.filename, "sum", seen)
    return target


def _transfer(item: Download, part: Path) -> None:
    """Read on where ``part`` ends until the file is whole."""
    version_file = part.with_suffix(part.suffix + ".version")
    have = part.stat().st_size if part.exists() else 0
    version = version_file.read_text(encoding="utf-8") if have and version_file.exists() else ""
    headers = {"User-Agent": f"orchestrion/{VERSION}", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {})
    request = urllib.request.Request(item.address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            reply = _reply(response, have)
            version_file.write_text(reply.version, encoding="utf-8")
            _copy(response, item, part, reply)
    except urllib.error.HTTPError as error:
        # All that the server has is here already, or the file has become shorter: decided by the checksum or anew.
        if error.code != 416 or not have:
            raise
        if error.headers.get("Content-Range", "") != f"bytes */{have}":
            part.unlink()
            raise ConnectionError("the file has changed on the server") from error
    version_file.unlink(missing_ok=True)


def _reply(response: http.client.HTTPResponse, have: int) -> _Reply:
    version = response.headers.get("ETag", "")
    version = "" if version.startswith("W/") else version
    if response.status == 206:
        unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
        span, _, total = rest.partition("/")
        first = span.partition("-")[0]
        if unit != "bytes" or first != str(have):
            raise ConnectionError("the server sends another part than was asked for")
        return _Reply(have, int(total) if total.isdigit() else None, version)
    length = response.headers.get("Content-Length", "")
    return _Reply(0, int(length) if length.isdigit() else None, version)


def _copy(response: http.client.HTTPResponse, item: Download, part: Path, reply: _Reply) -> None:
    most = item.n_bytes or min(reply.total or MAX_BYTES, MAX_BYTES)
    if item.n_bytes and reply.total not in (None, item.n_bytes):
        raise OrchestrionError(
            f"{item.address} has {reply.total:,} bytes, not the {item.n_bytes:,} that are published; it is another "
            "file."
        )
    done = reply.first
    with open(part, "ab" if reply.first else "wb") as handle, progress(most, f"Fetching {item.filename}") as advance:
        advance(done)
        while chunk := response.read(CHUNK_BYTES):
            done += len(chunk)
            if done > most:
                raise OrchestrionError(
                    f"{item.address} sends more than the {most:,} bytes it should have; it was stopped."
                )
            handle.write(chunk)
            advance(len(chunk))
    whole = reply.total if reply.total is not None else item.n_bytes
    if whole and done < whole:
        raise ConnectionError(f"the connection ended after {done:,} of {whole:,} bytes")


def _is_final(error: Exception) -> bool:
    """Whether another attempt cannot help: the file is not there, or the disk is full."""
    if isinstance(error, urllib.error.HTTPError):
        return 400 <= error.code < 500 and error.code not in (408, 429)
    return isinstance(error, OSError) and error.errno in (28, 13, 30)


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return " ".join(str(reason).split()) or type(error).__name__


def _check_sum(path: Path, expected: str, item: Download) -> str:
    """The file's sum as ``algorithm:hex``; a wrong file is put aside, so that the next run fetches it anew."""
    algorithm = expected.partition(":")[0] or "sha256"
    with open(path, "rb") as handle:
        seen = f"{algorithm}:{hashlib.file_digest(handle, algorithm).hexdigest()}"
    if expected and seen != expected:
        aside = path.with_name(f"{item.filename}.wrong")
        os.replace(path, aside)
        raise OrchestrionError(
            f"{item.filename} is not the file that {urlsplit(item.address).hostname} published ({seen}, not "
            f"{expected}); it was put aside as {aside.name}, and the same command fetches it again."
        )
    return seen


def _is_unpacked(folder: Path, path: Path) -> bool:
    done = _figure(folder, path.name, "unpacked")
    return bool(done) and done == _figure(folder, path.name, "sum")


def _figure(folder: Path, name: str, what: str) -> object:
    entry = read_json_object(folder / SEEN).get(name)
    return entry.get(what) if isinstance(entry, dict) else None


def _note(folder: Path, name: str, what: str, value: object) -> None:
    content = read_json_object(folder / SEEN)
    entry = content.get(name)
    content[name] = {**(entry if isinstance(entry, dict) else {}), what: value}
    write_json(folder / SEEN, content)
