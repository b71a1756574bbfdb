"""Repeats, jumps, voices, staves, ties, cues and containers of MusicXML; a quarter lasts a second."""

import io
import zipfile

import pytest

from orchestrion.reading import musicxml
from orchestrion.reading.unfolding import unfold
from orchestrion.score import Meter

PITCHES = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 67, "A": 69}
DC, DS = "<sound dacapo='yes'/>", "<sound dalsegno='s'/>"


def note(step="C", quarters=4, extra="", voice="1", before="", octave=4):
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{4 * quarters}</duration>{extra}<voice>{voice}</voice></note>"


def barline(location, inner):
    return f"<barline location='{location}'>{inner}</barline>"


START, END = barline("left", "<repeat direction='forward'/>"), barline("right", "<repeat direction='backward'/>")


def ending(number, content, back=False, kind="stop"):
    repeat = "<repeat direction='backward'/>" if back else ""
    close = f"<ending number='{number}' type='{kind}'/>"
    return barline("left", f"<ending number='{number}' type='start'/>") + content + barline("right", close + repeat)


def words(text, sound=""):
    return f"<direction><direction-type><words>{text}</words></direction-type>{sound}</direction>"


def sign(name):
    return f"<direction><direction-type><{name}/></direction-type></direction>"


def document(*parts, attributes="<divisions>4</divisions>", head=""):
    names = "".join(
        f"<score-part id='P{i}'><part-name>Part {i}</part-name>{head}</score-part>" for i in range(len(parts))
    )
    body = ""
    for i, measures in enumerate(parts):
        setup = f"<attributes>{attributes}</attributes><sound tempo='60'/>"
        inner = "".join(f"<measure number='{n}'>{setup if not n else ''}{m}</measure>" for n, m in enumerate(measures))
        body += f"<part id='P{i}'>{inner}</part>"
    return f"<score-partwise><part-list>{names}</part-list>{body}</score-partwise>".encode()


def score(*parts, **more):
    return unfold(musicxml.read(document(*parts, **more), "a.xml"))


def rows(made, part=0):
    return [(round(n.onset_s, 4), round(n.offset_s, 4), n.pitch) for n in made.parts[part].notes]


def played(*measures):
    letters = {pitch: letter for letter, pitch in PITCHES.items()}
    return "".join(letters[n.pitch] for n in score(measures).parts[0].notes)


C, D, E, F = (note(step) for step in "CDEF")


@pytest.mark.parametrize(
    ("measures", "found"),
    [
        ((START + C, D + END, E), "CDCDE"), ((C, D + END, E, F + END), "CDCDEFEF"), ((C + END, START + D + END), "CCDD"),
        ((C, ending("1", D, back=True), ending("2", E, kind="discontinue"), F), "CDCEF"),
        ((C, ending("1,2", D, back=True), ending("3", E)), "CDCDCE"), ((C, ending("1-2", D, back=True), ending("3", E)), "CDCDCE"),
        ((C, D + barline("right", "<repeat direction='backward' times='3'/>"), E), "CDCDCDE"),
        ((C + words("Ende", "<sound fine='yes'/>"), D + words("von vorn", DC)), "CDC"),
        ((C + words("Fine"), D + words("D.C. al Fine")), "CDC"), ((C, D + words("Da Capo")), "CDCD"),
        ((C, sign("segno") + D + words("Fine"), E + words("D.S. al Fine")), "CDED"),
        ((C, "<sound segno='s'/>" + D + "<sound fine='yes'/>", E + DS), "CDED"),
        ((C + words("To Coda"), D + words("D.C. al Coda"), sign("coda") + E), "CDCE"),
        ((C + sign("coda"), D + words("D.C. al Coda"), sign("coda") + E), "CDCE"),
        ((C + "<sound tocoda='x'/>", D + DC, "<sound coda='x'/>" + E), "CDCE"),
        ((START + C + END, D + words("D.C.")), "CCDCD"),
    ],
)  # fmt: skip
def test_repeats_and_jumps(measures, found):
    assert played(*measures) == found


def test_all_parts_follow_signs_that_stand_in_one():
    for top, low in (((START + C + END, D), (E, F)), ((C, D), (START + E + END, F))):
        made = score(top, low)
        assert [n.pitch for n in made.parts[0].notes] == [60, 60, 62] and [n.pitch for n in made.parts[1].notes] == [
            64,
            64,
            65,
        ]


def test_cue_notes_are_silent_and_take_their_time():
    assert rows(score([note("C", 1) + note("G", 1, before="<cue/>") + note("D", 1)])) == [(0, 1, 60), (2, 3, 62)]


def test_a_grace_note_belongs_to_its_own_voice():
    grace = "<note><grace/><pitch><step>D</step><octave>5</octave></pitch><voice>2</voice></note>"
    back = "<backup><duration>16</duration></backup>"
    made = score([C + back + grace + note("E", 4, voice="2")])
    assert rows(made) == [(0, 4, 60), (0, 0.125, 74), (0.125, 4, 64)]


def test_ties_stay_in_their_voice_and_cross_voices_where_there_is_no_other():
    start, stop, back = "<tie type='start'/>", "<tie type='stop'/>", "<backup><duration>16</duration></backup>"
    rest = "<note><rest/><duration>8</duration><voice>2</voice></note>"
    first = note("C", 4, start) + back + rest + note("C", 2, start, voice="2")
    second = note("C", 4, stop) + back + note("C", 4, stop, voice="2")
    assert rows(score([first, second])) == [(0, 8, 60), (2, 8, 60)]
    assert rows(score([note("C", 4, start), note("C", 4, stop, voice="2")])) == [(0, 8, 60)]
    assert rows(score([note("C", 4, start), note("C", 4)])) == [(0, 4, 60), (4, 8, 60)]
    tied = "<notations><tied type='{}'/></notations>"
    assert rows(score([note("C", 4, tied.format("start")), note("C", 4, tied.format("stop"))])) == [(0, 8, 60)]


def test_a_tie_reaches_a_second_ending():
    first = ending("1", note("C", 4, "<tie type='stop'/>"), back=True)
    second = ending("2", note("C", 4, "<tie type='stop'/>"))
    assert rows(score([note("C", 4, "<tie type='start'/>"), first, second])) == [(0, 8, 60), (8, 16, 60)]


def test_staves_of_one_part_are_one_player():
    back = "<backup><duration>16</duration></backup>"
    made = score(
        [C + back + note("E", 4, "<staff>2</staff>", voice="5"), D],
        attributes="<divisions>4</divisions><staves>2</staves>",
    )
    assert rows(made) == [(0, 4, 60), (0, 4, 64), (4, 8, 62)] and len(made.parts) == 1


def test_a_tempo_without_sound_and_a_dotted_one():
    mark = "<direction><direction-type><metronome><beat-unit>{}</beat-unit>{}<per-minute>{}</per-minute></metronome></direction-type></direction>"
    for unit, dot, bpm in (("eighth", "", "60"), ("half", "<beat-unit-dot/>", "c. 10"), ("quarter", "", "30 - 40")):
        assert score([mark.format(unit, dot, bpm) + note("C", 1)]).tempos[0].bpm == 30


def test_offsets_of_directions_count_where_they_sound():
    slow = "<direction>{}<offset{}>8</offset><sound tempo='30'/></direction>"
    assert rows(score([slow.format("", " sound='yes'") + note("C", 2) + note("D", 1)])) == [(0, 2, 60), (2, 4, 62)]
    assert rows(score([slow.format("", "") + note("C", 1)])) == [(0, 2, 60)]


def test_a_dynamic_mark_holds_for_a_voice_that_comes_later_in_the_file():
    mark = "<direction><direction-type><dynamics><{}/></dynamics></direction-type></direction>"
    back = "<backup><duration>16</duration></backup>"
    made = score(
        [mark.format("pp") + note("C", 2) + mark.format("ff") + note("D", 2) + back + note("E", 2, voice="2"), F]
    )
    loud = {n.pitch: n.velocity for n in made.notes}
    assert loud[60] == loud[64] < loud[62] == loud[65]


def test_drums_by_channel_and_by_unpitched_notes():
    kit = "<score-instrument id='I'/><midi-instrument id='I'><midi-unpitched>43</midi-unpitched></midi-instrument>"
    stroke = "<note><unpitched/><duration>4</duration><instrument id='I'/><voice>1</voice></note>"
    made = score([stroke + C], head=kit)
    assert [(part.is_drum, [n.pitch for n in part.notes]) for part in made.parts] == [(False, [60]), (True, [42])]
    channel = "<midi-instrument id='I'><midi-channel>10</midi-channel><midi-program>5</midi-program></midi-instrument>"
    assert score([C], head=channel).parts[0].is_drum


def test_pickups_empty_measures_and_odd_meters():
    time = "<divisions>4</divisions><time><beats>{}</beats><beat-type>{}</beat-type></time>"
    assert score([note("C", 1), D], attributes=time.format(4, 4)).meters == (Meter(0, 1, 4), Meter(1, 4, 4))
    assert rows(score(["", C], attributes=time.format(3, 4))) == [(3, 7, 60)]
    assert score([C], attributes=time.format("3+2", 8)).meters == (Meter(0, 5, 8),)


def test_packed_and_plain_files_are_told_by_their_bytes(tmp_path):
    from orchestrion.score import Score

    plain, packed = document([C]), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("score.xml", plain)
    (tmp_path / "plain.mxl").write_bytes(plain)
    (tmp_path / "packed.musicxml").write_bytes(packed.getvalue())
    assert [n.pitch for name in ("plain.mxl", "packed.musicxml") for n in Score.read(tmp_path / name).notes] == [60, 60]


def test_namespaces_and_timeless_notes_do_no_harm():
    data = document([C + note("D", 0)]).replace(b"<score-partwise>", b"<score-partwise xmlns='http://example.org/m'>")
    assert rows(unfold(musicxml.read(data, "a"))) == [(0, 4, 60)]
