"""Tokens of a line of ABC music (ABC 2.1, section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from orchestrion.errors import OrchestrionError
from orchestrion.reading.abc.fields import MAX_DENOMINATOR

LENGTH = r"[0-9]*/*[0-9]*"
NOTE = rf"(?:\^\^?|__?|=)?[A-Ga-g][,']*{LENGTH}"
ENDING = r"[0-9]+(?:[,-][0-9]+)*"

# In this order; the first that fits is taken. Each is linear in the length of the line; repeated groups are counted, as
# the matcher remembers each round.
TOKEN = re.compile(
    "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in {
            "text": r'"[^"]*"',  # 4.18 chord symbols, 4.19 annotations
            "decoration": r"![A-Za-z0-9.<>()/+*~^_,=-]*!|!D\.[CS]\. ?al ?(?:fine|coda)!|\+[A-Za-z.<>0-9()]+\+",  # 4.14
            "field": r"\[[A-Za-z]:[^\]]*\]",  # 3.2
            "bar": rf"(?:[:|]|\](?=[:|])|(?<=[:|])\]|\[(?=\|)){{1,40}}(?:\[?{ENDING})?",  # 4.8, 4.9
            "ending": rf"\[{ENDING}",  # 4.10
            "chord": rf"\[[^\[\]|]*\]{LENGTH}",  # 4.17
            "grace": r"\{[^{}|]*\}",  # 4.12
            "note": NOTE,  # 4.1, 4.2
            "rest": rf"[zx]{LENGTH}",  # 4.5
            "measures": r"[ZX][0-9]*",
            "space": rf"y{LENGTH}",  # 6.1.2
            "tuplet": r"\((?=[0-9])[0-9]{1,2}(?::[0-9]{0,2}){0,2}",  # 4.13
            "broken": r"[<>]+",  # 4.4
            "tie": r"\.?-",  # 4.11
            "overlay": r"&",  # 7.4
            "symbol": r"[~H-Wh-w.]",  # 4.14, 4.16
            "silent": r"(?:[\s)`$\\]|\((?![0-9])){1,200}|!",  # slurs, beams, line breaks
            "loose": r"[0-9]+",
            "unknown": r".",
        }.items()
    )
)
IN_CHORD = re.compile(rf"(?P<note>{NOTE})(?P<tie>\.?-)?|(?P<rest>[zx]{LENGTH})|(?P<other>.)")
ONE = Fraction(1)
HEAD = re.compile(r"(\^\^?|__?|=)?([A-Ga-g])([,']*)(.*)")


@dataclass(frozen=True, slots=True)
class NoteHead:
    """A note head: ``sign`` is its accidental, ``octave`` 0 for ``C``, 1 for ``c``; ``length`` in units."""

    sign: str
    letter: str
    octave: int
    length: Fraction
    tie: bool = False


def tokens(line: str) -> Iterator[tuple[str, str]]:
    """Kinds and texts, in order; nothing of the line is left out."""
    for found in TOKEN.finditer(line):
        yield found.lastgroup or "", found.group()


def parse_head(text: str, tie: bool = False) -> NoteHead:
    """A token of kind ``note``.

    Raises:
        OrchestrionError: a length of 0, or beyond measure.
    """
    found = HEAD.fullmatch(text)
    if found is None:
        raise OrchestrionError(f"the note {text[:20]!r} cannot be read")
    sign, letter, marks, length = found.groups()
    octave = (1 if letter.islower() else 0) + marks.count("'") - marks.count(",")
    return NoteHead(sign or "", letter.upper(), octave, parse_length(length), tie)


@lru_cache(maxsize=1024)
def parse_length(text: str) -> Fraction:
    """Section 4.3: ``2``, ``3/2``, ``/``, ``//``, ``/4``; nothing is `ONE` itself.

    Raises:
        OrchestrionError: 0, or beyond measure.
    """
    if not text:
        return ONE
    above, _, below = text.partition("/")
    halvings = text.count("/")
    below = below.lstrip("/")
    if len(above) > 6 or len(below) > 4 or halvings > 9:
        raise OrchestrionError(f"the note length {text[:20]!r} is beyond measure")
    numerator = int(above or 1)
    denominator = int(below) * 2 ** (halvings - 1) if below else 2**halvings
    if not numerator or not denominator:
        raise OrchestrionError("a note has length 0")
    if denominator > MAX_DENOMINATOR:
        raise OrchestrionError(f"the note length {text[:20]!r} is beyond measure")
    return Fraction(numerator, denominator)


def parse_chord(text: str) -> tuple[list[NoteHead], Fraction, Fraction | None]:
    """Section 4.17: heads, the length that all are multiplied with, and the length of a rest where it is one."""
    inner, _, length = text[1:].rpartition("]")
    rest = re.fullmatch(rf"\s*[zx]({LENGTH})\s*", inner)
    return parse_heads(inner), parse_length(length), parse_length(rest[1]) if rest else None


def parse_heads(inner: str) -> list[NoteHead]:
    """The notes between brackets or braces, decorations left out."""
    inner = re.sub(r'"[^"]*"|![^!\s]*!', "", inner)
    found = (match for match in IN_CHORD.finditer(inner) if match["note"])
    return [parse_head(match["note"], match["tie"] is not None) for match in found]


def parse_endings(text: str) -> frozenset[int]:
    """Section 4.10: ``1``, ``1,3``, ``1-3`` to the passes."""
    numbers: set[int] = set()
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        low, high = int(first[:3] or 0), int((last or first).split("-")[-1][:3] or 0)
        numbers |= set(range(low, high + 1)) if low else set()
    return frozenset(numbers - {0})
