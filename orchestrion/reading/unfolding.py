"""Written music to scores: repeats played out, ties joined, grace notes given their time, quarters turned into seconds.

Positions are exact fractions of quarters until the very end. Grace notes are played on the beat: each takes a
thirty-second, together at most half, of the note that they ornament. On the way back a bar is played in the tempo in
which it stands. A first bar that is shorter than its meter is a pickup: it gets a meter of its own, as in MIDI files, so
that the bars after it are counted rightly.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, groupby
from typing import TypeAlias

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_BPM, MAX_MEASURES, MAX_NOTES, MAX_SCORE_S, MIN_BPM
from orchestrion.reading.written import Bar, Chord, Tone, Written, WrittenPart, meter_or_none
from orchestrion.score.notes import Meter, Note, Part, Tempo
from orchestrion.score.playingorder import playing_order
from orchestrion.score.score import Score
from orchestrion.score.tempomap import TempoMap

GRACE_QUARTERS = Fraction(1, 8)
DEFAULT_BPM = 120.0
PICKUP_DENOMINATORS = (4, 8, 16, 32, 64)


# Notes whose tie leads on, by pitch and the position where they end, then by voice.
_Waiting: TypeAlias = "defaultdict[tuple[int, Fraction], dict[str, list[_Played]]]"


@dataclass(slots=True)
class _Played:
    """A note in quarters from the beginning of the piece."""

    onset: Fraction
    offset: Fraction
    tone: Tone
    voice: str


def unfold(written: Written) -> Score:
    """The score as it is played. What could not be followed is added to ``written.ignored``.

    Raises:
        OrchestrionError: more than 20,000 bars, more than a million notes, or more than six hours.
    """
    order = _order(written)
    starts = [Fraction(0)]
    for index in order:
        starts.append(starts[-1] + written.bars[index].length)
    _check_notes(written.bars, order)
    clock, tempos = _tempos(written.bars, order, starts)
    parts = []
    for index, part in enumerate(written.parts):
        played = _play(written.bars, order, starts, index)
        parts += _parts(part, played, clock)
    return Score(tuple(parts), tempos, _meters(written.bars, order, starts, clock), written.title)


def printed_notes(written: Written, part: int | None = None) -> list[tuple[Fraction, Fraction, int]]:
    """Onset, offset (quarters) and pitch of the pitched notes as printed, of one part or all: repeats once, ties joined, no grace
    notes."""
    order = list(range(len(written.bars)))
    starts = [Fraction(0), *accumulate(bar.length for bar in written.bars)]
    bars = [
        replace(bar, chords={part: [replace(c, graces=[]) for c in row] for part, row in bar.chords.items()})
        for bar in written.bars
    ]
    parts = range(len(written.parts)) if part is None else [part]
    played = [note for index in parts for note in _play(bars, order, starts, index)]
    return [(note.onset, note.offset, note.tone.pitch) for note in played if not note.tone.is_drum]


def _order(written: Written) -> list[int]:
    order: list[int] = []
    for section in written.sections if written.sections is not None else [range(len(written.bars))]:
        played, ignored = playing_order([written.bars[index].marks for index in section])
        order += [section.start + index for index in played]
        if len(order) > MAX_MEASURES:
            raise OrchestrionError(f"Its parts unfold to more than {MAX_MEASURES:,} measures.")
        written.ignored += [what for what in ignored if what not in written.ignored]
    return order


def _check_notes(bars: list[Bar], order: list[int]) -> None:
    sizes = [sum(len(chord.tones) + len(chord.graces) for row in bar.chords.values() for chord in row) for bar in bars]
    if sum(sizes[index] for index in order) > MAX_NOTES:
        raise OrchestrionError(f"Its repeats unfold to more than {MAX_NOTES:,} notes.")


def _tempos(bars: list[Bar], order: list[int], starts: list[Fraction]) -> tuple[TempoMap, tuple[Tempo, ...]]:
    inherited, tempo = [], DEFAULT_BPM
    for bar in bars:
        inherited.append(tempo)
        for _, bpm in sorted(bar.tempos, key=lambda change: change[0]):
            tempo = bpm if MIN_BPM <= bpm <= MAX_BPM else tempo
    changes: dict[Fraction, float] = {Fraction(0): DEFAULT_BPM}
    for index, start in zip(order, starts, strict=False):
        changes[start] = inherited[index]
        for offset, bpm in bars[index].tempos:
            if MIN_BPM <= bpm <= MAX_BPM:
                changes[start + min(offset, bars[index].length)] = bpm
    beats: list[Fraction] = []
    for beat in sorted(changes):
        if not beats or changes[beat] != changes[beats[-1]]:
            beats.append(beat)
    positions = [float(beat) for beat in beats]
    clock = TempoMap(positions, [changes[beat] for beat in beats])
    times = clock.to_seconds(positions)
    if times[-1] > MAX_SCORE_S:
        raise OrchestrionError(f"The piece lasts longer than {MAX_SCORE_S / 3600:g} hours.")
    return clock, tuple(Tempo(float(time), changes[beat]) for time, beat in zip(times, beats, strict=True))


def _meters(bars: list[Bar], order: list[int], starts: list[Fraction], clock: TempoMap) -> tuple[Meter, ...]:
    changes: list[tuple[Fraction, tuple[int, int]]] = []
    for number, (index, start) in enumerate(zip(order, starts, strict=False)):
        meter = bars[index].meter
        if meter is None:
            continue
        if number == 0 and len(order) > 1 and (pickup := _pickup(bars[index].length, meter)):
            meter = pickup
        if not changes or changes[-1][1] != meter:
            changes.append((start, meter))
    times = clock.to_seconds([float(start) for start, _ in changes]).tolist()
    return tuple(Meter(float(time), *meter) for time, (_, meter) in zip(times, changes, strict=True))


def _pickup(length: Fraction, meter: tuple[int, int]) -> tuple[int, int] | None:
    """The meter of a first bar that is shorter than ``meter``; None where it is not, or has no meter."""
    if not 0 < length < Fraction(4 * meter[0], meter[1]):
        return None
    for denominator in PICKUP_DENOMINATORS:
        beats = length * denominator / 4
        if beats.denominator == 1:
            return meter_or_none(int(beats), denominator)
    return None


def _play(bars: list[Bar], order: list[int], starts: list[Fraction], part: int) -> list[_Played]:
    """The notes of one part in the order of their onsets, ties joined."""
    struck = [
        note
        for index, start in zip(order, starts, strict=False)
        for chord in bars[index].chords.get(part, ())
        for note in _strike(chord, start)
    ]
    struck.sort(key=lambda note: float(note.onset))  # comparing fractions is slow
    return _join_ties(struck)


def _strike(chord: Chord, start: Fraction) -> list[_Played]:
    onset = start + chord.onset
    if not chord.graces:
        return [_Played(onset, onset + tone.duration, tone, chord.voice) for tone in chord.tones]
    shortest = min(tone.duration for tone in chord.tones)
    step = min(GRACE_QUARTERS, shortest / 2 / len(chord.graces))
    struck = [
        _Played(onset + number * step, onset + (number + 1) * step, tone, chord.voice)
        for number, grace in enumerate(chord.graces)
        for tone in grace
    ]
    delayed = onset + len(chord.graces) * step
    return struck + [_Played(delayed, onset + tone.duration, tone, chord.voice) for tone in chord.tones]


def _join_ties(struck: list[_Played]) -> list[_Played]:
    """A note that a tie leads to lengthens the one of its pitch that ends where it begins, of its own voice if it can."""
    joined: list[_Played] = []
    waiting: _Waiting = defaultdict(dict)
    for _, group in groupby(struck, key=lambda note: note.onset):
        together = list(group)
        into = _continued(together, waiting)
        for note in together:
            current = into.get(id(note), note)
            if current is note:
                joined.append(note)
            else:
                current.offset = note.offset
            if note.tone.tie:
                waiting[note.tone.pitch, current.offset].setdefault(note.voice, []).append(current)
    return joined


def _continued(together: list[_Played], waiting: _Waiting) -> dict[int, _Played]:
    """Which of the notes that begin now continue which earlier ones."""
    into: dict[int, _Played] = {}
    for own_voice in (True, False):
        for note in together:
            if not note.tone.tied or id(note) in into:
                continue
            voices = waiting.get((note.tone.pitch, note.onset), {})
            voice = note.voice if own_voice else next(iter(voices), "")
            if earlier := voices.get(voice):
                into[id(note)] = earlier.pop()
                if not earlier:
                    del voices[voice]
    return into


def _parts(part: WrittenPart, played: list[_Played], clock: TempoMap) -> list[Part]:
    """The pitched notes of a player, and the unpitched ones as a part of drums."""
    made = []
    for is_drum in (False, True):
        notes = [note for note in played if (note.tone.is_drum or part.is_drum) is is_drum]
        if notes:
            onset_s = clock.to_seconds([float(note.onset) for note in notes]).tolist()
            offset_s = clock.to_seconds([float(note.offset) for note in notes]).tolist()
            tones = [note.tone for note in notes]
            rows = zip(onset_s, offset_s, tones, strict=True)
            made.append(
                Part(
                    part.name,
                    0 if is_drum else part.program,
                    tuple(Note(onset, offset, tone.pitch, tone.velocity) for onset, offset, tone in rows),
                    is_drum,
                )
            )
    return made
