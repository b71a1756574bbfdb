"""Standard MIDI Files: bytes to events and back (The Complete MIDI 1.0 Detailed Specification, RP-001).

Ours rather than a library's, because a file is not to be trusted: every length is compared with the bytes that are
there before anything is allocated, no array is ever as long as a file's ticks, and what a hostile file can cost is
bounded by its size. pretty_midi serves as the judge in the tests.

An event is ``(tick, message)``: ticks from the beginning of the piece, and the message with its status byte written
out; a meta event is ``FF type payload`` without the length. Events that no note depends on are dropped when read.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrion.errors import OrchestrionError, said_by
from orchestrion.limits import MAX_CHANGES, MAX_MIDI_TRACKS, MAX_NOTES

Event = tuple[int, bytes]

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
META = 0xFF
TRACK_NAME, PORT, END_OF_TRACK, SET_TEMPO, TIME_SIGNATURE = 0x03, 0x21, 0x2F, 0x51, 0x58
KEPT_META = {TRACK_NAME: range(4096), PORT: range(1, 2), SET_TEMPO: range(3, 4), TIME_SIGNATURE: range(2, 256)}

SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123
KEPT_CONTROLS = {SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF}

# Data bytes after the status byte, by the status byte's upper four bits.
DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}


@dataclass(frozen=True, slots=True)
class MidiTrack:
    """One track: its events in the order of the file, and the tick at which it ends."""

    events: tuple[Event, ...]
    end_tick: int


@dataclass(frozen=True, slots=True)
class MidiFile:
    """Tracks, and ``resolution`` ticks a quarter note (1 to 32,767).

    ``format`` 0 is one track for all channels, 1 several that play together by the tempo of all, 2 several sequences,
    each with its own tempo.
    """

    resolution: int
    tracks: tuple[MidiTrack, ...]
    format: int = 1


def decode(data: bytes, name: str) -> MidiFile:
    """Read a MIDI file of format 0, 1 or 2, plain or in a RIFF wrapper (``RMID``, which Windows wrote).

    Args:
        name: of the file, for the sentence where it is broken.

    Raises:
        OrchestrionError: not MIDI, cut short, resolution 0 or SMPTE time, too many tracks, notes or changes.
    """
    data = _unwrapped(data)
    if len(data) < 14 or data[:4] != b"MThd":
        raise OrchestrionError(f"{name} is not a MIDI file, or is cut short: its header is missing.")
    header_end = 8 + _number(data, 4, 8)
    n_tracks, division = _number(data, 10, 12), _number(data, 12, 14)
    if header_end < 14 or header_end > len(data):
        raise OrchestrionError(f"{name} is a broken MIDI file: its header has a wrong length.")
    if division == 0 or division & 0x8000:
        kind = "SMPTE frames" if division else "a resolution of 0 ticks a beat"
        raise OrchestrionError(f"{name} counts time in {kind}; export it with ticks a quarter note.")
    # A track takes at least the eight bytes of its own header.
    if n_tracks > MAX_MIDI_TRACKS or n_tracks * 8 > len(data):
        raise OrchestrionError(f"{name} claims {n_tracks:,} tracks, more than it can hold; export it again.")
    tracks = tuple(_read_tracks(data, header_end, n_tracks, name))
    _check_counts(tracks, name)
    return MidiFile(division, tracks, _number(data, 8, 10))


def encode(midi: MidiFile) -> bytes:
    """Write a MIDI file of format 1, without running status. Same events, same bytes."""
    header = b"MThd" + (6).to_bytes(4, "big")
    header += b"".join(number.to_bytes(2, "big") for number in (1, len(midi.tracks), midi.resolution))
    return header + b"".join(_encode_track(track) for track in midi.tracks)


def _unwrapped(data: bytes) -> bytes:
    """The ``data`` chunk of a RIFF file (RP-029); other data as they are."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    position = 12
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if data[position : position + 4] == b"data":
            return data[position + 8 : position + 8 + length]
        # Chunks begin at even positions.
        position += 8 + length + length % 2
    return b""


def _read_tracks(data: bytes, position: int, n_tracks: int, name: str) -> list[MidiTrack]:
    tracks: list[MidiTrack] = []
    while len(tracks) < n_tracks:
        start, length = position + 8, _number(data, position + 4, position + 8)
        if start > len(data) or start + length > len(data):
            raise OrchestrionError(f"{name} is cut short: track {len(tracks) + 1} of {n_tracks} is not complete.")
        # Chunks of other kinds are allowed between the tracks and have no meaning for us.
        if data[position : position + 4] == b"MTrk":
            tracks.append(_read_track(data[start : start + length], name))
        position = start + length
    return tracks


def _read_track(data: bytes, name: str) -> MidiTrack:
    """Events of one track; the reader runs off the end of ``data`` where it is broken, which is caught here, once."""
    try:
        return _parse_track(data)
    except IndexError as error:
        raise OrchestrionError(f"{name} is a broken MIDI file: a track ends in the middle of an event.") from error
    except _Broken as error:
        raise OrchestrionError(f"{name} is a broken MIDI file: {said_by(error)}.") from error


def _parse_track(data: bytes) -> MidiTrack:
    events: list[Event] = []
    position, tick, status, size = 0, 0, 0, len(data)
    while position < size:
        delta, position = _read_varlen(data, position)
        tick += delta
        if data[position] >= 0x80:
            status_here = data[position]
            position += 1
        else:
            status_here = status
        if 0x80 <= status_here < 0xF0:
            # Only channel messages set the running status; files exist that rely on it across a meta event.
            status = status_here
            stop = position + DATA_BYTES[status >> 4]
            first, last = data[position], data[stop - 1]
            if first > 127 or last > 127:
                raise _Broken("a data byte is above 127")
            kind = status & 0xF0
            if kind == NOTE_ON or kind == NOTE_OFF or kind == PROGRAM or (kind == CONTROL and first in KEPT_CONTROLS):
                events.append((tick, bytes((status,)) + data[position:stop]))
            position = stop
        elif status_here == META:
            kind = data[position]
            payload, position = _read_payload(data, position + 1)
            if kind == END_OF_TRACK:
                break
            if kind in KEPT_META and len(payload) in KEPT_META[kind]:
                events.append((tick, bytes((META, kind)) + payload))
        elif status_here in (0xF0, 0xF7):
            _, position = _read_payload(data, position)
        else:
            raise _Broken("an event has no valid status byte")
    return MidiTrack(tuple(events), tick)


def _read_varlen(data: bytes, position: int) -> tuple[int, int]:
    value = data[position] & 0x7F
    if data[position] < 0x80:
        return value, position + 1
    for index in range(position + 1, position + 4):
        value = (value << 7) | (data[index] & 0x7F)
        if data[index] < 0x80:
            return value, index + 1
    raise _Broken("a number takes more than four bytes")


def _read_payload(data: bytes, position: int) -> tuple[bytes, int]:
    length, start = _read_varlen(data, position)
    if start + length > len(data):
        raise _Broken("an event is longer than its track")
    return data[start : start + length], start + length


def _check_counts(tracks: tuple[MidiTrack, ...], name: str) -> None:
    messages = [message for track in tracks for _, message in track.events]
    statuses = [message[0] & 0xF0 if message[0] < 0xF0 else message[1] for message in messages]
    n_notes = statuses.count(NOTE_ON)
    # Many programs end notes by a note-on of velocity 0, so there may be twice as many note-ons as notes.
    if n_notes > 2 * MAX_NOTES:
        raise OrchestrionError(f"{name} holds {n_notes:,} note events, more than {2 * MAX_NOTES:,}.")
    if max(statuses.count(SET_TEMPO), statuses.count(TIME_SIGNATURE)) > MAX_CHANGES:
        raise OrchestrionError(f"{name} holds more than {MAX_CHANGES:,} tempo or meter changes.")


def _encode_track(track: MidiTrack) -> bytes:
    body = bytearray()
    before = 0
    for tick, message in track.events:
        body += _varlen(tick - before)
        if message[0] == META:
            body += message[:2] + _varlen(len(message) - 2) + message[2:]
        else:
            body += message
        before = tick
    body += _varlen(track.end_tick - before) + bytes((META, END_OF_TRACK, 0))
    return b"MTrk" + len(body).to_bytes(4, "big") + bytes(body)


def _varlen(value: int) -> bytes:
    if not 0 <= value < 1 << 28:
        raise OrchestrionError(f"Two events {value} ticks apart cannot be written to a MIDI file.")
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append((value & 0x7F) | 0x80)
    return bytes(reversed(groups))


def _number(data: bytes, start: int, stop: int) -> int:
    return int.from_bytes(data[start:stop], "big")


class _Broken(ValueError):
    """Half a sentence; the caller knows the name of the file."""
