"""Whatever bytes a MIDI file holds: a score, or one sentence within a second."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.errors import OrchestrionError
from orchestrion.reading import midifile, midiscore
from orchestrion.score import BUILTIN_TUNES, Score

GOOD = midifile.encode(midiscore.from_score(BUILTIN_TUNES["happy-birthday"]))
END = b"\x00\xff\x2f\x00"


def chunk(kind, body):
    return kind + len(body).to_bytes(4, "big") + body


def header(n_tracks=1, division=480, kind=1):
    return chunk(b"MThd", b"".join(number.to_bytes(2, "big") for number in (kind, n_tracks, division)))


def one_track(body, **settings_):
    return header(**settings_) + chunk(b"MTrk", body)


NOTE = b"\x00\x90\x3c\x50\x83\x60\x80\x3c\x00"
FAR = b"\xff\xff\xff\x7f"  # the longest delta time: 268 million ticks

HOSTILE = {
    "empty": b"",
    "header only": header(),
    "not midi": b"RIFF\x00\x00\x00\x00WAVE",
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94",
    "resolution 0": one_track(NOTE + END, division=0),
    "SMPTE": one_track(NOTE + END, division=0xE728),
    "65,535 tracks claimed": one_track(NOTE + END, n_tracks=65_535),
    "65,535 tracks there": header(n_tracks=65_535) + chunk(b"MTrk", END) * 65_535,
    "tick at a billion": one_track(FAR + NOTE[1:] + FAR + NOTE[1:] + FAR + NOTE[1:] + FAR + NOTE[1:] + END),
    "end of track at a billion": one_track(NOTE + FAR + b"\xff\x06\x00" + FAR + b"\xff\x06\x00" + FAR + END[1:]),
    "no notes": one_track(END),
    "no tracks": header(n_tracks=0),
    "track cut short": one_track(NOTE + END)[:-6],
    "event cut short": one_track(NOTE[:-1]),
    "number without end": one_track(b"\xff\xff\xff\xff\x00\x90\x3c\x50"),
    "data above 127": one_track(b"\x00\x90\xbc\x50" + END),
    "no status yet": one_track(b"\x00\x3c\x50" + END),
    "real time status": one_track(b"\x00\xf8" + NOTE + END),
    "meta longer than its track": one_track(b"\x00\xff\x03\x8f\xff\xff\x7f" + NOTE + END),
    "tempo 0": one_track(b"\x00\xff\x51\x03\x00\x00\x00" + NOTE + END),
    "header of a wrong length": b"MThd\x00\x00\x00\x02" + header()[8:] + chunk(b"MTrk", NOTE + END),
    "header longer than the file": b"MThd\xff\xff\xff\xff" + header()[8:] + chunk(b"MTrk", NOTE + END),
    "tempo changes without end": one_track(b"\x01\xff\x51\x03\x07\xa1\x20" * 100_001 + NOTE + END),
    "too long a file": b"MThd" + bytes(9 << 20),
    "a million control changes, then cut": (header() + b"MTrk\x00\x7f\xff\xff" + b"\x00\xb0\x07\x40" * 1_000_000),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_one_sentence_within_a_second(tmp_path, data):
    path = tmp_path / "evil.mid"
    path.write_bytes(data)
    started = time.process_time()
    with pytest.raises(OrchestrionError, match=r"evil\.mid") as caught:
        Score.read(path)
    assert time.process_time() - started < 1.0
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300 + len(str(tmp_path))


def read(data):
    try:
        return midiscore.to_score(midifile.decode(data, "x.mid"), "x.mid")
    except OrchestrionError:
        return None


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_every_truncation_is_one_sentence(length):
    with pytest.raises(OrchestrionError):
        midiscore.to_score(midifile.decode(GOOD[:length], "x.mid"), "x.mid")


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_our_error(data):
    read(data)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 3), st.integers(0, 65_535))
def test_random_tracks_raise_nothing_but_our_error(body, n_tracks, division):
    score = read(header(n_tracks=n_tracks, division=division) + chunk(b"MTrk", body) * n_tracks)
    assert score is None or score.duration_s <= 6 * 3600


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_flipped_bytes_raise_nothing_but_our_error(data):
    broken = bytearray(GOOD)
    for at in data.draw(st.lists(st.integers(0, len(GOOD) - 1), min_size=1, max_size=5)):
        broken[at] = data.draw(st.integers(0, 255))
    read(bytes(broken))


def test_too_many_notes_are_refused(monkeypatch):
    monkeypatch.setattr(midifile, "MAX_NOTES", 1000)
    body = b"\x00\x90\x3c\x50" + b"\x01\x3c\x50" * 2000 + END
    with pytest.raises(OrchestrionError, match="2,001 note events"):
        midifile.decode(one_track(body), "x.mid")
