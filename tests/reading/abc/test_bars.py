"""Repeats, endings, jumps, parts, fields in the body, voices, files (ABC 2.1, sections 2, 3, 4.8 to 4.10 and 7)."""

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.reading import abc
from orchestrion.reading.unfolding import unfold
from orchestrion.score import Meter
from tests.reading.abc.tunes import ignored, lengths, letters, pitches, rows, score


@pytest.mark.parametrize(
    ("music", "played"),
    [
        ("|: C | D :|", "CDCD"), ("C | D :|", "CDCD"), ("C | D :| E | F :|", "CDCDEFEF"), ("|: C :: D :|", "CCDD"),
        ("C::D:|", "CCDD"), ("|: C :|: D :|", "CCDD"), ("|: C :||: D :|", "CCDD"), ("|:: C ::| D", "CCCD"),
        ("C || D :|", "CDD"), ("|: C || D :|", "CDCD"), ("C |] D :|", "CDD"), ("C | D |\n|: E :|", "CDEE"),
        ("|: C :|\n|: D :|", "CCDD"), ("|: C |\n:| D", "CCD"), ("C |||: D :|", "CDD"),
        ("|: C |1 D :|2 E |]", "CDCE"), ("|: C [1 D :| [2 E |]", "CDCE"), ("|: C |[1 D :|[2 E ||", "CDCE"),
        ("C |1 D :|2 E |", "CDCE"), ("|: C |1 D | E :|2 F | G |]", "CDECFG"), ("|: C | 1 D :| 2 E |]", "CDCE"),
        ("|: C |1,2 D :|3 E |]", "CDCDCE"), ("|: C |1-2 D :|3 E |]", "CDCDCE"), ("|: C |1 D :|2 E :|3 F |]", "CDCECF"),
        ("|: C |1 D :|2 E || F | G :|", "CDCEFGFG"), ("|: C |1 D :|2 E || F |1 G :|2 A |]", "CDCEFGFA"),
        ("|: C |1 D :|2 E |: F :|", "CDCEFF"), ("|: C |1 D :|2 E :|", "CDCE"),
        ("C D !D.C.!|", "CDCD"), ("C !fine!| D !D.C.!|]", "CDC"), ("C !fine!| D |] !D.C.!", "CDC"),
        ("C | !segno!D !fine!| E !D.S.!|]", "CDED"), ("C | SD !fine!| E !D.S.!|]", "CDED"),
        ("C !dacoda!| D !D.C.!| !coda!E |]", "CDCE"), ("C !coda!| D !D.C.!| !coda!E |]", "CDCE"),
        ("C O| D !D.C.alcoda!| OE |]", "CDCE"), ("|: C :| D !dacapo!|]", "CCDCD"),
    ],
)  # fmt: skip
def test_repeats_endings_and_jumps(music, played):
    assert letters(music) == played


@pytest.mark.parametrize(
    ("order", "played"),
    [("AAB", "CCD"), ("ABA", "CDC"), ("(AB)2", "CDCD"), ("A2.B", "CCD"), ("((AB)2A)2", "CDCDCCDCDC"), ("BA", "DC")],
)
def test_parts_are_played_in_the_order_of_the_header(order, played):
    assert letters("P:A\nC |\nP:B\nD |", header=f"P:{order}\n") == played
    assert letters("[P:A] C | [P:B] D |", header=f"P:{order}\n") == played


def test_parts_keep_their_own_repeats_and_missing_ones_are_told():
    assert letters("P:A\n|: C :|\nP:B\nD |", header="P:ABA\n") == "CCDCC"
    assert letters("P:A\nC |\nP:B\nD |") == "CD"
    assert ignored("P:A\nC |", header="P:AX\n") == ["the parts X of P:AX, which are not marked in the tune"]
    assert letters("E |\nP:A\nC |", header="P:AA\n") == "ECC"


def test_fields_in_the_body_on_lines_and_within_them():
    for field in ("\nK:D\n", " [K:D] "):
        assert pitches(f"F |{field}F |") == [65, 66]
    for field in ("\nL:1/8\n", " [L:1/8] "):
        assert lengths(f"F |{field}F |") == [1, 0.5]
    for field in ("\nQ:1/4=120\n", " [Q:1/4=120] "):
        assert rows(f"F |{field}F F |") == [(0, 1, 65), (1, 1.5, 65), (1.5, 2, 65)]
    for field in ("\nM:3/4\n", " [M:3/4] "):
        assert score(f"F4 |{field}F3 |").meters == (Meter(0, 4, 4), Meter(4, 3, 4))
    # A change of meter leaves the unit length.
    assert lengths("F | [M:2/4] F |", unit="1/8") == [0.5, 0.5]


def test_a_repeat_goes_back_into_the_tempo_in_which_it_stands():
    assert lengths("|: C | [Q:1/4=120] D :|") == [1, 0.5, 1, 0.5]


@pytest.mark.parametrize(
    ("tempo", "quarter"),
    [("1/4=60", 1), ("1/8=120", 1), ("3/8=40", 1), ('"Slow" 1/4=60', 1), ('1/4=60 "Slow"', 1), ("60", 1), ("C=240", 1),
     ("1/4 1/8=40", 1), ("1/2=60", 0.5), ("C2=120", 1)],
)  # fmt: skip
def test_tempos(tempo, quarter):
    text = f"X:1\nM:4/4\nL:1/16\nQ:{tempo}\nK:C\nC4 |]\n"
    assert [note.offset_s for note in unfold(abc.read(text, "a")).notes] == pytest.approx([quarter])


def test_a_pickup_has_a_meter_of_its_own():
    assert score("G | C D E F | C3 |]").meters == (Meter(0, 1, 4), Meter(1, 4, 4))
    assert score("G/ | C D E F |]").meters == (Meter(0, 1, 8), Meter(0.5, 4, 4))
    assert score("C D E F | C3 |]").meters == (Meter(0, 4, 4),)


VOICES = 'V:1 name="Fiddle"\nV:2 name="Cello" octave=-1 clef=bass\n'


@pytest.mark.parametrize(
    "music",
    ["[V:1] C D |\n[V:2] E2 |\n[V:1] E |]\n[V:2] G |]", "V:1\nC D |\nE |]\nV:2\nE2 |\nG |]",
     "V:1\nC D |\nV:2\nE2 |\nV:1\nE |]\nV:2\nG |]", "[V:1] C D | [V:2] E2 | [V:1] E |] [V:2] G |]"],
)  # fmt: skip
def test_voices_sound_together(music):
    made = score(music, header=VOICES)
    assert [part.name for part in made.parts] == ["Fiddle", "Cello"]
    assert rows(music, 0, header=VOICES) == [(0, 1, 60), (1, 2, 62), (2, 3, 64)]
    assert rows(music, 1, header=VOICES) == [(0, 2, 52), (2, 3, 55)]


def test_voices_are_named_in_the_header_or_where_they_begin():
    music = 'V:1 name="Fiddle"\nC |\nV:2 nm="Bass"\nE |\n[V:3] G |\n'
    assert [part.name for part in score(music).parts] == ["Fiddle", "Bass", "3"]
    assert [part.name for part in score("C |").parts] == [""]


def test_voices_follow_one_order_wherever_the_signs_stand():
    music = "V:1\n|: C D :| E F |]\nV:2\nG2 | A2 |]\n"
    assert rows(music, 1) == [(0, 2, 67), (2, 4, 67), (4, 6, 69)]
    uneven = "V:1\n|: C D | E F :| G2 |]\nV:2\nA4 | B2 |]\n"
    assert rows(uneven, 1) == [(0, 4, 69), (4, 8, 69), (8, 10, 71)]


def test_a_voice_keeps_its_own_key_length_and_transposition():
    music = "V:1\n[K:D] [L:1/8] F F |\nV:2\nF |\n"
    assert (rows(music, 0), rows(music, 1)) == ([(0, 0.5, 66), (0.5, 1, 66)], [(0, 1, 65)])
    assert rows("V:1\nC |\nV:2 transpose=-12\nC |\n", 1) == [(0, 1, 48)]
    assert rows("V:1\nC |\nV:2\nC |\n", 1, key="C octave=-1") == [(0, 1, 48)]


def test_overlays():
    assert rows("C4 & E2 G2 | D") == [(0, 4, 60), (0, 2, 64), (2, 4, 67), (4, 5, 62)]
    assert rows("C4- & E4 | C & D") == [(0, 5, 60), (0, 4, 64), (4, 5, 62)]


def test_instruments_of_voices():
    header = "%%MIDI program 73\nV:1\nV:2\n%%MIDI program 42\n"
    assert [part.program for part in score("V:1\nC|\nV:2\nC|", header=header).parts] == [73, 42]
    assert score("%%MIDI program 1 40\nC|").parts[0].program == 40
    assert score("%%MIDI channel 10\nC|").parts[0].is_drum
    assert pitches("%%MIDI transpose 2\nC|") == [62]


def test_the_first_of_several_tunes_is_read_and_that_is_told():
    written = abc.read("L:1/4\n\nX:7\nT:One\nK:C\nC D |]\n\nX:8\nK:C\nE |]\n\nX:9\nK:C\nF |]\n", "a.abc")
    assert written.title == "One" and [note.pitch for note in unfold(written).notes] == [60, 62]
    assert written.ignored == ["all tunes of the file but the first (there are 3)"]
    assert unfold(written).notes[0].offset_s == 0.5  # the file header holds for all tunes


def test_an_empty_line_ends_a_tune():
    assert letters("C D |\n\nwords about it: a C") == "CD"
    assert ignored("C D |\n\nE F |") == ["the music after the empty line that ends the tune (line 6)"]
    assert letters("\nC D |") == "CD"


def test_line_ends_of_all_systems_and_continued_fields():
    assert unfold(abc.read("X:1\r\nT:A\r\n+:B\r\nM:4/4\r\nL:1/4\r\nK:C\r\nC D \\\r\nE|\r\n", "a")).title == "A"


@pytest.mark.parametrize("music", ["A9999", "A9999 " * 2000, "|:" * 5000 + "A" + ":|" * 5000, "Z19000 | C"])
def test_long_notes_and_many_signs_cost_nothing(music):
    abc.read(f"X:1\nM:4/4\nL:1/8\nK:C\n{music}\n", "a.abc")


@pytest.mark.parametrize(
    ("music", "reason"),
    [
        ("A99999999", "beyond measure"), ("A/0", "length 0"), ("A0", "length 0"), ("A/9999", "beyond measure"),
        ("Z99999 |", "more than 20,000 measures"), ("A|" * 20_001, "more than 20,000 measures"),
        ("A/101A/103A/107A/109A/113A/127A/131A/137A/139A/149", "no common unit"), ("[CE | G", "a chord is broken"),
        ('C "Am D', "never closed"), ("{CD E", "grace notes are broken"), ("A" * 200_001, "more than 200,000"),
    ],
)  # fmt: skip
def test_the_absurd_is_refused_with_its_line(music, reason):
    with pytest.raises(OrchestrionError, match=reason) as caught:
        abc.read(f"X:1\nM:4/4\nL:1/8\nK:C\n{music}\n", "a.abc")
    assert str(caught.value).startswith("a.abc, line 5: ")


def test_parts_that_would_never_end_are_refused():
    with pytest.raises(OrchestrionError, match="20,000 parts"):
        score("P:A\nC|", header="P:((((A9999)9999)9999)9999)\n")
    with pytest.raises(OrchestrionError, match="20,000 measures"):
        score("P:A\nC|D|E|", header="P:A9999\n")
    assert letters("P:A\nC|", header="P:A123456\n") == "C"
