"""A MusicXML score: its list of parts, and their measures side by side."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.etree.ElementTree import Element, iterparse

from orchestrion.errors import OrchestrionError
from orchestrion.reading.musicxml import directions
from orchestrion.reading.musicxml.checking import check_musicxml, unpack_mxl
from orchestrion.reading.musicxml.measure import MeasureReader, PartState
from orchestrion.reading.written import Bar, Budget, Written, WrittenPart

ZIP = b"PK\x03\x04"
DRUM_CHANNEL = 10


def read(data: bytes, name: str) -> Written:
    """Plain or compressed MusicXML, told apart by its first bytes and not by its name.

    Raises:
        OrchestrionError: malformed, hostile, or beyond the bounds.
    """
    text = check_musicxml(unpack_mxl(data, name) if data.startswith(ZIP) else data, name)
    reader = _ScoreReader()
    stack: list[Element] = []
    try:
        for event, element in iterparse(io.BytesIO(text.encode("utf-8")), events=("start", "end")):
            element.tag = element.tag.rpartition("}")[2]
            if event == "start":
                stack.append(element)
                if element.tag == "part" and len(stack) == 2:
                    reader.begin_part(element.get("id", ""))
                continue
            stack.pop()
            if len(stack) <= 2 and reader.end(element):
                element.clear()
                if stack:
                    stack[-1].remove(element)
    except OrchestrionError as error:
        raise OrchestrionError(f"{name}: {str(error).rstrip('.')}.") from error
    return reader.finish()


class _ScoreReader:
    def __init__(self) -> None:
        self.title = ""
        self.ignored: list[str] = []
        self._budget = Budget()
        self._states: dict[str, PartState] = {}
        self._readers: list[MeasureReader] = []
        self._bars: list[Bar] = []
        self._endings: list[frozenset[int]] = []
        self._stops: set[int] = set()
        self._number = 0

    def begin_part(self, identifier: str) -> None:
        """Measures of this part follow; its first is the first bar."""
        self._budget.parts(len(self._readers) + 1)
        state = self._states.setdefault(identifier, PartState(identifier or f"part {len(self._readers) + 1}"))
        self._readers.append(MeasureReader(len(self._readers), state, self._budget, self.ignored))
        self._number = 0

    def end(self, element: Element) -> bool:
        """Take what an element near the root holds; whether it may be forgotten now."""
        match element.tag:
            case "work-title" | "movement-title":
                self.title = self.title or " ".join((element.text or "").split())
            case "work":
                self.title = self.title or " ".join((element.findtext("work-title") or "").split())
            case "score-part":
                self._score_part(element)
            case "measure" if self._readers:
                self._measure(element)
            case "part" | "part-list" | "defaults" | "credit" | "identification":
                pass
            case _:
                return False
        return True

    def _score_part(self, element: Element) -> None:
        identifier = element.get("id", "")
        self._budget.parts(len(self._states) + 1)
        name = " ".join((element.findtext("part-name") or "").split())
        instrument = " ".join((element.findtext("score-instrument/instrument-name") or "").split())
        state = PartState(name or instrument or identifier)
        for midi in element.findall("midi-instrument"):
            program, key = _integer(midi.findtext("midi-program")), _integer(midi.findtext("midi-unpitched"))
            if program and not state.program:
                state.program = min(max(program - 1, 0), 127)
            if key:
                state.drum_keys[midi.get("id", "")] = min(max(key - 1, 0), 127)
            state.is_drum |= _integer(midi.findtext("midi-channel")) == DRUM_CHANNEL
        self._states[identifier] = state

    def _measure(self, measure: Element) -> None:
        if self._number == len(self._bars):
            self._budget.bars(self._number + 1)
            self._bars.append(Bar())
        bar = self._bars[self._number]
        for element in measure.iter():
            element.tag = element.tag.rpartition("}")[2]
        self._readers[-1].read(measure, bar)
        if directions.ends_ending(measure):
            self._stops.add(self._number)
        self._number += 1

    def finish(self) -> Written:
        """All parts have been read: brackets reach from their beginning to their end."""
        endings: frozenset[int] = frozenset()
        for number, bar in enumerate(self._bars):
            if bar.marks.ending_start:
                endings = bar.marks.endings
            bar.marks = replace(bar.marks, endings=endings)
            if number in self._stops or bar.marks.repeat_end:
                endings = frozenset()
        _leave_at_first_coda(self._bars)
        parts = [WrittenPart(reader.state.name, reader.state.program, reader.state.is_drum) for reader in self._readers]
        # A part for a transposing instrument has another signature than what sounds.
        sharps = [r.state.sharps for r in self._readers if not any(r.state.transposition.values())]
        sounding = next((number for number in sharps if number is not None), None)
        return Written(self.title, parts, self._bars, ignored=self.ignored, sharps=sounding)


def _leave_at_first_coda(bars: list[Bar]) -> None:
    """Of two coda signs without words the first says where to leave and the last where to go on."""
    signs = [index for index, bar in enumerate(bars) if bar.marks.coda]
    labels = {bars[index].marks.coda for index in signs}
    if len(signs) > 1 and len(labels) == 1 and not any(bar.marks.to_coda for bar in bars):
        first = bars[signs[0]]
        first.marks = replace(first.marks, coda="", to_coda=labels.pop())


def _integer(text: str | None) -> int:
    stripped = (text or "").strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) <= 6 else 0
