import subprocess
import sys

import music21
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrion.reading.engraving import spelling
from orchestrion.score import BUILTIN_TUNES, Meter, Note, Part, Score, Tempo
from tests.strategies import grid_cells

HEAD = '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0">'
PARTS = '<part-list><score-part id="P1"><part-name>{name}</part-name></score-part></part-list>'


def note(step="C", octave=4, duration=4, extra="", before=""):
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{duration}</duration>{extra}<voice>1</voice></note>"


def musicxml(*measures, attributes="", name="Flute"):
    """Measures of quarters with four divisions; tempo 60, so that quarters are seconds."""
    setup = f"<attributes><divisions>4</divisions>{attributes}</attributes><direction><sound tempo='60'/></direction>"
    inner = "".join(
        f'<measure number="{number}">{setup if number == 1 else ""}{content}</measure>'
        for number, content in enumerate(measures, start=1)
    )
    return f"{HEAD}{PARTS.format(name=name)}<part id='P1'>{inner}</part></score-partwise>"


def read(tmp_path, text, name="a.musicxml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return Score.read(tmp_path / name)


def rows(score, part=0):
    return [(round(n.onset_s, 6), round(n.offset_s, 6), n.pitch) for n in score.parts[part].notes]


def test_notes_tempo_meter_and_names_are_read(tmp_path):
    attributes = "<time><beats>3</beats><beat-type>4</beat-type></time>"
    score = read(tmp_path, musicxml(note("C") + note("E", duration=8), attributes=attributes, name="Süß"))
    assert rows(score) == [(0, 1, 60), (1, 3, 64)]
    assert (score.tempos, score.meters) == ((Tempo(0, 60),), (Meter(0, 3, 4),))
    assert score.parts[0].name == "Süß"


def test_ties_are_merged_across_bars_and_in_chords(tmp_path):
    start, stop = "<tie type='start'/>", "<tie type='stop'/>"
    first = note("C", duration=16, extra=start) + note("E", duration=16, before="<chord/>")
    second = note("C", duration=4, extra=stop) + note("C", duration=4)
    assert rows(read(tmp_path, musicxml(first, second))) == [(0, 5, 60), (0, 4, 64), (5, 6, 60)]


def test_repeats_and_endings_are_written_out(tmp_path):
    end = "<barline location='right'><repeat direction='backward'/></barline>"
    assert rows(read(tmp_path, musicxml(note("C", duration=16) + end))) == [(0, 4, 60), (4, 8, 60)]
    abc = "X:1\nM:4/4\nL:1/4\nQ:1/4=60\nK:C\n|: C4 |1 D4 :|2 E4 |]\n"
    score = read(tmp_path, abc, "a.abc")
    assert [pitch for _, _, pitch in rows(score)] == [60, 62, 60, 64]
    assert [part.name for part in score.parts] == [
        ""
    ]  # nameless, so that the same file makes the same score every time


def test_transposing_instruments_sound_where_they_sound(tmp_path):
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    assert rows(read(tmp_path, musicxml(note("D"), attributes=clarinet))) == [(0, 1, 60)]


def test_grace_notes_take_their_time_from_the_note_they_ornament(tmp_path):
    grace = "<note><grace/><pitch><step>D</step><octave>4</octave></pitch><voice>1</voice></note>"
    score = read(tmp_path, musicxml(note("C") + grace + note("E")))
    assert rows(score) == [(0, 1, 60), (1, 1.125, 62), (1.125, 2, 64)]
    crowd = read(tmp_path, musicxml(grace * 8 + note("E")))
    assert rows(crowd)[-1] == (0.5, 1, 64) and len(rows(crowd)) == 9


def test_dynamics_become_velocity(tmp_path):
    def mark(sign):
        return f"<direction><direction-type><dynamics><{sign}/></dynamics></direction-type></direction>"

    score = read(tmp_path, musicxml(note() + mark("pp") + note() + mark("ff") + note()))
    plain, soft, loud = (note.velocity for note in score.notes)
    assert soft < plain < loud


def test_chord_symbols_rests_and_slurs_make_no_sound(tmp_path):
    score = read(tmp_path, 'X:1\nM:4/4\nL:1/4\nQ:1/4=60\nK:C\n"Am" (C z E) [CEG] |]\n', "a.abc")
    assert rows(score) == [(0, 1, 60), (2, 3, 64), (3, 4, 60), (3, 4, 64), (3, 4, 67)]


def test_tempo_marks_and_key_signatures_are_followed(tmp_path):
    score = read(tmp_path, "X:1\nT:Two tunes\nM:3/4\nL:1/4\nQ:1/4=120\nK:D\nF C A |]\n\nX:2\nK:C\nG |]\n", "a.abc")
    assert rows(score) == [(0, 0.5, 66), (0.5, 1, 61), (1, 1.5, 69)]
    assert (score.title, score.meters) == ("Two tunes", (Meter(0, 3, 4),))


def test_kern_is_read(tmp_path):
    kern = "**kern\t**kern\n*M4/4\t*M4/4\n=1\t=1\n2C\t4c\n.\t4d\n2G\t[4e\n.\t4e]\n==\t==\n*-\t*-\n"
    score = read(tmp_path, kern, "a.krn")
    found = sorted(row for index in range(len(score.parts)) for row in rows(score, index))
    assert found == [(0, 0.5, 60), (0, 1, 48), (0.5, 1, 62), (1, 2, 55), (1, 2, 64)]


def test_files_in_old_encodings_are_read(tmp_path):
    (tmp_path / "a.abc").write_bytes("X:1\nT:Süß\nM:4/4\nL:1/4\nK:C\nC4 |]\n".encode("latin-1"))
    assert Score.read(tmp_path / "a.abc").title == "Süß"
    (tmp_path / "a.xml").write_bytes(musicxml(note()).replace("UTF-8", "UTF-16").encode("utf-16"))
    assert rows(Score.read(tmp_path / "a.xml")) == [(0, 1, 60)]
    (tmp_path / "b.xml").write_bytes(musicxml(note(), name="Süß").replace("UTF-8", "ISO-8859-1").encode("latin-1"))
    assert Score.read(tmp_path / "b.xml").parts[0].name == "Süß"


def test_unpitched_notes_are_drums(tmp_path):
    stroke = "<note><unpitched><display-step>E</display-step><display-octave>4</display-octave></unpitched>"
    score = read(tmp_path, musicxml(stroke + "<duration>4</duration><voice>1</voice></note>" + note()))
    assert [(part.is_drum, len(part.notes)) for part in score.parts] == [(False, 1), (True, 1)]


def test_music21_streams_are_taken_over():
    stream = music21.converter.parse("tinyNotation: 4/4 c4 d e2~ e1")
    assert [(n.onset_s, n.offset_s, n.pitch) for n in Score.from_music21(stream).notes] == [
        (0, 0.5, 60),
        (0.5, 1, 62),
        (1, 4, 64),
    ]


@settings(max_examples=12, deadline=None)
@example(cells=[(19, 22, 40), (22, 26, 40), (26, 30, 40)], steps_per_beat=6, meter=(6, 8))
@given(
    cells=grid_cells(n_steps=36, pitches=st.integers(40, 90)),
    steps_per_beat=st.sampled_from([3, 4, 6]),
    meter=st.sampled_from([(4, 4), (6, 8)]),
)
def test_notes_on_paper_come_back(tmp_path_factory, cells, steps_per_beat, meter):
    if not cells:
        return
    step_s = 0.5 / steps_per_beat
    notes = tuple(Note(start * step_s, stop * step_s, pitch, 80) for start, stop, pitch in cells)
    score = Score((Part("x", 40, notes),), (Tempo(0, 120),), (Meter(0, *meter),), "Title")
    path = tmp_path_factory.mktemp("xml") / "a.musicxml"
    score.write(path)
    again = Score.read(path)
    assert [(round(n.onset_s / step_s, 3), round(n.offset_s / step_s, 3), n.pitch) for n in again.notes] == [
        (start, stop, pitch) for start, stop, pitch in sorted(cells, key=lambda cell: (cell[0], cell[2]))
    ]
    assert (again.tempos, again.meters, again.title) == (score.tempos, score.meters, score.title)
    assert (again.parts[0].name, again.parts[0].program) == ("x", 40)


def test_tempo_and_meter_changes_come_back_from_musicxml(tmp_path):
    notes = tuple(Note(float(at), at + 1.0, 60 + at, 100) for at in range(6))
    score = Score((Part("a", 0, notes),), (Tempo(0, 120), Tempo(2, 60)), (Meter(0, 4, 4), Meter(2, 2, 4)))
    score.write(tmp_path / "a.musicxml")
    again = Score.read(tmp_path / "a.musicxml")
    assert (again.tempos, again.meters) == (score.tempos, score.meters)
    assert rows(again) == rows(score)
    assert {note.velocity for note in again.notes} == {100}


def test_same_score_same_musicxml_in_another_process_and_on_another_day(tmp_path):
    code = "import sys; from orchestrion.score import Score; Score.read('greensleeves').write(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b.xml")], check=True)
    BUILTIN_TUNES["greensleeves"].write(tmp_path / "a.xml")
    written = (tmp_path / "a.xml").read_bytes()
    assert written == (tmp_path / "b.xml").read_bytes()
    assert b"encoding-date" not in written and b"<creator" not in written


def test_a_pickup_is_kept_on_writing(tmp_path):
    tune = "X:1\nM:3/4\nL:1/4\nQ:1/4=60\nK:C\nG | c B A | G2 F | E3 |]\n"
    score = read(tmp_path, tune, "a.abc")
    score.write(tmp_path / "b.musicxml")
    written = (tmp_path / "b.musicxml").read_text()
    assert '<measure implicit="yes" number="0"' in written and written.count("<measure") == 4
    assert written.count("<time>") == 1 and "<beats>3</beats>" in written
    again = Score.read(tmp_path / "b.musicxml")
    assert again.meters == score.meters == (Meter(0, 1, 4), Meter(1, 3, 4)) and rows(again) == rows(score)


def first_staff(path):
    return music21.converter.parse(path).parts[0]


def scale(tonic, steps, name=""):
    notes = tuple(Note(0.5 * number, 0.5 * number + 0.5, tonic + step, 80) for number, step in enumerate(steps))
    return Score((Part(name, 0, notes),))


def test_what_is_written_has_its_key_signature_and_no_accidentals_but_those_outside(tmp_path):
    path = tmp_path / "e-flat.musicxml"
    scale(63, (0, 2, 4, 5, 7, 9, 11, 12, 5, 6)).write(path)
    staff = first_staff(path)
    assert [signature.sharps for signature in staff.recurse().getElementsByClass("KeySignature")] == [-3]
    assert [each.name for each in staff.flatten().notes] == ["E-", "F", "G", "A-", "B-", "C", "D", "E-", "A-", "A"]
    text = path.read_text()
    assert text.count("<accidental>") == 1 and "<accidental>natural</accidental>" in text


@given(st.integers(0, 127), st.integers(-5, 6))
def test_a_spelling_is_of_the_note_and_the_scale_is_spelled_by_its_signature(pitch, sharps):
    name, octave = spelling(pitch, sharps)
    assert music21.pitch.Pitch(name, octave=octave).midi == pitch
    altered = {each.name for each in music21.key.KeySignature(sharps).alteredPitches}
    in_scale = {letter for letter in "CDEFGAB" if not any(each[0] == letter for each in altered)} | altered
    tonic = 7 * sharps % 12
    if (pitch - tonic) % 12 in (0, 2, 4, 5, 7, 9, 11):
        assert name in in_scale


def test_the_leading_note_of_a_minor_key_is_raised():
    assert [spelling(pitch, sharps)[0] for pitch, sharps in ((68, 0), (61, -1), (71, -3), (70, 2))] == ["G#", "C#", "B", "A#"]


def test_low_parts_are_written_in_the_bass_clef(tmp_path):
    path = tmp_path / "duo.musicxml"
    high, low = scale(72, (0, 4, 7)).parts[0], scale(40, (0, 4, 7)).parts[0]
    Score((high, low)).write(path)
    clefs = [part.recurse().getElementsByClass("Clef").first().sign for part in music21.converter.parse(path).parts]
    assert clefs == ["G", "F"]


def test_a_score_without_a_title_is_written_without_one(tmp_path):
    path = tmp_path / "a.musicxml"
    scale(60, (0, 2)).write(path)
    assert "title" not in path.read_text()
    assert Score.read(path).title == ""
