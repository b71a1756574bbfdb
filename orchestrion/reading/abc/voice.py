"""One voice of an ABC tune: notes put into bars as they come (ABC 2.1, sections 4 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from orchestrion.reading.abc.fields import ALTERATIONS, Settings
from orchestrion.reading.abc.tokens import ONE, NoteHead
from orchestrion.reading.written import DEFAULT_VELOCITY, Budget, Chord, Tone
from orchestrion.score.playingorder import NO_MARKS, BarMarks

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MIDDLE_C = 60
# Section 4.13: into the time of how many p notes fit, where (p:q:r leaves q out; None: 3 in compound meters, else 2.
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
NO_PROPAGATION, BY_OCTAVE, BY_LETTER = "not", "octave", "pitch"


@dataclass(slots=True)
class VoiceBar:
    """One bar of one voice."""

    length: Fraction = Fraction(0)
    marks: BarMarks = NO_MARKS
    meter: tuple[int, int] | None = None
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    chords: list[Chord] = field(default_factory=list)
    part: str = ""


@dataclass(slots=True)
class _Timed:
    """The last note, chord or rest: what broken rhythm may still change."""

    bar: VoiceBar
    tones: list[Tone]
    length: Fraction


class AbcVoice:
    """Notes in, bars out. ``unit`` and all lengths are in quarters."""

    def __init__(self, name: str, budget: Budget, unit: Fraction, meter: tuple[int, int] | None):
        self.name, self.unit, self.meter = name, unit, meter
        self.program, self.is_drum = 0, False
        self.key: dict[str, int] = {}
        self.propagation = BY_LETTER
        self.velocity = DEFAULT_VELOCITY
        self.bars: list[VoiceBar] = []
        self.codas: list[int] = []
        self._budget = budget
        self._shifts = {"clef": 0, "octave": 0, "transpose": 0, "midi": 0}
        self._shift = 0
        self._bar = VoiceBar(meter=meter)
        self._endings: frozenset[int] = frozenset()
        self._cursor = Fraction(0)
        self._overlay = 0
        self._accidentals: dict[tuple[str, int | None], int] = {}
        self._ties: dict[int, dict[tuple[str, int], int]] = {}
        self._graces: list[list[Tone]] = []
        self._last: _Timed | None = None
        self._heads: list[NoteHead] = []
        self._tuplet = (ONE, 0)
        self._broken = ONE

    # --- settings ----------------------------------------------------------------------------------------------------

    def apply(self, settings: Settings) -> None:
        """Clef, ``octave=`` and ``transpose=`` (section 4.6)."""
        for name in ("clef", "octave", "transpose"):
            value = getattr(settings, name)
            if value is not None:
                self._shifts[name] = value
        self._shift = sum(self._shifts.values())
        if settings.is_drum is not None:
            self.is_drum = settings.is_drum

    def shift(self, semitones: int) -> None:
        """``%%MIDI transpose``."""
        self._shifts["midi"] = semitones
        self._shift = sum(self._shifts.values())

    def set_meter(self, meter: tuple[int, int] | None) -> None:
        """From here on; in a bar that has begun, from the next."""
        self.meter = meter
        if not self._begun:
            self._bar.meter = meter

    def tempo(self, bpm: float) -> None:
        """Quarters a minute from here on."""
        self._bar.tempos.append((self._cursor, bpm))

    # --- sounds ------------------------------------------------------------------------------------------------------

    def grace(self, heads: list[NoteHead]) -> None:
        """Section 4.12: struck before the next note."""
        for head in heads:
            self._budget.note()
            self._graces.append([self._tone(head, ONE)])

    def chord(self, heads: list[NoteHead], length: Fraction) -> None:
        """Sections 4.1 to 4.4 and 4.17; the chord lasts as long as its first note."""
        factor = self._factor()
        # Fractions are slow; most notes need no product.
        base = self.unit if factor is ONE and length is ONE else factor * length * self.unit
        open_ties = self._ties.pop(self._overlay, {})
        tones = []
        for head in heads:
            self._budget.note()
            duration = self._budget.duration(base if head.length is ONE else head.length * base)
            tones.append(self._tone(head, duration, open_ties))
            if head.tie:
                self._tie(head, tones[-1])
        self._bar.chords.append(Chord(self._cursor, tones, str(self._overlay), self._graces))
        self._graces = []
        self._heads = heads
        self._advance(tones[0].duration, tones)

    def rest(self, length: Fraction) -> None:
        """Section 4.5: ``z`` and ``x``."""
        self._ties.pop(self._overlay, None)
        self._heads = []
        self._advance(self._budget.duration(self._factor() * length * self.unit), [])

    def rest_measures(self, number: int) -> None:
        """Section 4.5: ``Z4``, ``X4``; whole bars."""
        length = 4 * Fraction(*(self.meter or (4, 4)))
        self._budget.bars(len(self.bars) + number)
        for index in range(number):
            if index:
                self._close()
            self._advance(length, [])
        self._last = None

    def tie(self) -> None:
        """Section 4.11: all tones of the last chord."""
        if self._last is not None:
            for head, tone in zip(self._heads, self._last.tones, strict=True):
                self._tie(head, tone)

    def broken(self, signs: str) -> None:
        """Section 4.4: ``>`` dots the note before and halves the one after, ``>>`` and ``>>>`` double dot and so on."""
        if self._last is None:
            return
        short = Fraction(1, 2 ** min(len(signs), 3))
        before, after = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        self._stretch(self._last, before)
        self._broken = after

    def tuplet(self, p: int, q: int | None, r: int | None) -> None:
        """Section 4.13: the next r notes take q p-ths of their length."""
        if p < 1:
            return
        compound = self.meter is not None and self.meter[0] % 3 == 0 and self.meter[0] > 3
        q = q or TUPLETS.get(p, 3 if compound else 2)
        self._tuplet = (Fraction(q, p), r or p)

    def overlay(self) -> None:
        """Section 7.4: the bar begins once more."""
        self._bar.length = max(self._bar.length, self._cursor)
        self._cursor = Fraction(0)
        self._overlay += 1
        self._last, self._broken, self._tuplet = None, ONE, (ONE, 0)

    # --- bars --------------------------------------------------------------------------------------------------------

    def bar_line(self, sign: str, endings: frozenset[int]) -> None:
        """Sections 4.8 to 4.10: close the bar; what the sign says belongs to the bar before or to the one after."""
        before, _, after = sign.partition("|")
        ends = before.count(":")
        starts = after.count(":") if "|" in sign else (1 if ends > 1 else 0)
        if "|" not in sign and ends > 1:
            ends = 1
        if self._begun:
            self._close()
        if ends and self.bars:
            self.bars[-1].marks = replace(self.bars[-1].marks, repeat_end=ends + 1)
        # An ending lasts until the next repeat sign, double bar or ending.
        is_double = ends or starts or "||" in sign or "]" in sign or "[" in sign
        if is_double:
            self._endings = frozenset()
            self.mark(lambda marks: replace(marks, section_start=True, endings=frozenset(), ending_start=False))
        if starts:
            self.mark(lambda marks: replace(marks, repeat_start=True))
        if endings:
            self.ending(endings)

    def ending(self, endings: frozenset[int]) -> None:
        """Section 4.10: ``[1`` also within a bar, whose accidentals then hold on."""
        if self._begun:
            accidentals = self._accidentals
            self._close()
            self._accidentals = accidentals
        self._endings = endings
        self.mark(lambda marks: replace(marks, endings=endings, ending_start=True))

    def part(self, label: str) -> None:
        """Section 3.1.9: a part begins."""
        if self._begun:
            self._close()
        self._bar.part = label

    def mark(self, change: Callable[[BarMarks], BarMarks]) -> None:
        """Set signs of the bar that is being written (section 4.14: segno, fine and jumps)."""
        self._bar.marks = change(self._bar.marks)

    def coda(self) -> None:
        """A coda sign: before the bar, or, within it, after it."""
        self.codas.append(len(self.bars) + bool(self._begun))

    def finish(self) -> None:
        """Close the last bar; signs after its bar line belong to it."""
        if self._begun:
            self._close()
        elif self.bars:
            late = self._bar.marks
            marks = self.bars[-1].marks
            self.bars[-1].marks = replace(
                marks, fine=late.fine or marks.fine, jump=late.jump or marks.jump, to_coda=late.to_coda or marks.to_coda
            )

    @property
    def _begun(self) -> bool:
        return bool(self._cursor or self._bar.chords or self._bar.length)

    def _close(self) -> None:
        self._bar.length = max(self._bar.length, self._cursor)
        self.bars.append(self._bar)
        self._budget.bars(len(self.bars))
        self._bar = VoiceBar(marks=BarMarks(endings=self._endings), meter=self.meter)
        self._cursor, self._overlay = Fraction(0), 0
        self._accidentals = {}

    # --- details -----------------------------------------------------------------------------------------------------

    def _factor(self) -> Fraction:
        factor, self._broken = self._broken, ONE
        ratio, left = self._tuplet
        if left:
            self._tuplet = (ratio, left - 1)
            factor *= ratio
        return factor

    def _advance(self, length: Fraction, tones: list[Tone]) -> None:
        self._last = _Timed(self._bar, tones, length)
        self._cursor += length

    def _stretch(self, last: _Timed, factor: Fraction) -> None:
        longer = self._budget.duration(last.length * factor)
        for tone in last.tones:
            tone.duration = self._budget.duration(tone.duration * factor)
        if last.bar is self._bar:
            self._cursor += longer - last.length
        else:
            last.bar.length += longer - last.length
        last.length = longer

    def _tone(self, head: NoteHead, duration: Fraction, open_ties: dict[tuple[str, int], int] | None = None) -> Tone:
        place = (head.letter, head.octave)
        remembered = (head.letter, head.octave if self.propagation == BY_OCTAVE else None)
        if head.sign:
            alteration = ALTERATIONS[head.sign]
            if self.propagation != NO_PROPAGATION:
                self._accidentals[remembered] = alteration
        elif open_ties and place in open_ties:
            # Section 4.2: an accidental goes over the bar line with a tie, for this note alone.
            alteration = open_ties[place]
        else:
            alteration = self._accidentals.get(remembered, self.key.get(head.letter, 0))
        pitch = MIDDLE_C + SEMITONES[head.letter] + 12 * head.octave + alteration + self._shift
        return Tone(pitch, duration, self.velocity, tied=True, is_drum=self.is_drum)

    def _tie(self, head: NoteHead, tone: Tone) -> None:
        tone.tie = True
        alteration = tone.pitch - self._shift - MIDDLE_C - SEMITONES[head.letter] - 12 * head.octave
        self._ties.setdefault(self._overlay, {})[head.letter, head.octave] = alteration
