"""The text of an SFZ instrument: headers and opcodes (sfzformat.com), as regions with all that they inherit.

``<control>``, ``<global>``, ``<master>`` and ``<group>`` hand their opcodes down to the ``<region>`` headers after them, the nearer
ones winning. ``#define`` replaces a ``$name``; ``#include`` reads another file of the same folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from orchestrion.datasets.untrusted.textfiles import check_ordinary
from orchestrion.errors import OrchestrionError

MOST_BYTES, MOST_REGIONS, MOST_INCLUDES, MOST_WORDS, LONGEST_LINE = 8 * 2**20, 16384, 64, 1024, 1 << 20
MOST_REPLACED = 5_000_000  # words looked for, in all lines
LONGEST_NAME = 255
LEVELS = ("control", "global", "master", "group", "region")
HEADER = re.compile(r"<(\w+)>")
OPCODE = re.compile(r"(?<!\S)([\w#$]+)=")
# One that is not closed goes to the end: looking for its end again and again would take hours.
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
FURTHEST_KEY = 10**9
NOTE = re.compile(r"([a-g])([#b]?)(-?\d+)$")
SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


def read_regions(path: Path) -> list[dict[str, str]]:
    """The regions of ``path`` in order, each with its own opcodes and the inherited ones, names in lower case.

    Raises:
        OrchestrionError: the file cannot be read or is too big; an included file lies outside its folder; no region.
    """
    regions: list[dict[str, str]] = []
    given: dict[str, dict[str, str]] = {level: {} for level in LEVELS}
    now: str | None = None
    for line in _lines(path, path.parent.resolve(), {}, [0, 0, 0]):
        for header, text in _parts(line):
            if header:
                now = header
                if now in LEVELS[1:]:
                    for lower in LEVELS[LEVELS.index(now) :]:
                        given[lower] = {}
                if now == "region":
                    given["region"] = {name: value for level in LEVELS for name, value in given[level].items()}
                    regions.append(given["region"])
                    if len(regions) > MOST_REGIONS:
                        raise OrchestrionError(f"{path} has more than {MOST_REGIONS} regions.")
            if now in LEVELS:
                given[now].update(_opcodes(text))
    if not regions:
        raise OrchestrionError(f"{path} has no <region>: it is no SFZ instrument.")
    return regions


def key_of(text: str) -> int:
    """MIDI pitch of ``60``, ``c4`` (60), ``F#3``, ``bb2``.

    Raises:
        ValueError: it is neither a number nor a note, or further off than any file means.
    """
    found = NOTE.match(text.lower())
    if found is None:
        key = int(text)
    else:
        letter, accidental, octave = found.groups()
        key = SEMITONES[letter] + {"#": 1, "b": -1, "": 0}[accidental] + 12 * (int(octave) + 1)
    if abs(key) > FURTHEST_KEY:
        raise ValueError(f"no key: {text[:40]}")
    return key


def _parts(line: str) -> list[tuple[str | None, str]]:
    """A line as (header or None, what follows it)."""
    pieces = HEADER.split(line)
    return [(None, pieces[0]), *((pieces[i].lower(), pieces[i + 1]) for i in range(1, len(pieces), 2))]


def _opcodes(text: str) -> list[tuple[str, str]]:
    """Names in lower case, and values, which go to the next name: those of files may hold blanks."""
    found = list(OPCODE.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)] * bool(found)
    return [(one[1].lower(), text[one.end() : end].strip()) for one, end in zip(found, ends, strict=True)]


def _lines(path: Path, folder: Path, words: dict[str, str], read: list[int]) -> list[str]:
    """The file's lines without comments; ``#include`` and ``#define`` done. ``read``: files, bytes and words looked for so far."""
    check_ordinary(path)
    try:
        read[0], read[1] = read[0] + 1, read[1] + path.stat().st_size
        if read[0] > MOST_INCLUDES or read[1] > MOST_BYTES:
            raise OrchestrionError(f"{path} and what it includes are too big for an SFZ instrument ({MOST_BYTES // 2**20} MiB, {MOST_INCLUDES} files).")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise OrchestrionError(f"Cannot read {path}: {error.strerror}.") from error
    out: list[str] = []
    for raw in COMMENT.sub(" ", text).splitlines():
        line = raw.split("//", 1)[0].strip()
        define = re.match(r"#define\s+(\$\w+)\s+(\S+)", line)
        include = re.match(r'#include\s+"([^"]+)"', line)
        if define:
            words[define[1]] = define[2]
            if len(words) > MOST_WORDS:
                raise OrchestrionError(f"{path} defines more than {MOST_WORDS} words.")
        elif include:
            out += _lines(inside(folder, include[1], folder), folder, words, read)
        elif line:
            if "$" in line:
                read[2] += len(words)
                if read[2] > MOST_REPLACED:
                    raise OrchestrionError(f"{path} has too many lines with $words for {len(words)} of them.")
            for word in sorted(words, key=len, reverse=True) if "$" in line else ():  # $KEYB before $KEY
                line = line.replace(word, words[word])
                if len(line) > LONGEST_LINE:  # words that hold others, doubled again and again
                    raise OrchestrionError(f"{path} has a line of more than {LONGEST_LINE} characters once its words are replaced.")
            out.append(line)
    return out


def inside(folder: Path, name: str, fence: Path) -> Path:
    """The file ``name``, written for any system and in any case of letters, under ``folder``; it must lie within ``fence``.

    Raises:
        OrchestrionError: it leads elsewhere.
    """
    if "\0" in name or len(os.fsencode(name)) > LONGEST_NAME:
        raise OrchestrionError(f"The SFZ instrument names the file {name[:40]!r}, which no folder can hold.")
    at = folder
    for part in name.replace("\\", "/").split("/"):
        if part == "..":
            at = at.parent
        elif part not in ("", "."):
            at = at / part if (at / part).exists() else _in_any_case(at, part)
        if not (at == fence or fence in at.parents):
            break
    at = at.resolve()
    if Path(name).is_absolute() or re.match(r"[A-Za-z]:", name) or fence not in at.parents:
        raise OrchestrionError(f"The SFZ instrument names the file {name!r}, which lies outside its folder.")
    return at


def _in_any_case(folder: Path, name: str) -> Path:
    """``name`` in ``folder``, written in other letters where it is not there as it stands."""
    try:
        return next((one for one in sorted(folder.iterdir()) if one.name.casefold() == name.casefold()), folder / name)
    except OSError:
        return folder / name
