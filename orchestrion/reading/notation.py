"""Scores from music21 streams: what notation means in seconds.

Ties are merged and repeats written out; transposing instruments come out at sounding pitch. Grace notes are played on
the beat: each takes a thirty-second, together at most half, of the note that they ornament. Velocity follows the
note's own where the file has one, else the last dynamic mark. Hairpins, ornaments, articulations and chord symbols
are not played.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_BPM, MAX_MEASURES, MAX_NOTES, MAX_SCORE_S, MIN_BPM
from orchestrion.score.notes import Meter, Note, Part, Tempo
from orchestrion.score.score import Score
from orchestrion.score.tempomap import TempoMap

if TYPE_CHECKING:
    import music21

GRACE_QUARTERS = 0.125
DEFAULT_VELOCITY = 80
SNARE = 38
TOUCHING_QUARTERS = 1e-6
METER_DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(slots=True)
class _Played:
    """A note in quarters from the beginning; ``tie`` is '', 'start', 'continue' or 'stop'."""

    onset: float
    offset: float
    pitch: int
    velocity: int
    tie: str = ""


def from_music21(stream: music21.stream.Stream) -> Score:
    """See `Score.from_music21`; of an opus the first score is taken.

    Raises:
        OrchestrionError: repeats that unfold to more than 20,000 measures, more than a million notes, or six hours.
    """
    import music21

    if isinstance(stream, music21.stream.Opus):
        stream = next(iter(stream.scores), stream)
    sources: list[music21.stream.Stream] = list(stream.getElementsByClass(music21.stream.Part)) or [stream]
    parts = [_unfolded(part) for part in sources]
    flat = [part.flatten() for part in parts]
    clock, tempos = _tempos(flat)
    made = [part for source, content in zip(parts, flat, strict=True) for part in _parts(source, content, clock)]
    metadata = stream.metadata
    title = (metadata.title or metadata.movementName or "") if metadata else ""
    return Score(tuple(made), tempos, _meters(flat[0], clock), str(title))


def _unfolded(part: music21.stream.Stream) -> music21.stream.Stream:
    """Repeats written out, at sounding pitch."""
    import music21

    repeats = part.recurse().getElementsByClass(("Repeat", "RepeatExpression"))
    if next(iter(repeats), None) is not None:
        _check_repeats(part)
        try:
            part = part.expandRepeats()
        except music21.repeat.ExpanderException:
            # Repeats that contradict each other are played as they are written, once.
            pass
    # It copies the whole part, so only where it changes something.
    instruments = part.recurse().getElementsByClass("Instrument")
    if part.atSoundingPitch is not True and any(instrument.transposition for instrument in instruments):
        part = part.toSoundingPitch(preserveAccidentalDisplay=True)
    return part


def _check_repeats(part: music21.stream.Stream) -> None:
    """Refuse repeats that would unfold to absurd length: nested or counted in millions."""
    import music21

    lengths, done = [0], 0
    for measure in part.getElementsByClass(music21.stream.Measure):
        bars = (measure.leftBarline, measure.rightBarline)
        left, right = (bar if isinstance(bar, music21.bar.Repeat) else None for bar in bars)
        if left is not None and left.direction == "start":
            lengths.append(0)
        lengths[-1] += 1
        if right is not None and right.direction == "end":
            unfolded = lengths.pop() * max(int(right.times or 2), 1)
            if lengths:
                lengths[-1] += unfolded
            else:
                done, lengths = done + unfolded, [0]
        if done + sum(lengths) > MAX_MEASURES:
            raise OrchestrionError(f"The repeats unfold to more than {MAX_MEASURES:,} measures.")


def _tempos(parts: Iterable[music21.stream.Stream]) -> tuple[TempoMap, tuple[Tempo, ...]]:
    by_offset = {0.0: 120.0}
    for part in parts:
        for mark in part.getElementsByClass("MetronomeMark"):
            bpm = mark.getQuarterBPM()
            if bpm is not None and MIN_BPM <= bpm <= MAX_BPM:
                by_offset[float(mark.offset)] = round(float(bpm), 6)
    offsets = sorted(by_offset)
    clock = TempoMap(offsets, [by_offset[offset] for offset in offsets])
    times = clock.to_seconds(offsets)
    if times[-1] > MAX_SCORE_S:
        raise OrchestrionError(f"The piece lasts longer than {MAX_SCORE_S / 3600:g} hours.")
    return clock, tuple(Tempo(float(time), by_offset[at]) for time, at in zip(times, offsets, strict=True))


def _meters(part: music21.stream.Stream, clock: TempoMap) -> tuple[Meter, ...]:
    meters = []
    for signature in part.getElementsByClass("TimeSignature"):
        if 1 <= signature.numerator <= 255 and signature.denominator in METER_DENOMINATORS:
            at_s = float(clock.to_seconds([float(signature.offset)])[0])
            meters.append(Meter(at_s, signature.numerator, signature.denominator))
    return tuple(meters)


def _parts(source: music21.stream.Stream, flat: music21.stream.Stream, clock: TempoMap) -> list[Part]:
    """The pitched notes of a staff, and its unpitched ones as a part of drums."""
    pitched, drums = _played(flat)
    instrument = source.getInstrument(returnDefault=False)
    program = getattr(instrument, "midiProgram", None)
    # music21 gives a part without a name of its own the address of an object as its id.
    named = source.id if isinstance(source.id, str) else ""
    name = str(getattr(source, "partName", None) or getattr(instrument, "partName", None) or named)
    made = []
    if pitched:
        percussion = getattr(instrument, "midiChannel", None) == 9
        made.append(_part(name, program or 0, _merge_ties(pitched), clock, percussion))
    if drums:
        made.append(_part(name, 0, _merge_ties(drums), clock, True))
    return made


def _part(name: str, program: int, played: list[_Played], clock: TempoMap, is_drum: bool) -> Part:
    if len(played) > MAX_NOTES:
        raise OrchestrionError(f"There are more than {MAX_NOTES:,} notes.")
    onset_s = clock.to_seconds([note.onset for note in played]).tolist()
    offset_s = clock.to_seconds([note.offset for note in played]).tolist()
    pitches, velocities = [note.pitch for note in played], [note.velocity for note in played]
    return Part(name, program, tuple(map(Note, onset_s, offset_s, pitches, velocities)), is_drum)


def _played(flat: music21.stream.Stream) -> tuple[list[_Played], list[_Played]]:
    """Notes and drum strokes in order of time, grace notes and dynamics worked in."""
    import music21

    played: tuple[list[_Played], list[_Played]] = ([], [])
    velocity, graces = DEFAULT_VELOCITY, []
    for element in flat:
        if isinstance(element, music21.dynamics.Dynamic):
            velocity = _velocity(element.volumeScalar, velocity)
        elif isinstance(element, music21.note.NotRest) and not isinstance(element, music21.harmony.Harmony):
            if element.duration.isGrace or element.quarterLength == 0:
                graces.append(element)
                continue
            onset, length = float(element.offset), float(element.quarterLength)
            step = min(GRACE_QUARTERS, length / 2 / len(graces)) if graces else 0.0
            for index, grace in enumerate(graces):
                _add(played, grace, onset + index * step, onset + (index + 1) * step, velocity)
            _add(played, element, onset + len(graces) * step, onset + length, velocity)
            graces = []
    return played


def _add(
    played: tuple[list[_Played], list[_Played]],
    element: music21.note.NotRest,
    onset: float,
    offset: float,
    velocity: int,
) -> None:
    import music21

    for note in element.notes if isinstance(element, music21.chord.ChordBase) else (element,):
        own = note.volume.velocityScalar if note.volume.velocityScalar is not None else element.volume.velocityScalar
        tie = note.tie or element.tie
        if isinstance(note, music21.note.Unpitched):
            pitch, target = int(getattr(note.storedInstrument, "percMapPitch", None) or SNARE), played[1]
        else:
            pitch, target = int(note.pitches[0].midi), played[0]
        target.append(_Played(onset, offset, pitch, _velocity(own, velocity), tie.type if tie else ""))


def _velocity(scalar: float | None, otherwise: int) -> int:
    return otherwise if scalar is None else min(max(round(127 * scalar), 1), 127)


def _merge_ties(played: list[_Played]) -> list[_Played]:
    """A note that a tie leads to lengthens the note of its pitch that ends where it begins."""
    merged: list[_Played] = []
    tied: dict[int, _Played] = {}
    for note in sorted(played, key=lambda note: note.onset):
        before = tied.get(note.pitch)
        reached = before is not None and abs(before.offset - note.onset) < TOUCHING_QUARTERS
        if before is not None and reached and note.tie in ("continue", "stop"):
            before.offset = note.offset
            current = before
        else:
            merged.append(note)
            current = note
        if note.tie in ("start", "continue"):
            tied[note.pitch] = current
        else:
            tied.pop(note.pitch, None)
    return merged
