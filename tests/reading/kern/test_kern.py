"""Spines, rhythms, ties, bar lines and sections of kern; a quarter lasts a second."""

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.reading import kern
from orchestrion.reading.unfolding import unfold
from orchestrion.score import Meter


def score(*lines, meter="*M4/4"):
    """Lines with blanks for tabs; the columns are as many as the last line has."""
    rows = [line.replace(" ", "\t") for line in lines]
    n_columns = rows[0].count("\t") + 1
    head = ["\t".join([token] * n_columns) for token in ("**kern", meter, "*MM60")]
    return unfold(kern.read("\n".join([*head, *rows]) + "\n", "a.krn"))


def rows(made, part=0):
    return [(round(n.onset_s, 4), round(n.offset_s, 4), n.pitch) for n in made.parts[part].notes]


@pytest.mark.parametrize(
    ("token", "pitch"),
    [("4c", 60), ("4cc", 72), ("4C", 48), ("4CC", 36), ("4b", 71), ("4BB", 47), ("4f#", 66), ("4f##", 67), ("4b-", 70),
     ("4bn", 71), ("4e--", 62), ("4.gg#/L", 80), ("(4c;", 60), ("4dT", 62), ("4cyy", 60)],
)  # fmt: skip
def test_pitches(token, pitch):
    assert [note.pitch for note in score(token, "*-").notes] == [pitch]


@pytest.mark.parametrize(
    ("token", "length"),
    [
        ("4c", 1),
        ("4.c", 1.5),
        ("4..c", 1.75),
        ("1c", 4),
        ("0c", 8),
        ("00c", 16),
        ("12c", 1 / 3),
        ("3%2c", 8 / 3),
        ("40c", 0.1),
    ],
)
def test_rhythms(token, length):
    assert score(token, "*-").notes[0].offset_s == pytest.approx(length)


def test_chords_rests_and_ties():
    token = "[2c 2e"
    made = unfold(kern.read(f"**kern\n*MM60\n{token}\n2c_ 2g\n=\n4c]\n4r\n4c\n*-\n", "a.krn"))
    assert rows(made) == [(0, 5, 60), (0, 2, 64), (2, 4, 67), (6, 7, 60)]


def test_grace_notes():
    assert rows(score("8qd", "4c", "*-")) == [(0, 0.125, 62), (0.125, 1, 60)]


def test_spines_are_parts_side_by_side_with_their_names():
    lines = ['*I"Cello\t*I"Flute', "*Icello\t*Iflt", "2C\t4c", ".\t4d", "2G\t2e", "*-\t*-"]
    made = unfold(kern.read("**kern\t**kern\n*MM60\t*MM60\n" + "\n".join(lines) + "\n", "a.krn"))
    assert [(part.name, part.program) for part in made.parts] == [("Cello", 42), ("Flute", 73)]
    assert rows(made, 0) == [(0, 2, 48), (2, 4, 55)] and rows(made, 1) == [(0, 1, 60), (1, 2, 62), (2, 4, 64)]


def test_spines_that_split_again_and_join():
    made = score("*^", "2c 4e", "* *^", ". 4f 4g", "*v *v *v", "[1d", "=", "4d]", "*-")
    assert rows(made) == [(0, 2, 60), (0, 1, 64), (1, 2, 65), (1, 2, 67), (2, 7, 62)]
    tied = score("*^", "[2c [2e", "*v *v", "2g", "*-")
    assert [note.pitch for note in tied.notes] == [60, 64, 67]


def test_a_tie_leads_from_a_split_spine_into_the_joined_one():
    text = "**kern\n*MM60\n*^\n[2c\t[2e\n*v\t*v\n2c] 2e]\n*-\n"
    assert rows(unfold(kern.read(text, "a.krn"))) == [(0, 4, 60), (0, 4, 64)]


def test_spines_are_added_ended_and_exchanged():
    text = "**kern\t**text\n*MM60\t*\n4c\tla\n*\t*-\n4d\n*+\n*\t**kern\n4e\t4g\n*x\t*x\n4a\t4f\n*-\t*-\n"
    made = unfold(kern.read(text, "a.krn"))
    assert rows(made, 0) == [(0, 1, 60), (1, 2, 62), (2, 3, 64), (3, 4, 65)] and rows(made, 1) == [
        (2, 3, 67),
        (3, 4, 69),
    ]


@pytest.mark.parametrize(
    ("lines", "played"),
    [
        (["=!|:", "4c", "=:|!", "4d"], "ccd"), (["4c", "=:|!|:", "4d", "=:|!"], "ccdd"), (["4c", "=2:||:", "4d", "==:|!"], "ccdd"),
        (["4c", "==:|!", "4d"], "ccd"), (["4c", "=:!!:", "4d", "=:|!"], "ccdd"), (["4c", "=||", "4d", "=:|!"], "cdcd"),
        (["*>[A,A,B]", "*>A", "4c", "*>B", "4d"], "ccd"), (["*>[A,B,A]", "*>norep[A,B]", "*>A", "4c", "=", "*>B", "4d"], "cdc"),
        (["*>[A,A]", "*>A", "4c", "=:|!"], "cc"),
    ],
)  # fmt: skip
def test_repeats_and_expansion_lists(lines, played):
    assert "".join("cdefgab"[(60, 62, 64).index(n.pitch)] for n in score(*lines, "*-").notes) == played


def test_tempo_meter_dynamics_and_title():
    text = "!!!OTL: A title\n**kern\t**dynam\n*M3/4\t*\n*MM60\t*\n=1\t=1\n4c\tp\n4d\t.\n4e\tff\n=2\t=2\n*MM120\t*\n*M2/4\t*\n2f\t.\n*-\t*-\n"
    made = unfold(kern.read(text, "a.krn"))
    assert made.title == "A title" and made.meters == (Meter(0, 3, 4), Meter(3, 2, 4))
    assert rows(made)[-1] == (3, 4, 65)
    velocities = [note.velocity for note in made.notes]
    assert velocities[0] == velocities[1] < velocities[2] == velocities[3]


def test_what_is_not_read_is_told():
    assert kern.read("**mens\t**kern\nM\t4c\n*-\t*-\n", "a").ignored == ["spines of **mens"]
    assert kern.read("**kern\n4c\ne\n*-\n", "a").ignored == ["notes without a rhythm"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "no \\*\\*kern spine"), ("**kern\n4c\t4d\n*-\n", "line 2: there are 2 columns for 1 spines"),
        ("**kern\n" + "*^\n" + "\n".join("\t".join(["*^"] * 2**n) for n in range(1, 11)), "more than 1,000 spines"),
        ("**kern\n4c\n=\n" * 1 + "4c\n=\n" * 20_001, "more than 20,000 measures"), ("!! **kern\n**text\nla\n", "no spine is"),
    ],
)  # fmt: skip
def test_the_absurd_is_refused(text, reason):
    with pytest.raises(OrchestrionError, match=reason):
        kern.read(text, "a.krn")
