"""MusicXML, ABC and kern files: bytes to text to written bars to a score; MusicXML out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_TEXT_BYTES
from orchestrion.reading import abc, kern, musicxml
from orchestrion.reading.unfolding import unfold
from orchestrion.reading.written import Written
from orchestrion.score.score import Score

# What music21 adds of its own: today's date, and itself as the composer.
INVENTED = re.compile(rb"\s*<encoding-date>[^<]*</encoding-date>|\s*<creator type=\"composer\">Music21</creator>")
INVENTED_TITLE = re.compile(rb"\s*<movement-title>Music21 Fragment</movement-title>")


def read(data: bytes, name: str, format_name: str) -> tuple[Score, list[str]]:
    """A file's score, and what of it could not be followed; ``format_name`` is ``musicxml``, ``abc`` or ``kern``.

    Compressed MusicXML is told by its first bytes. Of an ABC file with several tunes the first is taken.

    Raises:
        OrchestrionError: malformed, hostile, too large, or longer than six hours; the sentence begins with ``name``.
    """
    written = PARSERS[format_name](data, name)
    try:
        return unfold(written), written.ignored
    except OrchestrionError as error:
        raise OrchestrionError(f"{name}: {error}") from error


def read_written(path: Path) -> Written:
    """A notation file as it is written, told by its ending; at most 32 MiB of it are read.

    Raises:
        OrchestrionError: as `read`, or no notation file.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise OrchestrionError(f"{path} is no notation file; its name must end in {', '.join(KINDS)}.")
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_TEXT_BYTES)
    except OSError as error:
        raise OrchestrionError(f"Cannot read {path}: {error.strerror or error}.") from error
    return PARSERS[kind](data, str(path))


def write_musicxml(score: Score) -> bytes:
    """MusicXML 4.0 of the pitched parts. Same score, same bytes: the date of today is left out."""
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    from orchestrion.reading import engraving

    with _quiet():
        exporter = GeneralObjectExporter(engraving.to_music21(score))
        # music21's own touches would melt repeated notes that fill a tuplet into one; ours are in place already.
        exporter.makeNotation = False
        written = exporter.parse()
    written = INVENTED.sub(b"", written)
    return written if score.title else INVENTED_TITLE.sub(b"", written)


def decode_text(data: bytes, name: str) -> str:
    """UTF-8 where it is that, UTF-16 where it begins so, else Latin-1, which old files are in.

    Raises:
        OrchestrionError: not a text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if "\0" in text:
        raise OrchestrionError(f"{name} is not a text file.")
    return text


KINDS = {".musicxml": "musicxml", ".xml": "musicxml", ".mxl": "musicxml", ".abc": "abc", ".krn": "kern"}
PARSERS: Mapping[str, Callable[[bytes, str], Written]] = {
    "musicxml": musicxml.read,
    "abc": lambda data, name: abc.read(decode_text(data, name), name),
    "kern": lambda data, name: kern.read(decode_text(data, name), name),
}


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of music21 on standard error; its own channel besides `warnings` is silenced too."""
    from music21 import environment

    core = environment.envSingleton()
    before = core["warnings"]
    core["warnings"] = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        core["warnings"] = before
