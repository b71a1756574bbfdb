"""Scores from and to MIDI events."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_BPM, MAX_SCORE_S, MIN_BPM
from orchestrion.reading import midifile
from orchestrion.reading.midifile import Event, MidiFile, Track
from orchestrion.reading.pedal import pressed, sustained
from orchestrion.score.notearray import note_array, notes_of
from orchestrion.score.notes import Meter, Part, Tempo
from orchestrion.score.score import Score
from orchestrion.score.tempomap import TempoMap, round_half_up

DRUM_CHANNEL = 9
PITCHED_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)

RESOLUTION = 960
# pretty_midi refuses files of more than 10 million ticks, so a long piece gets coarser ones (at 120: 17 ms at most).
MAX_TICKS = 9_900_000
MIN_RESOLUTION = 30


@dataclass(frozen=True, slots=True)
class _Key:
    """Who plays a note: one part for each."""

    track: int
    channel: int
    program: int


def to_score(midi: MidiFile, name: str) -> Score:
    """Make a score of the events of a file called ``name``.

    One part a track, channel and program. Notes of one pitch on one channel of a track that overlap are paired first
    in, first out; one that never ends does so at the end of its track; one that ends at once lasts a tick.

    Raises:
        OrchestrionError: no notes, a tempo of 0, or longer than six hours.
    """
    clock, tempos = _tempos(midi, name)
    end_tick = max((track.end_tick for track in midi.tracks), default=0)
    if clock.to_seconds([end_tick / midi.resolution])[0] > MAX_SCORE_S:
        raise OrchestrionError(f"{name} lasts longer than {MAX_SCORE_S / 3600:g} hours; it is broken, or must be cut.")
    paired = _pair(midi)
    if not paired:
        raise OrchestrionError(f"{name} holds no notes.")
    _sustain(midi, paired, end_tick)
    names = _part_names(midi, paired)
    parts = tuple(_part(names[key], key, rows, clock, midi.resolution) for key, rows in paired.items())
    return Score(parts, tempos, _meters(midi, clock), _title(midi, paired))


def from_score(score: Score) -> MidiFile:
    """Events of format 1: tempo and meter in the first track, then one track a part.

    Seconds become ticks by the tempo as MIDI stores it (whole microseconds a quarter note), so that rounding the tempo
    does not move the notes: each boundary lies within half a tick of its time.
    """
    resolution = _resolution(score)
    clock, changes = _conductor(score, resolution)
    channels = iter(PITCHED_CHANNELS * (len(score.parts) // len(PITCHED_CHANNELS) + 1))
    tracks = [changes]
    for part in score.parts:
        tracks.append(_track(part, DRUM_CHANNEL if part.is_drum else next(channels), clock, resolution))
    return MidiFile(resolution, tuple(tracks))


# --- events to score -------------------------------------------------------------------------------------------------


def _tempos(midi: MidiFile, name: str) -> tuple[TempoMap, tuple[Tempo, ...]]:
    by_tick = {0: 500_000}
    for tick, message in _meta(midi, midifile.SET_TEMPO):
        by_tick[tick] = int.from_bytes(message[2:5], "big")
    if 0 in by_tick.values():
        raise OrchestrionError(f"{name} holds a tempo of 0 microseconds a beat, which is infinitely fast.")
    ticks = sorted(by_tick)
    clock = TempoMap([tick / midi.resolution for tick in ticks], [60e6 / by_tick[tick] for tick in ticks])
    times = clock.to_seconds([tick / midi.resolution for tick in ticks])
    return clock, tuple(Tempo(float(time), _bpm(by_tick[tick])) for time, tick in zip(times, ticks, strict=True))


def _bpm(microseconds: int) -> float:
    """The shortest decimal number of beats a minute that a file would store as ``microseconds`` a beat."""
    exact = 60e6 / microseconds
    for digits in range(4):
        short = round(exact, digits)
        if MIN_BPM <= short <= MAX_BPM and round(60e6 / short) == microseconds:
            return short
    return exact


def _meters(midi: MidiFile, clock: TempoMap) -> tuple[Meter, ...]:
    """Meter changes; those that no musician could mean (0 beats, 256th notes) are left out."""
    meters = []
    for tick, message in _meta(midi, midifile.TIME_SIGNATURE):
        numerator, power = message[2], message[3]
        if numerator and power <= 6:
            meters.append(Meter(float(clock.to_seconds([tick / midi.resolution])[0]), numerator, 2**power))
    return tuple(meters)


def _meta(midi: MidiFile, kind: int) -> list[Event]:
    """Meta events of one kind in all tracks, by tick (they belong into the first track, but some files stray)."""
    found = [event for track in midi.tracks for event in track.events if event[1][0] == midifile.META]
    return sorted((event for event in found if event[1][1] == kind), key=lambda event: event[0])


def _pair(midi: MidiFile) -> dict[_Key, list[list[int]]]:
    """Rows [onset, offset, pitch, velocity] in ticks, by who plays them."""
    paired: dict[_Key, list[list[int]]] = {}
    for index, track in enumerate(midi.tracks):
        _pair_track(index, track, paired)
    return paired


def _pair_track(index: int, track: Track, paired: dict[_Key, list[list[int]]]) -> None:
    programs = [0] * 16
    sounding: defaultdict[tuple[int, int], deque[list[int]]] = defaultdict(deque)
    for tick, message in track.events:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == midifile.NOTE_ON and message[2]:
            row = [tick, max(track.end_tick, tick + 1), message[1], message[2]]
            paired.setdefault(_Key(index, channel, programs[channel]), []).append(row)
            sounding[channel, message[1]].append(row)
        elif kind in (midifile.NOTE_ON, midifile.NOTE_OFF):
            if ends := sounding[channel, message[1]]:
                _end(ends.popleft(), tick)
        elif kind == midifile.PROGRAM:
            programs[channel] = message[1]
        elif kind == midifile.CONTROL and message[1] in (midifile.ALL_SOUND_OFF, midifile.ALL_NOTES_OFF):
            for (at, _), rows in sounding.items():
                while at == channel and rows:
                    _end(rows.popleft(), tick)


def _end(row: list[int], tick: int) -> None:
    row[1] = max(tick, row[0] + 1)


def _sustain(midi: MidiFile, paired: dict[_Key, list[list[int]]], end_tick: int) -> None:
    """Lengthen the notes under the pedal; it belongs to a channel, whichever tracks use that."""
    changes: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for track in midi.tracks:
        for tick, message in track.events:
            if message[0] & 0xF0 == midifile.CONTROL and message[1] in (midifile.SUSTAIN, midifile.RESET_CONTROLLERS):
                changes[message[0] & 0x0F].append((tick, message[2] if message[1] == midifile.SUSTAIN else 0))
    for channel, moves in changes.items():
        rows = [row for key, rows in paired.items() if key.channel == channel != DRUM_CHANNEL for row in rows]
        if rows:
            table = np.array(rows, dtype=np.float64)
            downs, ups = pressed(sorted(moves, key=lambda move: move[0]), end_tick)
            for row, offset in zip(rows, sustained(table[:, 0], table[:, 1], table[:, 2], downs, ups), strict=True):
                row[1] = int(offset)


def _part(name: str, key: _Key, rows: list[list[int]], clock: TempoMap, resolution: int) -> Part:
    table = np.array(rows, dtype=np.int64)
    onset_s, offset_s = clock.to_seconds(table[:, :2] / resolution).T
    notes = notes_of(onset_s, offset_s, table[:, 2], table[:, 3])
    return Part(name, key.program, notes, key.channel == DRUM_CHANNEL)


def _part_names(midi: MidiFile, paired: dict[_Key, list[list[int]]]) -> dict[_Key, str]:
    names = {}
    for key in paired:
        alone = sum(other.track == key.track for other in paired) == 1
        label = f"channel {key.channel + 1}"
        track_name = _track_name(midi.tracks[key.track])
        names[key] = (track_name if alone else f"{track_name} {label}".strip()) or label
    return names


def _title(midi: MidiFile, paired: dict[_Key, list[list[int]]]) -> str:
    """The name of the first track where that plays nothing itself (format 1)."""
    return "" if any(key.track == 0 for key in paired) else _track_name(midi.tracks[0])


def _track_name(track: Track) -> str:
    for _, message in track.events:
        if message[:2] == bytes((midifile.META, midifile.TRACK_NAME)):
            return _text(message[2:])
    return ""


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return "".join(character if character.isprintable() else " " for character in text).strip()


# --- score to events -------------------------------------------------------------------------------------------------


def _resolution(score: Score) -> int:
    last_s = max(score.duration_s, score.tempos[-1].time_s, score.meters[-1].time_s)
    beats = float(TempoMap.from_tempos(score.tempos).to_beats([last_s])[0])
    resolution = RESOLUTION
    while beats * resolution > MAX_TICKS and resolution > MIN_RESOLUTION:
        resolution //= 2
    return resolution


def _conductor(score: Score, resolution: int) -> tuple[TempoMap, Track]:
    """The clock that the file will have, and the track that says so."""
    beats, bpm = [0.0], [_stored_bpm(score.tempos[0])]
    at_s = 0.0
    for tempo in score.tempos[1:]:
        beat = max(beats[-1] + (tempo.time_s - at_s) * bpm[-1] / 60.0, beats[-1])
        beats.append(round(beat * resolution) / resolution)
        at_s += (beats[-1] - beats[-2]) * 60.0 / bpm[-1]
        bpm.append(_stored_bpm(tempo))
    clock = TempoMap(beats, bpm)
    title = _name_event(score.title)
    tempos = [(round(beat * resolution), _tempo_message(value)) for beat, value in zip(beats, bpm, strict=True)]
    meters = [(_ticks(clock, [meter.time_s], resolution)[0], _meter_message(meter)) for meter in score.meters]
    events = title + sorted(meters + tempos, key=lambda event: event[0])
    return clock, Track(tuple(events), events[-1][0])


def _stored_bpm(tempo: Tempo) -> float:
    return 60e6 / min(max(round(60e6 / tempo.bpm), 1), 0xFFFFFF)


def _tempo_message(bpm: float) -> bytes:
    return bytes((midifile.META, midifile.SET_TEMPO)) + round(60e6 / bpm).to_bytes(3, "big")


def _meter_message(meter: Meter) -> bytes:
    # The last two bytes are the usual 24 MIDI clocks a metronome click and 8 thirty-seconds a quarter note.
    values = (meter.numerator, meter.denominator.bit_length() - 1, 24, 8)
    return bytes((midifile.META, midifile.TIME_SIGNATURE, *values))


def _name_event(name: str) -> list[Event]:
    return [(0, bytes((midifile.META, midifile.TRACK_NAME)) + name.encode("utf-8", "replace"))] if name else []


def _track(part: Part, channel: int, clock: TempoMap, resolution: int) -> Track:
    table = note_array(part.notes)
    onsets = _ticks(clock, table["onset_s"], resolution)
    offsets = _ticks(clock, table["offset_s"], resolution)
    events: list[Event] = []
    for note, onset, offset in zip(part.notes, onsets, offsets, strict=True):
        events.append((onset, bytes((midifile.NOTE_ON | channel, note.pitch, note.velocity))))
        events.append((max(offset, onset + 1), bytes((midifile.NOTE_OFF | channel, note.pitch, 0))))
    # A note ends before the next one of its pitch begins: at one tick, 0x8_ sorts before 0x9_.
    events.sort()
    setup = [*_name_event(part.name), (0, bytes((midifile.PROGRAM | channel, part.program)))]
    return Track((*setup, *events), events[-1][0] if events else 0)


def _ticks(clock: TempoMap, seconds: Sequence[float] | np.ndarray, resolution: int) -> list[int]:
    return round_half_up(clock.to_beats(seconds) * resolution).tolist()
