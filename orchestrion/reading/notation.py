"""Scores from music21 streams, which corpora come in: bars of written notes, then the playing order of all formats.

Velocity follows the note's own where the stream has one, else the last dynamic mark. Hairpins, ornaments,
articulations and chord symbols are not played.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from orchestrion.reading.unfolding import unfold
from orchestrion.reading.written import DEFAULT_VELOCITY, Bar, Budget, Chord, Tone, Written, WrittenPart, meter_or_none
from orchestrion.score.playingorder import DA_CAPO, BarMarks
from orchestrion.score.score import Score

if TYPE_CHECKING:
    import music21

SNARE = 38
DRUM_CHANNEL = 9  # music21 counts from 0
SIGN = "1"


def from_music21(stream: music21.stream.Stream[music21.Music21Object]) -> Score:
    """See `Score.from_music21`; of an opus the first score is taken.

    Raises:
        OrchestrionError: repeats that unfold to more than 20,000 measures, more than a million notes, or six hours.
    """
    return unfold(written_from_music21(stream))


def written_from_music21(stream: music21.stream.Stream[music21.Music21Object]) -> Written:
    """The stream as it is written, at sounding pitch; parts bar by bar, whatever their lengths.

    Raises:
        OrchestrionError: too many parts, bars or notes.
    """
    import music21

    if isinstance(stream, music21.stream.Opus):
        stream = next(iter(stream.scores), stream)
    sources: list[music21.stream.Stream[music21.Music21Object]] = list(stream.getElementsByClass(music21.stream.Part)) or [stream]
    budget = Budget()
    bars: list[Bar] = []
    parts: list[WrittenPart] = []
    budget.parts(len(sources))
    for index, source in enumerate(sources):
        _read_part(_sounding(source), index, bars, budget)
        parts.append(_description(source))
    _leave_at_first_coda(bars)
    metadata = stream.metadata
    title = (metadata.title or metadata.movementName or "") if metadata else ""
    return Written(str(title), parts, bars)


def to_music21(score: Score) -> music21.stream.Score:
    """See `Score.to_music21`."""
    from orchestrion.reading import engraving

    return engraving.to_music21(score)


def _sounding(part: music21.stream.Stream[music21.Music21Object]) -> music21.stream.Stream[music21.Music21Object]:
    import music21

    # It copies the whole part, so only where it changes something.
    instruments = part.recurse().getElementsByClass(music21.instrument.Instrument)
    if part.atSoundingPitch is not True and any(instrument.transposition for instrument in instruments):
        result: music21.stream.Stream[music21.Music21Object] = part.toSoundingPitch(preserveAccidentalDisplay=True)
        return result
    return part


def _description(source: music21.stream.Stream[music21.Music21Object]) -> WrittenPart:
    instrument = source.getInstrument(returnDefault=False)
    name = str(getattr(source, "partName", None) or getattr(instrument, "partName", None) or source.id)
    program = getattr(instrument, "midiProgram", None) or 0
    return WrittenPart(name, program, getattr(instrument, "midiChannel", None) == DRUM_CHANNEL)


def _read_part(part: music21.stream.Stream[music21.Music21Object], index: int, bars: list[Bar], budget: Budget) -> None:
    import music21

    measures: list[music21.stream.Stream[music21.Music21Object]] = list(part.getElementsByClass(music21.stream.Measure)) or [part]
    budget.bars(len(measures))
    starts = [_quarters(measure.offset) for measure in measures] if measures != [part] else [Fraction(0)]
    last = starts[-1] + max(_quarters(measures[-1].duration.quarterLength), _quarters(measures[-1].highestTime))
    lengths = [stop - start for start, stop in zip(starts, [*starts[1:], last], strict=True)]
    reader = _MeasureReader(index, budget)
    for number, (measure, length) in enumerate(zip(measures, lengths, strict=True)):
        if number == len(bars):
            bars.append(Bar(meter=bars[-1].meter if bars else None))
        reader.read(measure, bars[number])
        bars[number].length = max(bars[number].length, length)
        bars[number].marks = _bar_lines(measure, bars[number].marks)
    for bracket in part.recurse().getElementsByClass(music21.spanner.RepeatBracket):
        _add_ending(bracket, measures, bars)


def _add_ending(bracket: music21.spanner.RepeatBracket, measures: list[music21.stream.Stream[music21.Music21Object]], bars: list[Bar]) -> None:
    passes = frozenset(number for number in bracket.numberRange if 0 < number < 1000)
    spanned = {id(element) for element in bracket.getSpannedElements()}
    inside = [number for number, measure in enumerate(measures) if id(measure) in spanned]
    for number in range(min(inside), max(inside) + 1) if inside else ():
        marks = bars[number].marks
        bars[number].marks = replace(marks, endings=passes, ending_start=number == inside[0])


class _MeasureReader:
    def __init__(self, part: int, budget: Budget):
        self._part, self._budget = part, budget
        self._velocity = DEFAULT_VELOCITY
        self._graces: dict[str, list[list[Tone]]] = {}
        self._meter: tuple[int, int] | None = None

    def read(self, measure: music21.stream.Stream[music21.Music21Object], bar: Bar) -> None:
        import music21

        voices = {id(note): str(voice.id) for voice in measure.recurse().getElementsByClass(music21.stream.Voice) for note in voice}
        chords = bar.chords.setdefault(self._part, [])
        for element in measure.flatten():
            at = _quarters(element.offset)
            if isinstance(element, music21.dynamics.Dynamic):
                self._velocity = _velocity(element.volumeScalar, self._velocity)
            elif isinstance(element, music21.tempo.MetronomeMark):
                bpm = element.getQuarterBPM()
                if bpm is not None and (at, bpm) not in bar.tempos:
                    bar.tempos.append((at, round(float(bpm), 6)))
            elif isinstance(element, music21.meter.TimeSignature):
                self._meter = meter_or_none(element.numerator, element.denominator)
                bar.meter = self._meter if not at else bar.meter
            elif isinstance(element, music21.repeat.RepeatExpression):
                bar.marks = _jumps(element, bar.marks)
            elif isinstance(element, music21.note.NotRest) and not isinstance(element, music21.harmony.Harmony):
                self._note(element, at, voices.get(id(element), ""), chords)
        bar.meter = bar.meter or self._meter

    def _note(self, element: music21.note.NotRest, at: Fraction, voice: str, chords: list[Chord]) -> None:
        length = self._budget.duration(_quarters(element.quarterLength))
        tones = list(self._tones(element, length))
        if element.duration.isGrace or not length:
            self._graces.setdefault(voice, []).append(tones)
        elif tones:
            chords.append(Chord(at, tones, voice, self._graces.pop(voice, [])))

    def _tones(self, element: music21.note.NotRest, length: Fraction) -> Iterable[Tone]:
        import music21

        for note in element.notes if isinstance(element, music21.chord.ChordBase) else (element,):
            self._budget.note()
            own = note.volume.velocityScalar
            own = own if own is not None else element.volume.velocityScalar
            tie = note.tie or element.tie
            kind = tie.type if tie else ""
            is_drum = isinstance(note, music21.note.Unpitched)
            pitch = getattr(note.storedInstrument, "percMapPitch", None) or SNARE if is_drum else note.pitches[0].midi
            ties = {"tie": kind in ("start", "continue"), "tied": kind in ("stop", "continue")}
            yield Tone(int(pitch), length, _velocity(own, self._velocity), is_drum=is_drum, **ties)


def _bar_lines(measure: music21.stream.Stream[music21.Music21Object], marks: BarMarks) -> BarMarks:
    import music21

    for barline in (getattr(measure, "leftBarline", None), getattr(measure, "rightBarline", None)):
        if isinstance(barline, music21.bar.Repeat) and barline.direction == "start":
            marks = replace(marks, repeat_start=True)
        elif isinstance(barline, music21.bar.Repeat):
            marks = replace(marks, repeat_end=max(int(barline.times or 2), 2))
    return marks


def _jumps(expression: music21.repeat.RepeatExpression, marks: BarMarks) -> BarMarks:
    import music21

    repeat = music21.repeat
    if isinstance(expression, repeat.DalSegno | repeat.DalSegnoAlFine | repeat.DalSegnoAlCoda):
        return replace(marks, jump=SIGN)
    if isinstance(expression, repeat.DaCapo | repeat.DaCapoAlFine | repeat.DaCapoAlCoda):
        return replace(marks, jump=DA_CAPO)
    if isinstance(expression, repeat.Segno):
        return replace(marks, segno=SIGN)
    if isinstance(expression, repeat.Coda):
        return replace(marks, coda=SIGN)
    return replace(marks, fine=True) if isinstance(expression, repeat.Fine) else marks


def _leave_at_first_coda(bars: list[Bar]) -> None:
    signs = [bar for bar in bars if bar.marks.coda]
    if len(signs) > 1:
        signs[0].marks = replace(signs[0].marks, coda="", to_coda=SIGN)


def _velocity(scalar: float | None, otherwise: int) -> int:
    return otherwise if scalar is None else min(max(round(127 * scalar), 1), 127)


def _quarters(length: float | Fraction) -> Fraction:
    return Fraction(length).limit_denominator(10_080)
