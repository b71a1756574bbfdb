"""A ``**kern`` score from its lines: spines, their splits and joins, time, bars."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_MEASURES
from orchestrion.reading.kern.instruments import PROGRAMS
from orchestrion.reading.kern.tokens import KernNote, parse_barline, parse_token
from orchestrion.reading.written import (
    DEFAULT_VELOCITY,
    DYNAMICS,
    Bar,
    Budget,
    Chord,
    Tone,
    Written,
    WrittenPart,
    meter_or_none,
)
from orchestrion.score.playingorder import BarMarks

KERN, DYNAM = "**kern", "**dynam"
# Spines that say nothing of what sounds.
SILENT = {"**text", "**silbe", "**harm", "**mxhm", "**root", "**recip", "**fing", "**fb", "**comment", "**function"}
TEMPO = re.compile(r"\*MM(\d{1,5}(?:\.\d{1,6})?)")
METER = re.compile(r"\*M(\d{1,3}(?:\+\d{1,3})*)/(\d{1,3})$")
SIGNATURE = re.compile(r"\*k\[([^\]]{0,40})\]")
EXPANSION = re.compile(r"\*>([A-Za-z0-9]*)\[([^\]]*)\]")
LABEL = re.compile(r"\*>([^\[\]]+)")
MAX_SPINES = 1_000


@dataclass(slots=True)
class _Spine:
    """One column: of which part, as which of its voices, until when its last token sounds."""

    kind: str
    part: int
    voice: str = "1"
    ends: Fraction = Fraction(0)
    graces: list[list[Tone]] = field(default_factory=list)


@dataclass(slots=True)
class _PartState:
    name: str = ""
    program: int = 0
    velocity: int = DEFAULT_VELOCITY


def read(text: str, name: str) -> Written:
    """The kern spines of a file called ``name``.

    Raises:
        OrchestrionError: no kern spine, a line with another number of columns than there are spines, or beyond the
            bounds; the sentence names the line.
    """
    if KERN not in text:
        raise OrchestrionError(f"{name} is not a kern file: it has no **kern spine.")
    reader = _Reader()
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        try:
            reader.line(line)
        except OrchestrionError as error:
            raise OrchestrionError(f"{name}, line {number}: {str(error).rstrip('.')}.") from error
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self.title = ""
        self.ignored: list[str] = []
        self._budget = Budget()
        self._spines: list[_Spine] = []
        self._parts: list[_PartState] = []
        self._added = 0
        self._now = self._bar_start = Fraction(0)
        self._bars = [Bar()]
        self._labels: list[tuple[str, int]] = []
        self._expansion: list[str] = []
        self._sharps: int | None = None

    def line(self, line: str) -> None:
        """One record: a comment, an interpretation, a bar line or data."""
        if line.startswith("!"):
            if line.startswith("!!!OTL") and not self.title:
                self.title = " ".join(line.partition(":")[2].split())
            return
        if not line.strip():
            return
        columns = line.split("\t")
        if not self._spines and not line.startswith("**"):
            return
        if line.startswith("**") and not self._spines:
            self._begin(columns)
            return
        if len(columns) != len(self._spines):
            raise OrchestrionError(f"there are {len(columns)} columns for {len(self._spines)} spines")
        if line.startswith("*"):
            self._interpret(columns)
        elif line.startswith("="):
            self._barline(columns)
        else:
            self._data(columns)

    # --- spines ------------------------------------------------------------------------------------------------------

    def _begin(self, columns: list[str]) -> None:
        for column in columns:
            self._spines.append(self._spine(column))
        if not any(spine.kind == KERN for spine in self._spines):
            raise OrchestrionError("no spine is **kern")

    def _spine(self, kind: str) -> _Spine:
        if kind == KERN:
            self._budget.parts(len(self._parts) + 1)
            self._parts.append(_PartState())
        elif kind.startswith("**") and kind not in SILENT | {DYNAM}:
            self._ignore(f"spines of {kind[:20]}")
        # Dynamics stand to the right of what they belong to.
        return _Spine(kind, max(len(self._parts) - 1, 0), ends=self._now)

    def _interpret(self, columns: list[str]) -> None:
        if any(column in ("*^", "*v", "*x", "*+", "*-") or column.startswith("**") for column in columns):
            self._manipulate(columns)
            return
        for column, spine in zip(columns, self._spines, strict=True):
            if spine.kind == KERN and column != "*":
                self._kern(column, self._parts[spine.part])

    def _manipulate(self, columns: list[str]) -> None:
        """Spine paths (Humdrum Guide, chapter 5)."""
        spines: list[_Spine] = []
        joined: _Spine | None = None
        exchanged: int | None = None
        for column, spine in zip(columns, self._spines, strict=True):
            if column == "*v" and joined is not None and joined.part == spine.part and joined.kind == spine.kind:
                joined.ends = max(joined.ends, spine.ends)
                joined.graces += spine.graces
                continue
            joined = spine if column == "*v" else None
            if column == "*-":
                continue
            if column.startswith("**"):
                spine = self._spine(column)
            spines.append(spine)
            if column == "*^":
                spines.append(replace(spine, voice=self._new_voice(), graces=[]))
            elif column == "*+":
                spines.append(_Spine("*", spine.part, ends=self._now))
            elif column == "*x":
                if exchanged is None:
                    exchanged = len(spines) - 1
                else:
                    spines[exchanged], spines[-1] = spines[-1], spines[exchanged]
                    exchanged = None
        if len(spines) > MAX_SPINES:
            raise OrchestrionError(f"there are more than {MAX_SPINES:,} spines")
        self._spines = spines

    def _new_voice(self) -> str:
        self._added += 1
        return f"split {self._added}"

    def _kern(self, token: str, part: _PartState) -> None:
        """Tandem interpretations that change what sounds, and names."""
        if tempo := TEMPO.match(token):
            change = (self._now - self._bar_start, float(tempo[1]))
            if change not in self._bars[-1].tempos:
                self._bars[-1].tempos.append(change)
        elif meter := METER.match(token):
            found = meter_or_none(sum(map(int, meter[1].split("+"))), int(meter[2]))
            if found is None:
                self._ignore(f"the meter {token[2:22]}")
            self._bars[-1].meter = found
        elif signature := SIGNATURE.match(token):
            if self._sharps is None:
                self._sharps = signature[1].count("#") - signature[1].count("-")
        elif expansion := EXPANSION.match(token):
            # The list without a name is the one to be played; the others are for other readings.
            if not expansion[1]:
                self._expansion = [label.strip() for label in expansion[2].split(",")][:MAX_MEASURES]
        elif label := LABEL.match(token):
            self._label(label[1].strip())
        elif token.startswith('*I"'):
            part.name = " ".join(token[3:].split())
        elif token.startswith("*I") and token[2:] in PROGRAMS:
            part.program = PROGRAMS[token[2:]]

    def _label(self, label: str) -> None:
        if self._labels and self._labels[-1][0] == label and self._labels[-1][1] == len(self._bars) - 1:
            return
        if self._now > self._bar_start:
            self._close()
        self._labels.append((label, len(self._bars) - 1))

    # --- time --------------------------------------------------------------------------------------------------------

    def _barline(self, columns: list[str]) -> None:
        kern = [column for column, spine in zip(columns, self._spines, strict=True) if spine.kind == KERN]
        signs = [parse_barline(column) for column in kern]
        ends, starts = any(sign[0] for sign in signs), any(sign[1] for sign in signs)
        if self._now > self._bar_start:
            self._close()
        if ends and len(self._bars) > 1:
            self._bars[-2].marks = replace(self._bars[-2].marks, repeat_end=2)
        if starts:
            self._bars[-1].marks = replace(self._bars[-1].marks, repeat_start=True)

    def _close(self) -> None:
        bar = self._bars[-1]
        bar.length = self._now - self._bar_start
        self._bar_start = self._now
        self._budget.bars(len(self._bars) + 1)
        self._bars.append(Bar(meter=bar.meter))

    def _data(self, columns: list[str]) -> None:
        for column, spine in zip(columns, self._spines, strict=True):
            mark = column.strip("()[]<>/\\ ") if spine.kind == DYNAM else ""
            if mark in DYNAMICS and self._parts:
                self._parts[spine.part].velocity = DYNAMICS[mark]
        for column, spine in zip(columns, self._spines, strict=True):
            if spine.kind == KERN and column not in (".", ""):
                self._strike(parse_token(column), spine)
        # The next record is at the first end of what sounds now (grace notes take no time).
        later = [spine.ends for spine in self._spines if spine.kind == KERN and spine.ends > self._now]
        self._now = min(later, default=self._now)

    def _strike(self, heads: list[KernNote], spine: _Spine) -> None:
        if not heads:
            return
        velocity = self._parts[spine.part].velocity
        if any(head.is_grace for head in heads):
            grace = [Tone(head.pitch, Fraction(1), velocity) for head in heads if head.pitch is not None]
            for _ in grace:
                self._budget.note()
            if grace:
                spine.graces.append(grace)
            return
        lengths = [head.duration for head in heads if head.duration is not None]
        if not lengths:
            self._ignore("notes without a rhythm")
            return
        tones = []
        for head in heads:
            length = self._budget.duration(head.duration if head.duration is not None else lengths[0])
            if head.pitch is not None:
                self._budget.note()
                tones.append(Tone(head.pitch, length, velocity, tie=head.tie, tied=head.tied))
        if tones:
            chord = Chord(self._now - self._bar_start, tones, spine.voice, spine.graces)
            self._bars[-1].chords.setdefault(spine.part, []).append(chord)
            spine.graces = []
        spine.ends = self._now + self._budget.duration(max(lengths))

    # --- the whole ---------------------------------------------------------------------------------------------------

    def _ignore(self, what: str) -> None:
        if what not in self.ignored:
            self.ignored.append(what)

    def finish(self) -> Written:
        """All lines have been read."""
        last = max([spine.ends for spine in self._spines], default=self._now)
        self._bars[-1].length = max(self._now, last) - self._bar_start
        if not self._bars[-1].length and len(self._bars) > 1:
            self._bars.pop()
        # Kern's first spine is the lowest staff; scores list parts from the top.
        parts = [
            WrittenPart(part.name or f"spine {number}", part.program) for number, part in enumerate(self._parts, 1)
        ]
        return Written(self.title, parts, self._bars, self._sections(), self.ignored, self._sharps)

    def _sections(self) -> list[range] | None:
        """The bars of the sections in the order of the expansion list (Humdrum Guide, chapter 20)."""
        labels = [(label, start) for label, start in self._labels if start < len(self._bars)]
        if not self._expansion or not labels:
            return None
        stops = [start for _, start in labels[1:]] + [len(self._bars)]
        ranges = {label: range(start, stop) for (label, start), stop in zip(labels, stops, strict=True)}
        missing = [label for label in self._expansion if label not in ranges]
        if missing:
            self._ignore(f"the sections {', '.join(missing[:5])} of the expansion list, which are not in the file")
        # The list spells the repeats out.
        for bar in self._bars:
            bar.marks = BarMarks()
        before = [range(labels[0][1])] if labels[0][1] else []
        return before + [ranges[label] for label in self._expansion if label in ranges]
