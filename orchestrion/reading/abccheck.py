"""ABC text that music21 would silently misread: an open chord swallows the notes of the bars after it."""

from __future__ import annotations

import re

from orchestrion.errors import OrchestrionError

HEADER = re.compile(r"^[A-Za-z+]:")
QUOTED = re.compile(r'"[^"]*"')
DECORATION = re.compile(r"![^!|\s]*!|\+[a-z.]+\+")
INLINE_FIELD = re.compile(r"\[[A-Za-z]:[^\]]*\]")
BAR_SIGN = re.compile(r"\[\||\|\]|\[(?=\d)")
CHORD = re.compile(r"\[([^\[\]|]+)\]")
GRACE = re.compile(r"\{([^{}|]*)\}")
NO_LENGTH = re.compile(r"[A-Ga-gz][,']*(?:0+(?!\d)|\d*/0+(?!\d))")
UNKNOWN = re.compile(r"[^A-Za-z0-9\s|:.,'/^_=<>()\-~&$*\\\"`]")


def check(text: str, name: str) -> str:
    """The text of the first tune, headers included.

    Raises:
        OrchestrionError: no key (``K:``), no music, or a bar with an open chord, grace or quotation mark, a character
            that means nothing in ABC, or a note of length 0; the sentence names the line.
    """
    lines = _first_tune(text)
    keys = [index for index, line in enumerate(lines) if line.startswith("K:")]
    if not keys:
        raise OrchestrionError(f"{name} is not an ABC tune: it has no key (a line such as K:C).")
    for number, line in enumerate(lines[keys[0] + 1 :], start=keys[0] + 2):
        music = _without_comment(line)
        if music.strip() and not HEADER.match(music):
            _check_line(music, f"{name}, line {number} of the tune")
    return "\n".join(lines) + "\n"


def _first_tune(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = [index for index, line in enumerate(lines) if line.startswith("X:")]
    if len(starts) < 2:
        return lines
    # What comes before the first tune holds for all of them.
    return lines[: starts[1]]


def _without_comment(line: str) -> str:
    # A backslash before % makes it an ordinary character.
    return re.split(r"(?<!\\)%", line, maxsplit=1)[0]


def _check_line(music: str, where: str) -> None:
    rest = INLINE_FIELD.sub(" ", DECORATION.sub(" ", QUOTED.sub(" ", music)))
    if '"' in rest:
        raise OrchestrionError(f'{where}: a quotation mark " is never closed.')
    rest = GRACE.sub(r" \1 ", CHORD.sub(r" \1 ", BAR_SIGN.sub("|", rest)))
    if any(sign in rest for sign in "[]"):
        raise OrchestrionError(f"{where}: a chord is broken; each [ needs its ] in the same bar.")
    if any(sign in rest for sign in "{}"):
        raise OrchestrionError(f"{where}: grace notes are broken; each {{ needs its }} in the same bar.")
    if unknown := UNKNOWN.search(rest):
        raise OrchestrionError(f"{where}: the character {unknown.group()!r} means nothing in ABC.")
    if NO_LENGTH.search(rest):
        raise OrchestrionError(f"{where}: a note has length 0.")
