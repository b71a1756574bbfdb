"""Pitch, accidentals, lengths, rests, ties, tuplets, chords, grace notes (ABC 2.1, section 4)."""

import pytest

from tests.reading.abc.tunes import ignored, lengths, letters, pitches, rows


def test_octaves():
    assert pitches("C,, C, C c c' c''") == [36, 48, 60, 72, 84, 96]


@pytest.mark.parametrize(
    ("music", "key", "found"),
    [
        ("^F F | F", "C", [66, 66, 65]),
        ("^F f F, | f", "C", [66, 78, 54, 77]),
        ("=F F | F", "G", [65, 65, 66]),
        ("_B =B B ^^c __d", "F", [70, 71, 71, 74, 72]),
        ("^F [K:D] G F [K:C] F", "C", [66, 67, 66, 66]),
        ("^F- | F F", "C", [66, 65]),
        ("^F- | F- | F F", "C", [66, 65]),
        ("^F- | =F F", "C", [66, 65, 65]),
    ],
)
def test_accidentals_last_to_the_bar_line_and_over_it_with_a_tie_alone(music, key, found):
    assert pitches(music, key=key) == found


@pytest.mark.parametrize(("how", "found"), [("not", [66, 65, 77]), ("octave", [66, 66, 77]), ("pitch", [66, 66, 78])])
def test_propagation_of_accidentals_can_be_told(how, found):
    assert pitches("^F F f", header=f"%%propagate-accidentals {how}\n") == found
    assert pitches("^F F f", header=f"I:propagate-accidentals {how}\n") == found


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("G", [60, 66, 71]), ("Gmaj", [60, 66, 71]), ("F", [60, 65, 70]), ("Am", [60, 65, 71]), ("Cm", [60, 65, 70]),
        ("D dorian", [60, 65, 71]), ("AMix", [61, 66, 71]), ("E Phr", [60, 65, 71]), ("F#m", [61, 66, 71]),
        ("Bb", [60, 65, 70]), ("C LYD", [60, 66, 71]), ("B loc", [60, 65, 71]), ("none", [60, 65, 71]), ("", [60, 65, 71]),
        ("HP", [61, 66, 71]), ("Hp", [61, 66, 71]), ("C ^f _b", [60, 66, 70]), ("C ^f_b", [60, 66, 70]),
        ("G exp _B", [60, 65, 70]), ("D =c", [60, 66, 71]), ("C#", [61, 66, 72]), ("Cb", [59, 64, 70]),
        ("G clef=bass", [60, 66, 71]), ("G bass", [60, 66, 71]), ("C treble-8", [48, 53, 59]), ("C clef=treble+8", [72, 77, 83]),
        ("C octave=1", [72, 77, 83]), ("C transpose=-2", [58, 63, 69]), ("C clef=bass octave=-1", [48, 53, 59]),
    ],
)  # fmt: skip
def test_keys_clefs_and_transpositions(key, found):
    assert pitches("C F B", key=key) == found


def test_lengths():
    assert lengths("A A2 A/ A/2 A// A3/2 A3/ A/4 A3/4") == [1, 2, 0.5, 0.5, 0.25, 1.5, 1.5, 0.25, 0.75]
    assert lengths("A A", meter="2/4", unit="1/8") == [0.5, 0.5]


@pytest.mark.parametrize(("meter", "length"), [("2/4", 0.25), ("3/4", 0.5), ("C", 0.5), ("C|", 0.5), ("none", 0.5)])
def test_the_unit_follows_the_meter_where_none_is_given(meter, length):
    from orchestrion.reading import abc
    from orchestrion.reading.unfolding import unfold

    score = unfold(abc.read(f"X:1\nM:{meter}\nQ:1/4=60\nK:C\nA\n", "a.abc"))
    assert [note.offset_s for note in score.notes] == [length]


def test_broken_rhythm():
    assert lengths("A>B A<B A>>B A<<<B") == [1.5, 0.5, 0.5, 1.5, 1.75, 0.25, 0.125, 1.875]
    assert lengths("A > B | A>|B") == [1.5, 0.5, 1.5, 0.5]
    assert rows("[CE]>z C") == [(0, 1.5, 60), (0, 1.5, 64), (2, 3, 60)]
    assert lengths("A<B<c") == [0.5, 0.75, 1.5]
    assert lengths("A2>{g}B2")[0::2] == [3, 0.875]


def test_tuplets():
    third = round(2 / 3, 4)
    assert lengths("(3ABc d") == [third, third, third, 1]
    assert lengths("(3:2:2Ac d") == [third, third, 1]
    assert lengths("(3::4ABcd e") == [third] * 4 + [1]
    assert lengths("(3:4AAA") == pytest.approx([4 / 3] * 3, abs=1e-3)
    assert lengths("(2AB", meter="6/8", unit="1/8") == [0.75, 0.75]
    assert lengths("(4ABcd", meter="6/8", unit="1/8") == [0.375] * 4
    assert lengths("(5ABcde") == [0.4] * 5
    assert lengths("(5ABcde", meter="9/8", unit="1/8") == [0.3] * 5
    assert lengths("((3ABc) ((3(def))")[:3] == [third] * 3
    assert rows("(3AzA B")[-2:] == [(1.3333, 2, 69), (2, 3, 71)]
    assert lengths("(3{g}A>BA")[1:3] == [0.875, 0.3333]


def test_rests_visible_invisible_and_of_whole_bars():
    assert rows("C z2 x D y E") == [(0, 1, 60), (4, 5, 62), (5, 6, 64)]
    assert rows("C4 | Z2 | X | D4") == [(0, 4, 60), (16, 20, 62)]
    assert rows("Z | C", meter="3/4") == [(3, 4, 60)]
    assert rows("[z2] C") == [(2, 3, 60)]


def test_ties():
    assert rows("A2- | A2 A2-A") == [(0, 4, 69), (4, 7, 69)]
    assert rows("[CE]- [CE] E") == [(0, 2, 60), (0, 2, 64), (2, 3, 64)]
    assert rows("[C-E] [CE]") == [(0, 2, 60), (0, 1, 64), (1, 2, 64)]
    assert rows("A -A") == [(0, 2, 69)]
    assert rows("A |-A") == [(0, 2, 69)]
    assert rows("A-B") == [(0, 1, 69), (1, 2, 71)]
    assert rows("A- z A") == [(0, 1, 69), (2, 3, 69)]
    assert rows("|: A |1 B- :|2 c- |] c") == [(0, 1, 69), (1, 2, 71), (2, 3, 69), (3, 5, 72)]


def test_a_tie_reaches_every_ending():
    assert rows("|: G- |1 G :|2 G2 |]") == [(0, 2, 67), (2, 5, 67)]


def test_chords():
    assert rows("[C2E2] [CE]2 [CE]/ [C2E]") == [
        (0, 2, 60), (0, 2, 64), (2, 4, 60), (2, 4, 64), (4, 4.5, 60), (4, 4.5, 64), (4.5, 6.5, 60), (4.5, 5.5, 64),
    ]  # fmt: skip
    assert pitches("[^CE] C | C") == [61, 64, 61, 60]
    assert rows("[] C") == [(0, 1, 60)]


def test_grace_notes_take_their_time_from_the_next_note():
    assert rows("{d}C {/eg}D") == [(0, 0.125, 74), (0.125, 1, 60), (1, 1.125, 76), (1.125, 1.25, 79), (1.25, 2, 62)]
    assert rows("C {d} | z D")[1:] == [(2, 2.125, 74), (2.125, 3, 62)]


@pytest.mark.parametrize(
    "music",
    [
        '"Am"C D "F/c"E F', '">E" C "_D" D "<(" ">)" E F', "!trill!C +fermata+D !>!E .F", "~C HD TE uF", "C D`E\\\nF",
        "(CD) .(EF)", "C D E F % G A B", "C D $ E F", "C D [r: a remark] E F", "C D [I:setbarnb 3] E [N:note] F",
        "C D\nw: la la-la * | la_\nE F\ns: !f! * *", "C D\n%%text G A B\nE F", "C D\n%%begintext\nG A B\n%%endtext\nE F",
        "C D\nr: G A B\nE F", "C D !\nE F", "C y2 D E F", "C D\nW: G A B\nE F",
    ],
)  # fmt: skip
def test_what_makes_no_sound_is_skipped(music):
    assert letters(music) == "CDEF"


def test_dynamics_become_velocity_and_stay():
    from tests.reading.abc.tunes import score

    velocities = [note.velocity for note in score("C !pp!D E !ff!F").notes]
    assert velocities[1] == velocities[2] < velocities[0] < velocities[3]


def test_what_means_nothing_is_told_once():
    assert letters("C @ D ? E") == "CDE"
    assert ignored("C @ D\n? E ; F") == ["characters that mean nothing in ABC (the first is '@' in line 5)"]
    assert ignored("m: ~n2 = (3o/n/m/ n\nC") == ["macros (m:)"]
    assert ignored('C "^D.C. al Fine" D') == ['the annotation "D.C" (a jump is written !D.C.!, !D.S.!, !fine!)']
    assert ignored('Q:"Allegro"\nC') == ["the tempo '\"Allegro\"', which has no number"]
    assert ignored("%%MIDI gchord fzcz\nC") == ["%%MIDI gchord"]
    assert ignored("C D E F") == []
