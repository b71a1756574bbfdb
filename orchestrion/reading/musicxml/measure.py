"""One measure of one part: notes on their positions, attributes, directions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element

from orchestrion.errors import OrchestrionError
from orchestrion.reading.musicxml import directions
from orchestrion.reading.written import DEFAULT_VELOCITY, Bar, Budget, Chord, Tone, meter_or_none

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SNARE = 38
# ``dynamics`` of <note> and <sound> is a percentage of forte, which is a velocity of 90.
FORTE = 90
NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?")


@dataclass(slots=True)
class PartState:
    """What carries over from measure to measure of one part."""

    name: str
    program: int = 0
    is_drum: bool = False
    drum_keys: dict[str, int] = field(default_factory=dict)
    divisions: Fraction = Fraction(1)
    transposition: dict[str, int] = field(default_factory=dict)
    velocity: int = DEFAULT_VELOCITY
    meter: tuple[int, int] | None = None
    sharps: int | None = None
    graces: dict[str, list[list[Tone]]] = field(default_factory=dict)


class MeasureReader:
    """Puts the measures of one part into bars that all parts share."""

    def __init__(self, part: int, state: PartState, budget: Budget, ignored: list[str]):
        self.part, self.state, self._budget, self._ignored = part, state, budget, ignored
        self._bar = Bar()
        self._cursor = Fraction(0)
        self._chord: Chord | None = None
        self._dynamics: list[tuple[Fraction, int]] = []

    def read(self, measure: Element, bar: Bar) -> None:
        """Add one ``<measure>`` to ``bar``.

        Raises:
            OrchestrionError: divisions or durations that are no numbers, or beyond the bounds.
        """
        self._bar, self._cursor, self._chord = bar, Fraction(0), None
        self._dynamics = [(Fraction(0), self.state.velocity)]
        bar.chords.setdefault(self.part, [])
        furthest = Fraction(0)
        for element in measure:
            match element.tag:
                case "note":
                    self._note(element)
                case "backup":
                    self._cursor = max(self._cursor - self._duration(element), Fraction(0))
                case "forward":
                    self._cursor += self._duration(element)
                case "attributes":
                    self._attributes(element)
                case "direction":
                    self._direction(element)
                case "sound":
                    self._sound(element, self._cursor)
                case "barline":
                    bar.marks = directions.barline(element, bar.marks)
            furthest = max(furthest, self._cursor)
        if not furthest and measure.get("implicit") != "yes":
            furthest = 4 * Fraction(*(self.state.meter or bar.meter or (4, 4)))
        self.state.velocity = max(self._dynamics, key=lambda change: change[0])[1]
        bar.length = max(bar.length, furthest)
        bar.meter = bar.meter or self.state.meter

    # --- notes -------------------------------------------------------------------------------------------------------

    def _note(self, note: Element) -> None:
        is_chord = note.find("chord") is not None
        is_grace = note.find("grace") is not None
        length = Fraction(0) if is_grace else self._duration(note)
        onset = self._cursor
        if is_chord and self._chord is not None:
            onset = self._chord.onset
        elif not is_grace:
            self._cursor += length
        # A cue note is printed for orientation and played by somebody else.
        if note.find("cue") is not None or note.find("rest") is not None:
            self._chord = None if not is_chord else self._chord
            return
        voice = note.findtext("voice") or "1"
        tone = self._tone(note, onset, length)
        if tone is None:
            return
        self._budget.note()
        if is_grace:
            waiting = self.state.graces.setdefault(voice, [])
            if is_chord and waiting:
                waiting[-1].append(tone)
            else:
                waiting.append([tone])
        elif not length:
            return
        elif is_chord and self._chord is not None and self._chord.voice == voice:
            self._chord.tones.append(tone)
        else:
            self._chord = Chord(onset, [tone], voice, self.state.graces.pop(voice, []))
            self._bar.chords[self.part].append(self._chord)

    def _tone(self, note: Element, onset: Fraction, length: Fraction) -> Tone | None:
        instrument = note.find("instrument")
        key = self.state.drum_keys.get(instrument.get("id", "") if instrument is not None else "")
        if note.find("unpitched") is not None:
            only = next(iter(self.state.drum_keys.values()), SNARE)
            return self._made(note, only if key is None else key, onset, length, is_drum=True)
        pitch = note.find("pitch")
        step = (pitch.findtext("step") or "").strip() if pitch is not None else ""
        if pitch is None or step not in SEMITONES:
            self._ignore("notes without a pitch")
            return None
        # A quarter tone goes to the semitone towards the natural.
        alteration, octave = int(_number(pitch.findtext("alter"))), int(_number(pitch.findtext("octave")))
        staff = note.findtext("staff") or "1"
        shift = self.state.transposition.get(staff, self.state.transposition.get("", 0))
        sounding = 12 * (octave + 1) + SEMITONES[step] + alteration + shift
        return self._made(note, sounding, onset, length, is_drum=False)

    def _made(self, note: Element, pitch: int, onset: Fraction, length: Fraction, is_drum: bool) -> Tone:
        ties = {tie.get("type") for tie in note.findall("tie")}
        ties = ties or {tie.get("type") for tie in note.findall("notations/tied")}
        # A mark holds for all voices, also for one that the file goes back for.
        velocity = next(velocity for at, velocity in reversed(self._dynamics) if at <= onset)
        if note.get("dynamics"):
            velocity = _velocity(note.get("dynamics"))
        return Tone(pitch, length, velocity, tie="start" in ties, tied="stop" in ties, is_drum=is_drum)

    def _duration(self, element: Element) -> Fraction:
        text = (element.findtext("duration") or "0").strip()
        if not NUMBER.fullmatch(text):
            raise OrchestrionError(f"a duration is {text[:20]!r}, which is no number")
        return self._budget.duration(max(Fraction(text), Fraction(0)) / self.state.divisions)

    # --- attributes --------------------------------------------------------------------------------------------------

    def _attributes(self, attributes: Element) -> None:
        if divisions := attributes.findtext("divisions"):
            if not NUMBER.fullmatch(divisions.strip()) or Fraction(divisions.strip()) <= 0:
                raise OrchestrionError(f"the divisions of a quarter are {divisions[:20]!r}")
            self.state.divisions = Fraction(divisions.strip())
        for transpose in attributes.findall("transpose"):
            semitones = _number(transpose.findtext("chromatic")) + 12 * _number(transpose.findtext("octave-change"))
            self.state.transposition[transpose.get("number", "")] = int(semitones)
        fifths = (attributes.findtext("key/fifths") or "").strip()
        if self.state.sharps is None and re.fullmatch(r"[+-]?\d", fifths):
            self.state.sharps = int(fifths)
        if (time := attributes.find("time")) is not None:
            self.state.meter = _meter(time)
            if not self._cursor:
                self._bar.meter = self.state.meter
        if attributes.find("measure-style/measure-repeat") is not None:
            self._ignore("measure repeats (their notes must stand in the file)")

    # --- directions --------------------------------------------------------------------------------------------------

    def _direction(self, direction: Element) -> None:
        at = self._cursor
        offset = direction.find("offset")
        if offset is not None and offset.get("sound") == "yes":
            at += self._budget.duration(Fraction(_number(offset.text)).limit_denominator(960) / self.state.divisions)
        at = max(at, Fraction(0))
        sound = direction.find("sound")
        velocity = directions.dynamics(direction)
        if velocity is not None:
            self._set_velocity(at, velocity)
        if sound is not None:
            self._sound(sound, at)
        if sound is None or sound.get("tempo") is None:
            bpm = directions.metronome(direction)
            if bpm is not None:
                self._bar.tempos.append((at, bpm))
        self._bar.marks = directions.written_jumps(direction, self._bar.marks)

    def _sound(self, sound: Element, at: Fraction) -> None:
        if sound.get("tempo"):
            self._bar.tempos.append((at, float(_number(sound.get("tempo")))))
        if sound.get("dynamics"):
            self._set_velocity(at, _velocity(sound.get("dynamics")))
        self._bar.marks = directions.sounded_jumps(sound, self._bar.marks)

    def _set_velocity(self, at: Fraction, velocity: int) -> None:
        self._dynamics.append((at, velocity))
        self._dynamics.sort(key=lambda change: change[0])

    def _ignore(self, what: str) -> None:
        if what not in self._ignored:
            self._ignored.append(what)


def _meter(time: Element) -> tuple[int, int] | None:
    """The sum of the fractions, ``3+2`` over 8 too; None for senza misura."""
    total = Fraction(0)
    value = 1
    for beats, beat_type in zip(time.findall("beats"), time.findall("beat-type"), strict=False):
        numbers = [int(_number(number)) for number in (beats.text or "").split("+")]
        below = int(_number(beat_type.text))
        if below < 1:
            return None
        total += Fraction(sum(numbers), below)
        value = max(value, below)
    counted = total * value
    return meter_or_none(int(counted), value) if counted.denominator == 1 else None


def _velocity(percent: str | None) -> int:
    return min(max(round(float(_number(percent)) * FORTE / 100), 1), 127)


def _number(text: str | None) -> Fraction:
    """A number as it stands in a file; 0 where there is none."""
    stripped = (text or "").strip()
    return Fraction(stripped) if NUMBER.fullmatch(stripped) else Fraction(0)
