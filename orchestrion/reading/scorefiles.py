"""Score files by extension, and the checks that come before any parser sees a byte."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from orchestrion.errors import IgnoredWarning, OrchestrionError
from orchestrion.files import atomic_write
from orchestrion.limits import MAX_KERN_BYTES, MAX_MIDI_BYTES, MAX_TEXT_BYTES
from orchestrion.reading import midifile, midiscore
from orchestrion.score.score import Score
from orchestrion.score.tunes import BUILTIN_TUNES
from orchestrion.suffixes import AUDIO, MIDI

MAX_SHOWN = 200
# Bytes and the name to show; the score, and what of it could not be followed.
Reader: TypeAlias = Callable[[bytes, str], tuple[Score, list[str]]]


def read(source: str | os.PathLike[str], strict: bool = False) -> Score:
    """See `Score.read`. A file in the working folder goes before a built-in tune of the same name."""
    path = Path(source)
    if isinstance(source, str) and source in BUILTIN_TUNES and not os.path.isfile(path):
        return BUILTIN_TUNES[source]
    score, ignored = read_file(path)
    if ignored:
        what = f"{printable(path)}: {'; '.join(ignored)}"
        if strict:
            raise OrchestrionError(f"{what} cannot be followed (--strict).")
        warnings.warn(f"ignored: {what}", IgnoredWarning, stacklevel=2)
    return score


def read_file(path: Path) -> tuple[Score, list[str]]:
    """The score in a file, and what of it could not be followed.

    Raises:
        OrchestrionError: no such file, unknown extension, or a broken, hostile or empty file.
    """
    shown = printable(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise OrchestrionError(_unknown(path, shown))
    reader, limit = READERS[suffix]
    score, ignored = reader(_read_bytes(path, shown, limit), shown)
    if not any(part.notes for part in score.parts):
        raise OrchestrionError(f"{shown} holds no notes.")
    return score, ignored


def write(score: Score, path: str | os.PathLike[str]) -> None:
    """See `Score.write`."""
    target = Path(path)
    shown = printable(target)
    if target.suffix.lower() not in WRITERS:
        raise OrchestrionError(f"Cannot write a score as {shown!r}: the name must end in {', '.join(WRITERS)}.")
    if not any(part.notes for part in score.parts):
        raise OrchestrionError(f"Cannot write {shown}: the score holds no notes.")
    data = WRITERS[target.suffix.lower()](score)
    with atomic_write(target) as temporary:
        temporary.write_bytes(data)


def printable(path: Path) -> str:
    """The path as text that any terminal takes: odd bytes and control characters escaped, a long one cut to its end."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= MAX_SHOWN else f"…{shown[-MAX_SHOWN:]}"


def _read_midi(data: bytes, name: str) -> tuple[Score, list[str]]:
    return midiscore.to_score(midifile.decode(data, name), name), []


def _read_notation(format_name: str) -> Reader:
    def reader(data: bytes, name: str) -> tuple[Score, list[str]]:
        from orchestrion.reading import notationfiles

        return notationfiles.read(data, name, format_name)

    return reader


def _write_midi(score: Score) -> bytes:
    return midifile.encode(midiscore.from_score(score))


def _write_musicxml(score: Score) -> bytes:
    from orchestrion.reading import notationfiles

    return notationfiles.write_musicxml(score)


READERS: Mapping[str, tuple[Reader, int]] = {
    **{suffix: (_read_midi, MAX_MIDI_BYTES) for suffix in MIDI},
    **{suffix: (_read_notation("musicxml"), MAX_TEXT_BYTES) for suffix in (".musicxml", ".xml", ".mxl")},
    ".abc": (_read_notation("abc"), MAX_TEXT_BYTES),
    ".krn": (_read_notation("kern"), MAX_KERN_BYTES),
}

WRITERS: Mapping[str, Callable[[Score], bytes]] = {
    ".mid": _write_midi,
    ".midi": _write_midi,
    ".musicxml": _write_musicxml,
    ".xml": _write_musicxml,
}


def _read_bytes(path: Path, shown: str, limit: int) -> bytes:
    # os.path answers False where pathlib raises (a name that is too long, say); opening it then says why.
    if os.path.isdir(path):
        raise OrchestrionError(f"Cannot read {shown}: it is a folder; name a file in it.")
    # A pipe or a device could be endless or wait for ever.
    if os.path.exists(path) and not os.path.isfile(path):
        raise OrchestrionError(f"Cannot read {shown}: it is not a regular file.")
    try:
        with open(path, "rb") as handle:
            data = handle.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OrchestrionError(f"Cannot read {shown}: {reason}.") from error
    if len(data) > limit:
        raise OrchestrionError(f"{shown} has more than {limit >> 20} MiB, too much for a score of its kind.")
    if not data:
        raise OrchestrionError(f"{shown} is empty.")
    return data


def _unknown(path: Path, shown: str) -> str:
    if os.path.isdir(path):
        return f"Cannot read {shown}: it is a folder; name a file in it."
    known = f"a score ends in {', '.join(READERS)}"
    if path.suffix.lower() in AUDIO:
        return f"{shown} is audio, not a score; write down its notes: orchestrion transcribe {shown} -o {printable(path.with_suffix('.mid'))}."
    if path.suffix:
        return f"Cannot read {shown}: the extension {printable(Path(path.suffix))!r} is unknown; {known}."
    close = difflib.get_close_matches(path.name.casefold().replace("_", "-").replace(" ", "-"), list(BUILTIN_TUNES), 1)
    if close:
        return f"There is no tune or score file {shown!r}; did you mean the built-in tune {close[0]!r}?"
    return f"There is no tune {shown!r}; {known}, and the built-in tunes are {', '.join(BUILTIN_TUNES)}."
