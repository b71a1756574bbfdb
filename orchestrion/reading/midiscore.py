"""Scores from and to MIDI events."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_BPM, MAX_SCORE_S, MIN_BPM
from orchestrion.reading import midifile, midinames
from orchestrion.reading.midifile import Event, MidiFile, MidiTrack
from orchestrion.reading.pedal import pressed, sustained
from orchestrion.score.notearray import note_array, notes_of
from orchestrion.score.notes import Meter, Part, Tempo
from orchestrion.score.score import Score
from orchestrion.score.tempomap import TempoMap, round_half_up

DRUM_CHANNEL = 9
PITCHED_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)

FAMILY = 8

RESOLUTION = 960
# pretty_midi refuses files of more than 10 million ticks, so a long piece gets coarser ones (at 120: 17 ms at most).
MAX_TICKS = 9_900_000
MIN_RESOLUTION = 30

# A note: onset and offset in ticks, pitch, velocity, program.
_Row: TypeAlias = list[int]


@dataclass(frozen=True, slots=True)
class _Key:
    """Who plays a note: one part for each. ``channel`` is None for a track that is one instrument on all its channels.

    ``family`` is one of General MIDI's sixteen: bowed and plucked violin are one player, violin and flute two.
    """

    track: int
    port: int
    channel: int | None
    is_drum: bool
    family: int


def to_score(midi: MidiFile, name: str) -> Score:
    """Make a score of the events of a file called ``name``.

    One part a track, channel and family of programs (its program is the one of most notes). A track with a name whose
    channels all have programs of one family is one part: a guitar with a channel for each string. Channels and pedals
    of one number on two ports are two. Notes of one pitch on one channel of a track that overlap are paired first in,
    first out; one that never ends does so at the end of its track; one that ends at once lasts a tick.

    Raises:
        OrchestrionError: no notes, a tempo of 0, or longer than six hours.
    """
    clocks, tempos = _clocks(midi, name)
    for track, clock in zip(midi.tracks, clocks, strict=True):
        if clock.to_seconds([track.end_tick / midi.resolution])[0] > MAX_SCORE_S:
            raise OrchestrionError(
                f"{name} lasts longer than {MAX_SCORE_S / 3600:g} hours; it is broken, or must be cut."
            )
    paired = _pair(midi)
    if not paired:
        raise OrchestrionError(f"{name} holds no notes.")
    _sustain(midi, paired, max(track.end_tick for track in midi.tracks))
    track_names = _track_names(midi)
    parts = _merged(paired, track_names if midi.format == 1 else [])
    names = _part_names(parts, track_names)
    made = tuple(_part(names[key], key, rows, clocks[key.track], midi.resolution) for key, rows in parts.items())
    return Score(made, tempos, _meters(midi, clocks[0]), _title(parts, track_names))


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


def _clocks(midi: MidiFile, name: str) -> tuple[list[TempoMap], tuple[Tempo, ...]]:
    """A clock for each track, and the tempos of the first: all tracks share one but for the sequences of format 2."""
    if midi.format == 2:
        made = [_clock([track], midi.resolution, name) for track in midi.tracks]
        return [clock for clock, _ in made], made[0][1] if made else ()
    clock, tempos = _clock(midi.tracks, midi.resolution, name)
    return [clock] * len(midi.tracks), tempos


def _clock(tracks: Sequence[MidiTrack], resolution: int, name: str) -> tuple[TempoMap, tuple[Tempo, ...]]:
    by_tick = {0: 500_000}
    for tick, message in _meta(tracks, midifile.SET_TEMPO):
        by_tick[tick] = int.from_bytes(message[2:5], "big")
    if 0 in by_tick.values():
        raise OrchestrionError(f"{name} holds a tempo of 0 microseconds a beat, which is infinitely fast.")
    ticks = sorted(by_tick)
    clock = TempoMap([tick / resolution for tick in ticks], [60e6 / by_tick[tick] for tick in ticks])
    times = clock.to_seconds([tick / resolution for tick in ticks])
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
    for tick, message in _meta(midi.tracks[:1] if midi.format == 2 else midi.tracks, midifile.TIME_SIGNATURE):
        numerator, power = message[2], message[3]
        if numerator and power <= 6:
            meters.append(Meter(float(clock.to_seconds([tick / midi.resolution])[0]), numerator, 2**power))
    return tuple(meters)


def _meta(tracks: Sequence[MidiTrack], kind: int) -> list[Event]:
    """Meta events of one kind in all tracks, by tick (they belong into the first track, but some files stray)."""
    found = [event for track in tracks for event in track.events if event[1][0] == midifile.META]
    return sorted((event for event in found if event[1][1] == kind), key=lambda event: event[0])


def _pair(midi: MidiFile) -> dict[_Key, list[_Row]]:
    """The notes by who plays them."""
    paired: dict[_Key, list[_Row]] = {}
    for index, track in enumerate(midi.tracks):
        _pair_track(index, track, paired)
    return paired


def _pair_track(index: int, track: MidiTrack, paired: dict[_Key, list[_Row]]) -> None:
    programs = [0] * 16
    port = 0
    sounding: defaultdict[tuple[int, int], deque[_Row]] = defaultdict(deque)
    for tick, message in track.events:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if message[0] == midifile.META:
            port = message[2] if message[1] == midifile.PORT else port
        elif kind == midifile.NOTE_ON and message[2]:
            row = [tick, max(track.end_tick, tick + 1), message[1], message[2], programs[channel]]
            key = _Key(index, port, channel, channel == DRUM_CHANNEL, programs[channel] // FAMILY)
            paired.setdefault(key, []).append(row)
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


def _merged(paired: dict[_Key, list[_Row]], names: list[str]) -> dict[_Key, list[_Row]]:
    """Channels of a named track that play programs of one family, as one instrument."""
    families: defaultdict[int, set[int]] = defaultdict(set)
    for key in paired:
        if not key.is_drum:
            families[key.track].add(key.family)
    merged: dict[_Key, list[_Row]] = {}
    for key, rows in paired.items():
        is_one = bool(names and names[key.track]) and not key.is_drum and len(families[key.track]) == 1
        merged.setdefault(replace(key, port=0, channel=None) if is_one else key, []).extend(rows)
    return merged


def _end(row: list[int], tick: int) -> None:
    row[1] = max(tick, row[0] + 1)


def _sustain(midi: MidiFile, paired: dict[_Key, list[_Row]], end_tick: int) -> None:
    """Lengthen the notes under the pedal; it belongs to a channel of a port, whichever tracks use that."""
    changes: defaultdict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    for track in midi.tracks:
        port = 0
        for tick, message in track.events:
            if message[:2] == bytes((midifile.META, midifile.PORT)):
                port = message[2]
            elif message[0] & 0xF0 == midifile.CONTROL and message[1] in (
                midifile.SUSTAIN,
                midifile.RESET_CONTROLLERS,
            ):
                value = message[2] if message[1] == midifile.SUSTAIN else 0
                changes[port, message[0] & 0x0F].append((tick, value))
    for (port, channel), moves in changes.items():
        keys = [key for key in paired if (key.port, key.channel) == (port, channel) and not key.is_drum]
        rows = [row for key in keys for row in paired[key]]
        if rows:
            table = np.array(rows, dtype=np.float64)
            downs, ups = pressed(sorted(moves, key=lambda move: move[0]), end_tick)
            for row, offset in zip(rows, sustained(table[:, 0], table[:, 1], table[:, 2], downs, ups), strict=True):
                row[1] = int(offset)


def _part(name: str, key: _Key, rows: list[_Row], clock: TempoMap, resolution: int) -> Part:
    table = np.array(rows, dtype=np.int64)
    onset_s = clock.to_seconds(table[:, 0] / resolution)
    offset_s = clock.to_seconds(table[:, 1] / resolution)
    program = int(np.bincount(table[:, 4]).argmax())
    return Part(name, program, notes_of(onset_s, offset_s, table[:, 2], table[:, 3]), key.is_drum)


def _part_names(parts: Iterable[_Key], track_names: list[str]) -> dict[_Key, str]:
    """The name of the track, with the channel where it has several, or none."""
    keys = list(parts)
    channels: defaultdict[int, set[tuple[int, int | None]]] = defaultdict(set)
    for key in keys:
        channels[key.track].add((key.port, key.channel))
    names = {}
    for key in keys:
        label = f"channel {key.channel + 1}" if key.channel is not None else ""
        name = track_names[key.track]
        names[key] = name if name and len(channels[key.track]) == 1 else f"{name} {label}".strip()
    return names


def _title(parts: Iterable[_Key], track_names: list[str]) -> str:
    """The name of the first track where that plays nothing itself (format 1)."""
    return "" if any(key.track == 0 for key in parts) else track_names[0]


def _track_names(midi: MidiFile) -> list[str]:
    wanted = bytes((midifile.META, midifile.TRACK_NAME))
    raw = [next((message[2:] for _, message in track.events if message[:2] == wanted), b"") for track in midi.tracks]
    encoding = midinames.encoding_of(raw)
    return [midinames.text(name, encoding) for name in raw]


# --- score to events -------------------------------------------------------------------------------------------------


def _resolution(score: Score) -> int:
    last_s = max(score.duration_s, score.tempos[-1].time_s, score.meters[-1].time_s)
    beats = float(TempoMap.from_tempos(score.tempos).to_beats([last_s])[0])
    resolution = RESOLUTION
    while beats * resolution > MAX_TICKS and resolution > MIN_RESOLUTION:
        resolution //= 2
    return resolution


def _conductor(score: Score, resolution: int) -> tuple[TempoMap, MidiTrack]:
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
    return clock, MidiTrack(tuple(events), events[-1][0])


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


def _track(part: Part, channel: int, clock: TempoMap, resolution: int) -> MidiTrack:
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
    return MidiTrack((*setup, *events), events[-1][0] if events else 0)


def _ticks(clock: TempoMap, seconds: Sequence[float] | np.ndarray, resolution: int) -> list[int]:
    result: list[int] = round_half_up(clock.to_beats(seconds) * resolution).tolist()
    return result
