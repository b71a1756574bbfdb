"""Scores to music21 streams: seconds to notes on paper.

Every boundary is rounded to the nearest eighth or sixth of a quarter note, whichever suits its beat (so thirty-seconds
and triplets of sixteenths come out exactly). A gap of up to a thirty-second after a note is a matter of how it is
played, and is not written as a rest. Notes are cut at bar lines, and where needed at beats, and tied.

A score has no key signature. Written is the one whose scale holds most of the sounding time, notes are spelled by it, and each
staff has the clef that suits its pitches.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.score.keys import estimated_sharps
from orchestrion.score.notearray import note_array
from orchestrion.score.notes import N_PITCHES, Part
from orchestrion.score.score import Score
from orchestrion.score.tempomap import TempoMap

if TYPE_CHECKING:
    import music21

BINARY, TERNARY = Fraction(1, 8), Fraction(1, 6)
# Lengths within a beat that one note value can write, dots and triplets included.
SINGLE = [Fraction(n, 8) for n in (7, 6, 4, 3, 2, 1)] + [Fraction(n, 6) for n in (4, 3, 2, 1)] + [Fraction(1)]
WHOLE_BEATS = (4, 3, 2, 1)
FLATTEST = -3
"""E flat, in fifths above C: the flattest name in C major and A minor."""


@dataclass(frozen=True, slots=True)
class _Bar:
    start: Fraction
    length: Fraction
    meter: tuple[int, int]
    is_pickup: bool = False


@dataclass(frozen=True, slots=True)
class _Chord:
    """Notes struck and let go together, in quarters."""

    onset: Fraction
    offset: Fraction
    notes: tuple[tuple[int, int], ...]  # (pitch, velocity)


def to_music21(score: Score) -> music21.stream.Score:
    """See `Score.to_music21`; drums are left out. Notes of different lengths that overlap go to voices of their own.

    Raises:
        OrchestrionError: the score has no pitched notes.
    """
    import music21

    parts = [part for part in score.parts if part.notes and not part.is_drum]
    if not parts:
        raise OrchestrionError("A score without pitched notes cannot be written as notation.")
    clock = TempoMap.from_tempos(score.tempos)
    written = [_voices(part, clock) for part in parts]
    sharps = _sharps(parts)
    end = max(chord.offset for voices in written for voice in voices for chord in voice)
    bars = _bars(score, clock, end)
    if score.pickup_quarters and len(bars) > 1:
        # Printed as the beginning of a bar of the meter that follows.
        bars[0] = replace(bars[0], meter=bars[1].meter, is_pickup=True)
    stream = music21.stream.Score(id="score")
    stream.metadata = music21.metadata.Metadata(title=score.title or None)
    for index, (part, voices) in enumerate(zip(parts, written, strict=True)):
        stream.insert(0, _staff(part, index, voices, bars, sharps, score if index == 0 else None, clock))
    return stream


def _sharps(parts: list[Part]) -> int:
    """The key signature of all parts together: sharps, or flats where negative."""
    durations = np.zeros(N_PITCHES)
    for part in parts:
        for note in part.notes:
            durations[note.pitch] += note.offset_s - note.onset_s
    return estimated_sharps(durations)


def spelling(pitch: int, sharps: int) -> tuple[str, int]:
    """Name, with - for a flat as in music21, and octave of MIDI note ``pitch`` under a key signature of ``sharps``.

    >>> spelling(70, -1), spelling(60, 6)
    (('B-', 4), ('B#', 3))

    On the line of fifths the twelve names from the flat third to the leading note of the relative minor are taken: in C major and
    A minor E flat, B flat, F sharp, C sharp and G sharp.
    """
    fifths = FLATTEST + sharps + (7 * pitch - FLATTEST - sharps) % 12
    alter, letter = divmod(fifths + 1, 7)
    return "FCGDAEB"[letter] + ("#" if alter > 0 else "-") * abs(alter), (pitch - alter) // 12 - 1


def _voices(part: Part, clock: TempoMap) -> list[list[_Chord]]:
    """Chords in as few voices as hold them without overlap."""
    table = note_array(part.notes)
    grid = _rounded(clock.to_beats(np.stack([table["onset_s"], table["offset_s"]], axis=1)))
    together: defaultdict[tuple[Fraction, Fraction], dict[int, int]] = defaultdict(dict)
    for (onset, offset), note in zip(grid, part.notes, strict=True):
        together[onset, offset].setdefault(note.pitch, note.velocity)
    voices: list[list[_Chord]] = []
    for (onset, offset), pitches in sorted(together.items()):
        chord = _Chord(onset, offset, tuple(sorted(pitches.items())))
        free = next((voice for voice in voices if voice[-1].offset <= onset), None)
        if free is None:
            voices.append([chord])
        else:
            free.append(chord)
    return [_closed(voice) for voice in voices]


def _closed(voice: list[_Chord]) -> list[_Chord]:
    """Each chord lengthened to the next one, the last to the next beat, where that is a thirty-second away or less."""
    following = [chord.onset for chord in voice[1:]] + [Fraction(ceil(voice[-1].offset))]
    return [
        replace(chord, offset=onset) if chord.offset + BINARY >= onset else chord
        for chord, onset in zip(voice, following, strict=True)
    ]


def _rounded(beats: np.ndarray) -> list[tuple[Fraction, Fraction]]:
    """Onset and offset of each note on the grid, at least one step apart; each beat is binary or ternary throughout."""
    errors: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for position in beats.ravel().tolist():
        error = errors[int(position + 1e-9)]
        for index, step in enumerate((BINARY, TERNARY)):
            error[index] += abs(position - float(round(position / step) * step))
    pairs = []
    for onset, offset in beats.tolist():
        start = _on_grid(onset, errors)
        pairs.append((start, max(_on_grid(offset, errors), start + BINARY)))
    return pairs


def _on_grid(position: float, errors: defaultdict[int, list[float]]) -> Fraction:
    binary, ternary = errors[int(position + 1e-9)]
    step = TERNARY if ternary < binary - 1e-9 else BINARY
    return round(position / float(step)) * step


def _bars(score: Score, clock: TempoMap, end: Fraction) -> list[_Bar]:
    """Bars until ``end``; a meter change in the middle of a bar waits for the next."""
    starts = clock.to_beats([meter.time_s for meter in score.meters]).tolist()
    bars: list[_Bar] = []
    position = Fraction(0)
    while position < end:
        meter = score.meters[max(bisect_right(starts, float(position) + 1e-3) - 1, 0)]
        numbers = (meter.numerator, meter.denominator)
        bars.append(_Bar(position, Fraction(4 * numbers[0], numbers[1]), numbers))
        position += bars[-1].length
    return bars


def _staff(
    part: Part, index: int, voices: list[list[_Chord]], bars: list[_Bar], sharps: int, conductor: Score | None, clock: TempoMap
) -> music21.stream.Part:
    import music21

    staff = music21.stream.Part(id=f"P{index + 1}")
    staff.partName = part.name
    fragments = [_fragments(voice, bars) for voice in voices]
    meter = None
    measures = []
    for number, bar in enumerate(bars):
        measure = music21.stream.Measure(number=number + (0 if bars[0].is_pickup else 1))
        if bar.is_pickup:
            measure.showNumber = music21.stream.enums.ShowNumber.NEVER  # implicit, in MusicXML
        if bar.meter != meter:
            measure.timeSignature = music21.meter.TimeSignature(f"{bar.meter[0]}/{bar.meter[1]}")
            meter = bar.meter
        _fill(measure, bar, [voice.get(number, []) for voice in fragments], sharps)
        measures.append(measure)
    measures[0].clef = music21.clef.bestClef(music21.stream.Stream([music21.note.Note(note.pitch) for note in part.notes]))
    measures[0].keySignature = music21.key.KeySignature(sharps)
    measures[0].insert(0, _instrument(part, index))
    if conductor is not None:
        _insert_tempos(measures, conductor, bars, clock)
    for measure in measures:
        staff.append(measure)
    staff.makeAccidentals(inPlace=True)
    staff.makeBeams(inPlace=True)
    for stream in staff.recurse(includeSelf=False, streamsOnly=True):
        if not stream.hasVoices():
            music21.stream.makeNotation.makeTupletBrackets(stream, inPlace=True)
    return staff


def _instrument(part: Part, index: int) -> music21.instrument.Instrument:
    import music21

    instrument = music21.instrument.Instrument(part.name)
    instrument.midiProgram = part.program
    # music21 would draw these at random, and no two files would be the same.
    label = hashlib.sha256(f"{index} {part.name} {part.program}".encode()).hexdigest()[:8]
    instrument.partId, instrument.instrumentId = f"P{index + 1}", f"I{label}"
    return instrument


def _insert_tempos(
    measures: list[music21.stream.Measure], score: Score, bars: list[_Bar], clock: TempoMap
) -> None:
    import music21

    starts = [bar.start for bar in bars]
    for tempo in score.tempos:
        beat = Fraction(round(float(clock.to_beats([tempo.time_s])[0]) * 8), 8)
        number = bisect_right(starts, beat) - 1
        if beat < bars[-1].start + bars[-1].length:
            mark = music21.tempo.MetronomeMark(number=round(tempo.bpm, 3), referent=1.0)
            measures[number].insert(beat - starts[number], mark)


def _fill(measure: music21.stream.Measure, bar: _Bar, voices: list[list[tuple[_Chord, str]]], sharps: int) -> None:
    import music21

    sounding = [voice for voice in voices if voice] or [[]]
    for index, fragments in enumerate(sounding):
        target = measure if len(sounding) == 1 else music21.stream.Voice(id=str(index + 1))
        position = bar.start
        for chord, tie in fragments:
            for start, stop in _pieces(position, chord.onset):
                target.insert(start - bar.start, music21.note.Rest(quarterLength=stop - start))
            target.insert(chord.onset - bar.start, _element(chord, tie, sharps))
            position = chord.offset
        for start, stop in _pieces(position, bar.start + bar.length):
            target.insert(start - bar.start, music21.note.Rest(quarterLength=stop - start))
        if target is not measure:
            measure.insert(0, target)


def _element(chord: _Chord, tie: str, sharps: int) -> music21.note.NotRest:
    import music21

    notes = []
    for pitch, velocity in chord.notes:
        name, octave = spelling(pitch, sharps)
        note = music21.note.Note(music21.pitch.Pitch(name, octave=octave), quarterLength=chord.offset - chord.onset)
        note.volume.velocity = velocity
        if tie:
            note.tie = music21.tie.Tie(tie)
        notes.append(note)
    return notes[0] if len(notes) == 1 else music21.chord.Chord(notes, quarterLength=chord.offset - chord.onset)


def _fragments(voice: list[_Chord], bars: list[_Bar]) -> dict[int, list[tuple[_Chord, str]]]:
    """Each chord cut at bar lines and into lengths that one note value can write, with ties; by number of bar."""
    starts = [bar.start for bar in bars]
    by_bar: defaultdict[int, list[tuple[_Chord, str]]] = defaultdict(list)
    for chord in voice:
        pieces = []
        position = chord.onset
        while position < chord.offset:
            number = bisect_right(starts, position) - 1
            stop = min(chord.offset, bars[number].start + bars[number].length)
            pieces += [(number, start, end) for start, end in _pieces(position, stop)]
            position = stop
        for index, (number, start, end) in enumerate(pieces):
            last = index == len(pieces) - 1
            tie = "" if len(pieces) == 1 else "start" if index == 0 else "stop" if last else "continue"
            by_bar[number].append((_Chord(start, end, chord.notes), tie))
    return by_bar


def _pieces(start: Fraction, stop: Fraction) -> list[tuple[Fraction, Fraction]]:
    """[start, stop) in pieces of one note value each: up to the next beat, whole beats, and the rest."""
    pieces = []
    while start < stop:
        length = stop - start
        to_beat = ceil(start) - start
        if length not in SINGLE or (to_beat and length > to_beat):
            room = min(length, to_beat) if to_beat else length
            if room >= 1:
                length = Fraction(next(beats for beats in WHOLE_BEATS if beats <= room))
            else:
                length = next(value for value in sorted(SINGLE, reverse=True) if value <= room and _fits(room - value))
        pieces.append((start, start + length))
        start += length
    return pieces


def _fits(rest: Fraction) -> bool:
    """Whether what is left over lies on one of the two grids."""
    return (rest / BINARY).denominator == 1 or (rest / TERNARY).denominator == 1
