"""Lines of the first tune of an ABC file: comments gone, fields told from music (ABC 2.1, section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_TUNE_CHARACTERS

DIRECTIVE, MUSIC, CONTINUATION = "%%", "", "+"
# Section 3: a letter and a colon at the beginning of a line. "A:|" and "A::" are a note before a bar line.
FIELD = re.compile(r"\s*([A-Za-z+]):(?![|:\]])\s*(.*)")
# Section 2.2.5; a backslash makes the sign an ordinary one.
COMMENT = re.compile(r"(?<!\\)%.*")
BLOCK = re.compile(r"%%\s*begin(\w+)")
FILE_HEADER = frozenset("LMURIm%")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: ``field`` is the letter of a field, `DIRECTIVE` or `MUSIC`; ``number`` counts from 1 in the file."""

    number: int
    field: str
    text: str


def first_tune(text: str, ignored: list[str]) -> list[Line]:
    """Header and body of the first tune, after the fields of the file header (section 2.2.2).

    Raises:
        OrchestrionError: the tune has more than two million characters.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = [number for number, line in enumerate(lines) if line.lstrip().startswith("X:")]
    first = starts[0] if starts else 0
    stop = starts[1] if len(starts) > 1 else len(lines)
    if len(starts) > 1:
        ignored.append(f"all tunes of the file but the first (there are {len(starts):,})")
    if sum(map(len, lines[first:stop])) > MAX_TUNE_CHARACTERS:
        raise OrchestrionError(f"The tune has more than {MAX_TUNE_CHARACTERS >> 20} MiB of text, more than any tune.")
    header = [line for line in _parse(lines[: min(first, 1000)], 1) if line is not None and line.field in FILE_HEADER]
    return header + list(_until_blank(lines[first:stop], first + 1, ignored))


def _until_blank(lines: list[str], number: int, ignored: list[str]) -> Iterator[Line]:
    """An empty line ends a tune (section 2.2.1); before any music it is taken for an oversight."""
    has_music, last = False, number - 1
    for line in _parse(lines, number):
        if line is None:
            if has_music:
                rest = [late for late in _parse(lines, number) if late is not None and late.number > last]
                if any(late.field == MUSIC and "|" in late.text for late in rest):
                    ignored.append(f"the music after the empty line that ends the tune (line {last + 1})")
                return
            continue
        last = line.number
        has_music |= line.field == MUSIC and bool(line.text)
        yield line


def _parse(lines: list[str], first: int) -> Iterator[Line | None]:
    """Lines with what they are; None for an empty one. Comment lines and blocks of text are left out."""
    block = ""
    before: Line | None = None
    for number, raw in enumerate(lines, start=first):
        if opening := BLOCK.match(raw):
            block = opening[1]
        if block:
            block = "" if raw.startswith(f"%%end{block}") else block
            continue
        if raw.startswith("%%"):
            yield Line(number, DIRECTIVE, raw[2:].strip())
            continue
        text = COMMENT.sub("", raw)
        if not text.strip():
            if not raw.strip():
                yield None
            continue
        line = _line(number, text.rstrip())
        # Section 3.3: "+:" goes on with the field before it.
        if line.field == CONTINUATION:
            line = Line(number, before.field if before is not None else "N", line.text)
        before = line
        yield line


def _line(number: int, text: str) -> Line:
    field = FIELD.match(text)
    # Lines after a space are music but for the fields that change what sounds; people indent them.
    if field and (not text[0].isspace() or field[1] in "KLMPQTVXw"):
        return Line(number, DIRECTIVE if field[1] == "I" else field[1], field[2].strip())
    return Line(number, MUSIC, text)
