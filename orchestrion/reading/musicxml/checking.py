"""What a MusicXML file may not be: malformed, a bomb, or something else altogether. Checked before it is parsed."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from xml.parsers import expat

from orchestrion.errors import OrchestrionError, said_by
from orchestrion.limits import MAX_ARCHIVE_BYTES, MAX_ARCHIVE_ENTRIES, MAX_NOTES, MAX_TEXT_BYTES

DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
ROOT = "score-partwise"
MAX_DEPTH = 100
CONTAINER = "META-INF/container.xml"
MAX_CONTAINER_BYTES = 1 << 16
MAX_UNPACKED_BYTES = 4 * MAX_TEXT_BYTES
"""Of all entries together; pictures and sounds may lie beside the score."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def check_musicxml(data: bytes, name: str) -> str:
    """The text of a well-formed MusicXML file.

    Raises:
        OrchestrionError: malformed, entity declarations (the stuff of bombs), nested deeper than 100, not partwise
            MusicXML, or more than a million notes.
    """
    scan = _Scan(name)
    scan.run(data)
    if scan.root != ROOT:
        hint = "convert it to score-partwise" if scan.root == "score-timewise" else "it is not MusicXML"
        raise OrchestrionError(f"{name} cannot be read: its root element is {scan.root[:40]!r}; {hint}.")
    try:
        # Without the declaration, whose encoding no longer holds for text.
        return DECLARATION.sub("", data.decode(_encoding(data, scan.encoding)), count=1)
    except (LookupError, UnicodeDecodeError) as error:
        raise OrchestrionError(f"{name} is not in the encoding that it claims ({scan.encoding[:40]}).") from error


def unpack_mxl(data: bytes, name: str) -> bytes:
    """The score inside a compressed MusicXML file, unpacked in memory: no path in the archive is ever used on disk.

    Raises:
        OrchestrionError: not an archive, damaged, encrypted, too many entries, or unpacking to too much.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise OrchestrionError(f"{name} has more than {MAX_ARCHIVE_BYTES >> 20} MiB packed, too much for a score.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_archive(archive, name)
            entry = _score_entry(archive, name)
            return _unpack(archive, entry, MAX_TEXT_BYTES, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, OrchestrionError):
            raise
        raise OrchestrionError(f"{name} is not a compressed MusicXML file, or is damaged ({said_by(error)}).") from error


def _check_archive(archive: zipfile.ZipFile, name: str) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ARCHIVE_ENTRIES:
        raise OrchestrionError(f"{name} holds {len(entries):,} files, more than {MAX_ARCHIVE_ENTRIES} allowed.")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_UNPACKED_BYTES:
        limit = MAX_UNPACKED_BYTES >> 20
        raise OrchestrionError(f"{name} would unpack to {total >> 20:,} MiB, more than the {limit} allowed.")


def _score_entry(archive: zipfile.ZipFile, name: str) -> str:
    """The first root file that the container names; without a container, the first score at the top."""
    names = archive.namelist()
    if CONTAINER in names:
        scan = _Scan(name)
        scan.run(_unpack(archive, CONTAINER, MAX_CONTAINER_BYTES, name))
        candidates = scan.rootfiles
    else:
        candidates = [entry for entry in names if "/" not in entry and entry.endswith((".xml", ".musicxml"))]
    if not candidates or candidates[0] not in names:
        raise OrchestrionError(f"{name} holds no MusicXML score.")
    return candidates[0]


def _unpack(archive: zipfile.ZipFile, entry: str, limit: int, name: str) -> bytes:
    info = archive.getinfo(entry)
    if info.compress_type not in PACKINGS:
        raise OrchestrionError(f"{name} is packed in a way that MusicXML does not allow; pack it as an ordinary zip.")
    with archive.open(info) as stream:
        # The size that the archive declares can be a lie; what comes out is counted.
        unpacked = stream.read(limit + 1)
    if len(unpacked) > limit:
        raise OrchestrionError(f"{name} unpacks to more than {limit:,} bytes, too much for a score.")
    return unpacked


def _encoding(data: bytes, declared: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig" if declared.lower() in ("", "utf-8", "utf8") else declared


class _Scan:
    """One pass of expat over a file: well-formed, no entities, not too deep; collects root, encoding and counts."""

    def __init__(self, name: str):
        self.root = ""
        self.encoding = ""
        self.rootfiles: list[str] = []
        self._name = name
        self._depth = 0
        self._notes = 0

    def run(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.XmlDeclHandler = self._declaration
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            if isinstance(error, OrchestrionError):
                raise
            raise OrchestrionError(f"{self._name} is malformed XML ({said_by(error)}).") from error

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding = encoding or ""

    def _entity(self, *declared: object) -> None:
        raise OrchestrionError(f"{self._name} declares XML entities, which no score needs; it may be an attack.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self.root = self.root or tag
        if self._depth > MAX_DEPTH:
            raise OrchestrionError(f"{self._name} nests elements deeper than {MAX_DEPTH}; no score does.")
        if tag == "note":
            self._notes += 1
            if self._notes > MAX_NOTES:
                raise OrchestrionError(f"{self._name} holds more than {MAX_NOTES:,} notes.")
        elif tag.rpartition(":")[2] == "rootfile":
            self.rootfiles.append(attributes.get("full-path", ""))

    def _end(self, tag: str) -> None:
        self._depth -= 1
