"""Values of ABC's information fields: meter, unit length, tempo, key, voice, parts (ABC 2.1, sections 3.1 and 4.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_MEASURES
from orchestrion.reading.written import meter_or_none

MAX_DENOMINATOR = 512
QUOTED = re.compile(r'"[^"]*"')
PROPERTY = re.compile(r'\b([a-z]+)=("[^"]*"|[^\s"]+)')
TEMPO = re.compile(r"((?:\d{1,4}/\d{1,4}\s*)+)=\s*(\d{1,5}(?:\.\d{1,6})?)")
OLD_TEMPO = re.compile(r"(?:C(\d{0,3})(?:/(\d{1,3}))?\s*=\s*)?(\d{1,5}(?:\.\d{1,6})?)")
FRACTION = re.compile(r"(\d{1,4})/(\d{1,4})")
TONIC = re.compile(r"([A-G])([#b]?)([A-Za-z]*)")
ACCIDENTAL = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
CLEF = re.compile(r"(treble|alto|tenor|bass|perc|none|[CFGP])([1-5]?)([+-](?:8|15))?[^\s]*", re.IGNORECASE)

FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
# Section 3.1.14: only the first three letters of a mode count, in any case.
MODES = {"": 0, "maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5, "lyd": 1}
ALTERATIONS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
OCTAVES = {"+8": 12, "-8": -12, "+15": 24, "-15": -24}


@dataclass(frozen=True, slots=True)
class KeyField:
    """A ``K:`` field.

    Args:
        alterations: semitones by letter A to G; None where the field has no key but a clef alone.
        settings: what it says of clef and transposition.
    """

    alterations: dict[str, int] | None
    settings: Settings


@dataclass(frozen=True, slots=True)
class Settings:
    """Semitones that clef, ``octave=`` and ``transpose=`` ask for (section 4.6); None where nothing is said."""

    clef: int | None = None
    octave: int | None = None
    transpose: int | None = None
    is_drum: bool | None = None


@dataclass(frozen=True, slots=True)
class VoiceField:
    """A ``V:`` field (section 7.1)."""

    id: str
    name: str
    settings: Settings = field(default_factory=Settings)


def parse_meter(text: str) -> tuple[int, int] | None:
    """Section 3.1.6: ``C``, ``C|``, ``6/8``, ``(2+3+2)/8``, ``none``; None also where it makes no sense.

    >>> parse_meter("C|"), parse_meter("(2+3)/8"), parse_meter("none")
    ((2, 2), (5, 8), None)
    """
    text = text.strip()
    if text in ("C", "c"):
        return 4, 4
    if text in ("C|", "c|"):
        return 2, 2
    beats, slash, value = text.replace("(", "").replace(")", "").partition("/")
    numbers = [number.strip() for number in beats.split("+")]
    digits = value.split()[0] if value.split() else ""
    if not slash or not all(_is_number(number) for number in [*numbers, digits]):
        return None
    return meter_or_none(sum(map(int, numbers)), int(digits))


def default_unit(meter: tuple[int, int] | None) -> Fraction:
    """Section 3.1.7: a sixteenth where the meter is below 3/4, else an eighth; in quarters."""
    return Fraction(1, 4) if meter is not None and Fraction(*meter) < Fraction(3, 4) else Fraction(1, 2)


def parse_unit(text: str) -> Fraction | None:
    """Section 3.1.7: the unit note length, in quarters; None where it makes no sense."""
    found = FRACTION.match(text.strip())
    if found and int(found[1]) and 0 < int(found[2]) <= MAX_DENOMINATOR:
        return 4 * Fraction(int(found[1]), int(found[2]))
    return Fraction(4) if text.strip() == "1" else None


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """Section 3.1.8: quarters a minute; None where there is no number (``Q:"Allegro"``).

    The outdated ``Q:120`` counts quarters, as abc2midi and music21 have it, ``Q:C2=60`` unit lengths (section 10.1).
    """
    text = QUOTED.sub(" ", text).strip()
    if found := TEMPO.search(text):
        fractions = [Fraction(int(above), int(below) or 1) for above, below in FRACTION.findall(found[1])]
        return float(4 * sum(fractions) * Fraction(found[2]))
    if found := OLD_TEMPO.fullmatch(text):
        units = Fraction(int(found[1] or 1), int(found[2] or 1) or 1) * unit if "C" in text else Fraction(1)
        return float(units * Fraction(found[3]))
    return None


def parse_key(text: str) -> KeyField:
    """Section 3.1.14: tonic, mode, ``exp``, accidentals; ``HP``, ``Hp``, ``none``; clef and transposition."""
    settings = parse_settings(text)
    plain = PROPERTY.sub(" ", text)
    words = plain.split()
    if not words:
        return KeyField({} if not text.strip() else None, settings)
    first, rest = words[0], words[1:]
    alterations: dict[str, int] | None = None
    if first in ("HP", "Hp"):
        # The Highland pipes sound C and F sharp whether it is printed (Hp) or not (HP).
        alterations = {"C": 1, "F": 1}
    elif first.lower() == "none":
        alterations = {}
    elif found := TONIC.fullmatch(first):
        mode = found[3] or next((word for word in rest if word.lower()[:3] in MODES and word[0].isalpha()), "")
        fifths = FIFTHS[found[1]] + {"#": 7, "b": -7, "": 0}[found[2]] + MODES.get(_mode(mode), 0)
        explicit = any(word.lower() == "exp" for word in rest) or found[3].lower() == "exp"
        alterations = {} if explicit else _signature(fifths)
    marks = ACCIDENTAL.findall(" ".join(words))
    if marks:
        alterations = (alterations or {}) | {letter.upper(): ALTERATIONS[sign] for sign, letter in marks}
    return KeyField(alterations, settings)


def _mode(word: str) -> str:
    return word.lower()[:3] if word not in ("m", "M") else word.lower()


def _signature(fifths: int) -> dict[str, int]:
    """Alterations by letter: one sharp (or flat) for each fifth up (or down), in the order F C G D A E B."""
    altered = {letter: (fifths + 6 - place) // 7 for place, letter in enumerate("FCGDAEB")}
    return {letter: steps for letter, steps in altered.items() if steps}


def parse_settings(text: str) -> Settings:
    """Section 4.6, from a ``K:`` or ``V:`` field."""
    properties = {name.lower(): value.strip('"') for name, value in PROPERTY.findall(text)}
    words = [properties["clef"]] if "clef" in properties else QUOTED.sub(" ", PROPERTY.sub(" ", text)).split()
    clef: int | None = None
    is_drum: bool | None = None
    for word in words:
        found = CLEF.fullmatch(word)
        if found and not (TONIC.fullmatch(word) and "clef" not in properties):
            clef = OCTAVES.get(found[3] or "", 0)
            is_drum = found[1].lower() in ("perc", "p")
    octave = _number(properties.get("octave"))
    transpose = _number(properties.get("transpose", properties.get("t")))
    return Settings(clef, None if octave is None else 12 * octave, transpose, is_drum)


def parse_voice(text: str) -> VoiceField:
    """Section 7.1: the identifier and its properties."""
    identifier, _, rest = text.strip().partition(" ")
    properties = {name.lower(): value.strip('"') for name, value in PROPERTY.findall(rest)}
    name = properties.get("name", properties.get("nm", "")).replace("\\n", " ")
    return VoiceField(identifier, " ".join(name.split()), parse_settings(rest))


def parse_parts(text: str) -> list[str]:
    """Section 3.1.9: the letters of ``P:((AB)3.(CD)3)2`` in playing order; empty where it is none.

    Raises:
        OrchestrionError: more parts than any tune has bars.
    """
    text = re.sub(r"[\s.]", "", text)
    if not re.fullmatch(r"(?:[A-Z][0-9]{0,4}|\(|\)[0-9]{0,4})+", text):
        return []
    stack: list[list[str]] = [[]]
    for token in re.findall(r"[A-Z]\d{0,4}|\(|\)\d{0,4}", text):
        if token == "(":
            stack.append([])
            continue
        times = min(int(token[1:] or 1), MAX_MEASURES)
        if token[0] == ")":
            if len(stack) == 1:
                return []
            group = stack.pop()
        else:
            group = [token[0]]
        if len(group) * times + len(stack[-1]) > MAX_MEASURES:
            raise OrchestrionError(f"The field P:{text[:20]}… asks for more than {MAX_MEASURES:,} parts.")
        stack[-1] += group * times
    return stack[0] if len(stack) == 1 else []


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[+-]?\d{1,2}", text) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4
