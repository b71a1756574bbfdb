import io

import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.errors import OrchestrionError
from orchestrion.reading import midifile, midiscore
from orchestrion.reading.midifile import MidiFile, MidiTrack
from orchestrion.score import BUILTIN_TUNES, Meter, Note, Part, Score, Tempo
from tests.strategies import scores


def on(tick, pitch=60, velocity=80, channel=0):
    return tick, bytes((0x90 | channel, pitch, velocity))


def off(tick, pitch=60, channel=0):
    return tick, bytes((0x80 | channel, pitch, 0))


def pedal(tick, value, channel=0):
    return tick, bytes((0xB0 | channel, 64, value))


def tempo(tick, microseconds):
    return tick, b"\xff\x51" + microseconds.to_bytes(3, "big")


def read(*tracks, resolution=480, end=0):
    """Score of tracks of events, through bytes; 480 ticks are half a second."""
    in_order = [sorted(events, key=lambda event: event[0]) for events in tracks]
    made = tuple(MidiTrack(tuple(events), max(end, events[-1][0])) for events in in_order)
    return midiscore.to_score(midifile.decode(midifile.encode(MidiFile(resolution, made)), "a.mid"), "a.mid")


def rows(score, part=0):
    return [(note.onset_s, note.offset_s, note.pitch, note.velocity) for note in score.parts[part].notes]


@settings(max_examples=60, deadline=None)
@given(scores())
def test_a_score_comes_back_from_midi_within_a_tick(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    if not any(part.notes for part in score.parts):
        with pytest.raises(OrchestrionError):
            score.write(path)
        return
    score.write(path)
    again = Score.read(path)
    tick_s = 60.0 / min(tempo.bpm for tempo in score.tempos) / midiscore.RESOLUTION
    assert (again.title, again.meters) == (score.title, score.meters)
    assert [tempo.bpm for tempo in again.tempos] == pytest.approx([tempo.bpm for tempo in score.tempos], rel=1e-5)
    assert np.allclose([t.time_s for t in again.tempos], [t.time_s for t in score.tempos], atol=tick_s, rtol=0)
    written = [part for part in score.parts if part.notes]
    for before, after in zip(written, again.parts, strict=True):
        assert (before.name, before.program, before.is_drum) == (after.name, after.program, after.is_drum)
        assert sorted((n.pitch, n.velocity) for n in before.notes) == sorted((n.pitch, n.velocity) for n in after.notes)
        by_pitch = [sorted(part.notes, key=lambda n: (n.pitch, n.onset_s)) for part in (before, after)]
        for a, b in zip(*by_pitch, strict=True):
            assert abs(a.onset_s - b.onset_s) <= tick_s and abs(a.offset_s - b.offset_s) <= tick_s


@settings(max_examples=40, deadline=None)
@given(scores())
def test_pretty_midi_reads_what_we_write_as_we_meant_it(score):
    if not any(part.notes for part in score.parts):
        return
    theirs = pretty_midi.PrettyMIDI(io.BytesIO(midifile.encode(midiscore.from_score(score))))
    ours = midiscore.to_score(midifile.decode(midifile.encode(midiscore.from_score(score)), "x"), "x")
    for instrument, part in zip(theirs.instruments, ours.parts, strict=True):
        assert (instrument.program, instrument.is_drum) == (part.program, part.is_drum)
        mine = sorted((n.onset_s, n.offset_s, n.pitch, n.velocity) for n in part.notes)
        assert np.allclose(mine, sorted((n.start, n.end, n.pitch, n.velocity) for n in instrument.notes), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(scores())
def test_pretty_midi_objects_carry_the_exact_seconds(score):
    midi = score.to_pretty_midi()
    again = Score.from_pretty_midi(midi)
    assert [part.notes for part in again.parts] == [part.notes for part in score.parts]
    assert again.meters == score.meters
    assert [t.bpm for t in again.tempos] == pytest.approx([t.bpm for t in score.tempos], rel=1e-5)


def test_pretty_midi_s_pedal_is_heard():
    midi = pretty_midi.PrettyMIDI()
    instrument = pretty_midi.Instrument(0)
    instrument.notes = [pretty_midi.Note(80, 60, 0.0, 0.5), pretty_midi.Note(80, 62, 0.6, 0.6)]
    instrument.control_changes = [pretty_midi.ControlChange(64, 127, 0.1), pretty_midi.ControlChange(64, 0, 0.9)]
    midi.instruments.append(instrument)
    assert [note.offset_s for note in Score.from_pretty_midi(midi).notes] == [0.9, 0.9]


def test_same_score_same_bytes(tmp_path):
    for name in ("a.mid", "b.midi"):
        BUILTIN_TUNES["greensleeves"].write(tmp_path / name)
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.midi").read_bytes()


def test_tempo_changes_in_any_track_move_what_follows():
    score = read([tempo(480, 1_000_000)], [tempo(960, 250_000), on(0), off(480), on(960), off(1440)])
    assert score.tempos == (Tempo(0, 120), Tempo(0.5, 60), Tempo(1.5, 240))
    assert rows(score) == [(0.0, 0.5, 60, 80), (1.5, 1.75, 60, 80)]


@pytest.mark.parametrize("bpm", [20, 33.3, 60, 90, 96, 116, 120, 132.5, 144, 200])
def test_usual_tempos_come_back_as_they_were(bpm, tmp_path):
    Score((Part("x", 0, (Note(0, 1, 60, 80),)),), (Tempo(0, bpm),)).write(tmp_path / "a.mid")
    assert Score.read(tmp_path / "a.mid").tempos == (Tempo(0, bpm),)


def test_meters_come_back_and_absurd_ones_are_left_out():
    signatures = ((480, 6, 3), (960, 0, 2), (970, 4, 99))
    events = [(tick, bytes((0xFF, 0x58, numerator, power, 24, 8))) for tick, numerator, power in signatures]
    assert read([*events, on(0), off(480)], end=1000).meters == (Meter(0, 4, 4), Meter(0.5, 6, 8))


def test_a_note_on_of_velocity_zero_ends_the_note():
    assert rows(read([on(0), on(480, velocity=0)])) == [(0.0, 0.5, 60, 80)]


def test_overlapping_notes_of_one_pitch_are_paired_first_in_first_out():
    score = read([on(0, velocity=10), on(480, velocity=20), off(960), off(1440)])
    assert rows(score) == [(0.0, 1.0, 60, 10), (0.5, 1.5, 60, 20)]


def test_a_note_struck_before_the_old_one_ends_at_the_same_tick():
    assert rows(read([on(0), on(480), off(480), off(960)])) == [(0.0, 0.5, 60, 80), (0.5, 1.0, 60, 80)]


def test_notes_that_never_end_last_as_long_as_their_track():
    assert rows(read([on(0), on(480, 62)], end=960)) == [(0.0, 1.0, 60, 80), (0.5, 1.0, 62, 80)]


def test_notes_of_no_length_last_a_tick_and_stray_offs_mean_nothing():
    assert rows(read([off(0), on(480), off(480), off(480)])) == [(0.5, 0.5 + 0.5 / 480, 60, 80)]


def test_all_notes_off_ends_what_sounds_on_its_channel():
    score = read([on(0), on(0, 62, channel=1), (480, bytes((0xB0, 123, 0))), off(960, 62, channel=1)])
    assert rows(score, 0) == [(0.0, 0.5, 60, 80)] and rows(score, 1) == [(0.0, 1.0, 62, 80)]


def test_the_sustain_pedal_holds_until_it_comes_up_or_the_key_is_struck_again():
    score = read([pedal(0, 127), on(0), off(240), on(480), off(600), on(0, 64), off(240, 64), pedal(960, 0)])
    assert rows(score) == [(0.0, 0.5, 60, 80), (0.0, 1.0, 64, 80), (0.5, 1.0, 60, 80)]


def test_the_pedal_belongs_to_its_channel_in_whatever_track():
    score = read([pedal(0, 127), pedal(960, 0)], [on(0), off(480)], [on(0, channel=1), off(480, channel=1)])
    assert rows(score, 0) == [(0.0, 1.0, 60, 80)] and rows(score, 1) == [(0.0, 0.5, 60, 80)]


def test_resetting_the_controllers_lifts_the_pedal():
    score = read([pedal(0, 127), on(0), off(240), (480, bytes((0xB0, 121, 0)))], end=960)
    assert rows(score) == [(0.0, 0.5, 60, 80)]


def test_channel_ten_is_drums_and_no_pitch():
    score = read([on(0, 38, channel=9), off(480, 38, channel=9), on(0), off(480)])
    assert [part.is_drum for part in score.parts] == [True, False]
    assert [note.pitch for note in score.notes] == [60]


def test_parts_are_tracks_channels_and_programs_with_names():
    name = (0, b"\xff\x03" + "Süß".encode("latin-1"))
    violin, flute = (0, bytes((0xC0, 40))), (960, bytes((0xC0, 73)))
    score = read([(0, b"\xff\x03Piece")], [name, violin, on(0), off(480)], [on(0, channel=2), off(9, channel=2)])
    assert [(part.name, part.program) for part in score.parts] == [("Süß", 40), ("channel 3", 0)]
    assert score.title == "Piece"
    assert [part.program for part in read([violin, on(0), off(480), flute, on(960), off(1440)]).parts] == [40, 73]


def test_sixteen_parts_are_written_without_using_the_drum_channel(tmp_path):
    parts = tuple(Part(f"p{i}", i, (Note(0, 1, 60 + i, 80),)) for i in range(20))
    Score(parts).write(tmp_path / "a.mid")
    again = Score.read(tmp_path / "a.mid")
    assert [part.name for part in again.parts] == [part.name for part in parts]
    assert [(part.program, part.is_drum) for part in again.parts] == [(part.program, False) for part in parts]


def test_long_pieces_stay_within_what_pretty_midi_reads(tmp_path):
    Score((Part("x", 0, (Note(0, 1, 60, 80), Note(20_000.0, 20_001.0, 62, 80))),)).write(tmp_path / "a.mid")
    assert len(pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments[0].notes) == 2
    assert Score.read(tmp_path / "a.mid").notes[1].onset_s == pytest.approx(20_000.0, abs=0.02)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=2, max_size=2)), max_size=20))
def test_events_come_back_from_bytes(drawn):
    events = tuple(sorted((tick, bytes((0x90, data[0] & 127, data[1] & 127))) for tick, data in drawn))
    midi = MidiFile(480, (MidiTrack(events, 2 * 10**6),))
    assert midifile.decode(midifile.encode(midi), "x") == midi


def test_running_status_long_numbers_system_exclusive_and_alien_chunks_are_read():
    body = b"\x00\x90\x3c\x50" + b"\x81\x70\x3e\x50" + b"\x00\xf0\x03\x01\x02\xf7" + b"\x00\xff\x01\x02hi"
    body += b"\x81\x70\x80\x3c\x00\x00\x3e\x00\x00\xff\x2f\x00ignored"
    data = b"MThd\0\0\0\x06\0\x01\0\x01\x01\xe0" + b"XFIH\0\0\0\x02ab"
    data += b"MTrk" + len(body).to_bytes(4, "big") + body
    score = midiscore.to_score(midifile.decode(data, "x"), "x")
    assert rows(score) == [(0.0, 0.5, 60, 80), (0.25, 0.5, 62, 80)]


def port(number):
    return 0, bytes((0xFF, 0x21, number))


def name(text, encoding="utf-8"):
    return 0, b"\xff\x03" + text.encode(encoding)


def program(tick, number, channel=0):
    return tick, bytes((0xC0 | channel, number))


def test_a_named_track_on_several_channels_is_one_part():
    strings = [event for i in range(4) for event in (on(480 * i, 60 + i, channel=i), off(480 * i + 480, 60 + i, channel=i))]
    guitar = [name("Guitar"), *(program(0, 24, channel=i) for i in range(4)), *strings]
    score = read([tempo(0, 500_000)], guitar)
    assert [(part.name, part.program, len(part.notes)) for part in score.parts] == [("Guitar", 24, 4)]
    assert len(read([tempo(0, 500_000)], guitar[1:]).parts) == 4


def test_a_player_who_changes_to_a_program_of_the_family_stays_one_part():
    bowed_then_plucked = [name("Violin"), program(0, 40), on(0), off(480), program(480, 45), on(480), off(960)]
    assert [(part.name, part.program) for part in read([tempo(0, 500_000)], bowed_then_plucked).parts] == [("Violin", 40)]
    doubling = [name("Reed"), program(0, 71), on(0), off(480), program(480, 73), on(480), off(960)]
    score = read([tempo(0, 500_000)], doubling)
    assert [(part.name, part.program) for part in score.parts] == [("Reed", 71), ("Reed", 73)]
    assert len(score.select("Reed").notes) == 2


def test_parts_of_one_name_are_selected_together():
    score = Score((Part("Flute", 73, (Note(0, 1, 60, 80),)), Part("Flute", 74, (Note(1, 2, 62, 80),)), Part("Harp", 46, ())))
    assert [note.pitch for note in score.select("flute").notes] == [60, 62]
    assert [note.pitch for note in score.select(1).notes] == [62]


def test_the_pedal_of_one_port_does_not_hold_the_other():
    first = [port(0), pedal(0, 127), on(0), off(480), pedal(1440, 0)]
    second = [port(1), on(0, 72), off(480, 72)]
    score = read(first, second)
    assert rows(score, 0) == [(0.0, 1.5, 60, 80)] and rows(score, 1) == [(0.0, 0.5, 72, 80)]


def test_sequences_of_format_2_have_their_own_tempo():
    tracks = [[tempo(0, 500_000), on(0), off(480)], [tempo(0, 1_000_000), on(0, 72), off(480, 72)]]
    made = tuple(MidiTrack(tuple(events), 480) for events in tracks)
    data = bytearray(midifile.encode(MidiFile(480, made)))
    data[9] = 2
    score = midiscore.to_score(midifile.decode(bytes(data), "a.mid"), "a.mid")
    assert rows(score, 0) == [(0.0, 0.5, 60, 80)] and rows(score, 1) == [(0.0, 1.0, 72, 80)]


@pytest.mark.parametrize("suffix", [".mid", ".rmi", ".kar", ".midi"])
def test_riff_wrappers_are_opened(tmp_path, suffix):
    inner = midifile.encode(midiscore.from_score(BUILTIN_TUNES["frere-jacques"]))
    info = b"LIST\x05\x00\x00\x00INFO1\x00"
    chunks = b"RMID" + info + b"data" + len(inner).to_bytes(4, "little") + inner
    (tmp_path / f"a{suffix}").write_bytes(b"RIFF" + len(chunks).to_bytes(4, "little") + chunks)
    assert len(Score.read(tmp_path / f"a{suffix}").notes) == len(BUILTIN_TUNES["frere-jacques"].notes)


@pytest.mark.parametrize("chunks", [b"RMID", b"RMIDdata\xff\xff\xff\xff", b"RMIDLIST\xff\xff\xff\x7f", b"WAVEfmt "])
def test_broken_riff_wrappers_are_one_sentence(chunks):
    with pytest.raises(OrchestrionError, match="a.mid is not a MIDI file"):
        midifile.decode(b"RIFF\x00\x00\x00\x00" + chunks, "a.mid")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ピアノ", "utf-8"), ("ピアノ", "shift_jis"), ("ギター", "euc-jp"), ("Скрипка", "cp1251"), ("Фортепиано", "koi8-r"), 
        ("小提琴 大提琴", "gbk"), ("피아노", "euc-kr"), ("Flöte", "latin-1"), ("Süße Flöte für Élise", "latin-1"),
        ("Flûte à bec; Clarinette é", "latin-1"), ("Ñandú guitarra española", "latin-1"), ("Violín y violão", "latin-1"),
    ],
)  # fmt: skip
def test_names_are_read_in_any_script(text, encoding):
    assert read([tempo(0, 500_000)], [name(text, encoding), on(0), off(480)]).parts[0].name == text
