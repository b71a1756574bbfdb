"""Directions and bar lines of MusicXML: tempo, dynamics, repeats, endings, jumps."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree.ElementTree import Element

from orchestrion.reading.written import DYNAMICS
from orchestrion.score.playingorder import DA_CAPO, BarMarks

BEAT_UNITS = {
    "long": 16.0, "breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25, "32nd": 0.125,
    "64th": 0.0625,
}  # fmt: skip
FIRST_NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,6})?")
ENDING_NUMBERS = re.compile(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?")
# Signs without a name of their own.
UNNAMED = "1"
DA_CAPO_WORDS = re.compile(r"\b(d\.? ?c\b|da capo\b)", re.IGNORECASE)
DAL_SEGNO_WORDS = re.compile(r"\b(d\.? ?s\b|dal segno\b)", re.IGNORECASE)
TO_CODA_WORDS = re.compile(r"^\W*(to|al) coda\b", re.IGNORECASE)
FINE_WORDS = re.compile(r"^\W*fine\W*$", re.IGNORECASE)


def metronome(direction: Element) -> float | None:
    """Quarters a minute of a metronome mark; None where there is none that is a number."""
    mark = direction.find("direction-type/metronome")
    number = FIRST_NUMBER.search(mark.findtext("per-minute") or "") if mark is not None else None
    if mark is None or number is None:
        return None
    unit = BEAT_UNITS.get((mark.findtext("beat-unit") or "").strip(), 1.0)
    dots = min(len(mark.findall("beat-unit-dot")), 3)
    return unit * (2 - 0.5**dots) * float(number[0])


def dynamics(direction: Element) -> int | None:
    """The velocity of a dynamic mark."""
    marks = [mark.tag for mark in direction.findall("direction-type/dynamics/*") if mark.tag in DYNAMICS]
    return DYNAMICS[marks[-1]] if marks else None


def barline(element: Element, marks: BarMarks) -> BarMarks:
    """Repeats, endings, and the signs that a bar line may carry."""
    repeat = element.find("repeat")
    if repeat is not None and repeat.get("direction") == "forward":
        marks = replace(marks, repeat_start=True)
    elif repeat is not None and repeat.get("direction") == "backward":
        times = repeat.get("times", "2")
        marks = replace(marks, repeat_end=max(int(times), 2) if re.fullmatch(r"\d{1,9}", times) else 2)
    ending = element.find("ending")
    if ending is not None and ending.get("type") == "start":
        marks = replace(marks, endings=_passes(ending.get("number", "")), ending_start=True)
    if element.find("segno") is not None or element.get("segno"):
        marks = replace(marks, segno=element.get("segno") or UNNAMED)
    if element.find("coda") is not None or element.get("coda"):
        marks = replace(marks, coda=element.get("coda") or UNNAMED)
    return marks


def ends_ending(measure: Element) -> bool:
    """Whether a bracket ends with this measure."""
    return any(ending.get("type") in ("stop", "discontinue") for ending in measure.findall("barline/ending"))


def _passes(text: str) -> frozenset[int]:
    numbers: set[int] = set()
    for first, last in ENDING_NUMBERS.findall(text[:200]):
        numbers |= set(range(int(first), int(last or first) + 1))
    return frozenset(numbers - {0})


def sounded_jumps(sound: Element, marks: BarMarks) -> BarMarks:
    """What ``<sound>`` says of jumps; it says so in any language."""
    if sound.get("dacapo") == "yes":
        marks = replace(marks, jump=DA_CAPO)
    if sound.get("dalsegno"):
        marks = replace(marks, jump=sound.get("dalsegno", UNNAMED))
    if sound.get("segno"):
        marks = replace(marks, segno=sound.get("segno", UNNAMED))
    if sound.get("coda"):
        marks = replace(marks, coda=sound.get("coda", UNNAMED))
    if sound.get("tocoda"):
        marks = replace(marks, to_coda=sound.get("tocoda", UNNAMED))
    if sound.get("fine"):
        marks = replace(marks, fine=True)
    if sound.get("forward-repeat") == "yes":
        marks = replace(marks, repeat_start=True)
    return marks


def written_jumps(direction: Element, marks: BarMarks) -> BarMarks:
    """Signs and English or Italian words, where the direction has no ``<sound>`` that says the same."""
    sound = direction.find("sound")
    said = set(sound.keys()) if sound is not None else set()
    words = " ".join(word.text or "" for word in direction.findall("direction-type/words")).strip()
    if DA_CAPO_WORDS.search(words) and not said & {"dacapo", "dalsegno"}:
        marks = replace(marks, jump=DA_CAPO)
    elif DAL_SEGNO_WORDS.search(words) and not said & {"dacapo", "dalsegno"}:
        marks = replace(marks, jump=UNNAMED)
    elif FINE_WORDS.search(words) and "fine" not in said:
        marks = replace(marks, fine=True)
    leaves = bool(TO_CODA_WORDS.search(words))
    if leaves and "tocoda" not in said:
        marks = replace(marks, to_coda=UNNAMED)
    if direction.find("direction-type/segno") is not None and not said & {"segno", "dalsegno"}:
        marks = replace(marks, segno=marks.segno or UNNAMED)
    if direction.find("direction-type/coda") is not None and not said & {"coda", "tocoda"} and not leaves:
        marks = replace(marks, coda=marks.coda or UNNAMED)
    return marks
