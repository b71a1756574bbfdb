"""MusicXML, ABC and kern files: checked as bytes, then parsed by music21 from memory.

music21's own file reader is never called: it looks for a pickle of the file in a shared temporary folder, and loads it.
Its parsers for text neither read nor write files.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestrion.errors import OrchestrionError
from orchestrion.reading import abccheck, xmlcheck
from orchestrion.score.score import Score

if TYPE_CHECKING:
    import music21

# What music21 adds of its own: today's date, and itself as the composer.
INVENTED = re.compile(rb"\s*<encoding-date>[^<]*</encoding-date>|\s*<creator type=\"composer\">Music21</creator>")

FORMAT_NAMES = {"musicxml": "MusicXML", "mxl": "compressed MusicXML", "abc": "ABC", "humdrum": "kern"}


def read(data: bytes, name: str, format_name: str) -> Score:
    """Read the bytes of a file of one of `FORMAT_NAMES`; ``name`` is for the sentence where it is broken.

    Of an ABC file with several tunes the first is taken.

    Raises:
        OrchestrionError: malformed, hostile, too large, or longer than six hours.
    """
    text = CHECKS[format_name](data, name)
    with _third_party(name, FORMAT_NAMES[format_name]):
        from orchestrion.reading import notation

        return notation.from_music21(_parse(text, format_name))


def write_musicxml(score: Score) -> bytes:
    """MusicXML 4.0 of the pitched parts. Same score, same bytes: the date of today is left out."""
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    from orchestrion.reading import engraving

    with _quiet():
        exporter = GeneralObjectExporter(engraving.to_music21(score))
        # music21's own touches would melt repeated notes that fill a tuplet into one; ours are in place already.
        exporter.makeNotation = False
        written = exporter.parse()
    return INVENTED.sub(b"", written)


def _check_text(data: bytes, name: str) -> str:
    text = decode_text(data)
    if "\0" in text:
        raise OrchestrionError(f"{name} is not a text file.")
    return text


def _check_abc(data: bytes, name: str) -> str:
    return abccheck.check(_check_text(data, name), name)


def _check_kern(data: bytes, name: str) -> str:
    text = _check_text(data, name)
    if "**kern" not in text:
        raise OrchestrionError(f"{name} is not a kern file: it has no **kern spine.")
    return text


CHECKS: Mapping[str, Callable[[bytes, str], str]] = {
    "musicxml": xmlcheck.check_musicxml,
    "mxl": lambda data, name: xmlcheck.check_musicxml(xmlcheck.unpack_mxl(data, name), name),
    "abc": _check_abc,
    "humdrum": _check_kern,
}


def decode_text(data: bytes) -> str:
    """UTF-8 where it is that, else Latin-1, which old files are in."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse(text: str, format_name: str) -> music21.stream.Stream:
    from music21.converter import subConverters

    parsers = {
        "musicxml": subConverters.ConverterMusicXML,
        "mxl": subConverters.ConverterMusicXML,
        "abc": subConverters.ConverterABC,
        "humdrum": subConverters.ConverterHumdrum,
    }
    converter = parsers[format_name]()
    converter.parseData(text)
    return converter.stream


@contextmanager
def _third_party(name: str, kind: str) -> Iterator[None]:
    """Turn what a parser not ours raises on a broken file, which can be nearly anything, into one sentence."""
    from xml.etree.ElementTree import ParseError

    from music21.exceptions21 import Music21Exception

    broken = (Music21Exception, ParseError, ArithmeticError, AssertionError, AttributeError, LookupError, NameError)
    try:
        with _quiet():
            yield
    except OrchestrionError as error:
        raise OrchestrionError(f"{name}: {error}") from error
    except (*broken, RuntimeError, StopIteration, TypeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
        raise OrchestrionError(f"{name} is not {kind} that can be understood ({reason}).") from error


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
