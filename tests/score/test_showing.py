"""Scores and rolls in a notebook: one mark a note, escaped, bounded."""

from __future__ import annotations

from xml.etree import ElementTree

from orchestrion.score import BUILTIN_TUNES, Note, Part, PianoRoll, Score
from orchestrion.score.showing import MOST_NOTES, WIDTH, roll_svg

SVG = "{http://www.w3.org/2000/svg}"


def bars(svg: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg.split("</svg>")[0] + "</svg>").iter(f"{SVG}rect"))


def test_a_note_is_a_bar_at_its_time_and_pitch() -> None:
    score = Score((Part("a", 0, (Note(0.0, 1.0, 60, 127), Note(1.0, 2.0, 61, 64))),))
    first, second = bars(roll_svg(score))
    assert float(second.attrib["x"]) - float(first.attrib["x"]) == (WIDTH - float(first.attrib["x"])) / 2
    assert float(first.attrib["y"]) > float(second.attrib["y"])
    assert float(first.attrib["fill-opacity"]) > float(second.attrib["fill-opacity"])


def test_parts_have_colours_and_are_named() -> None:
    score = Score((Part("violin", 40, (Note(0, 1, 70, 80),)), Part("silent", 0, ()), Part("", 42, (Note(0, 1, 50, 80),))))
    shown = score._repr_html_()
    assert "violin" in shown and "part 2" in shown and "silent" not in shown
    assert len(set(ElementTree.fromstring(shown.split("</figcaption>")[1].split("</figure>")[0]).iter(f"{SVG}g"))) == 2


def test_names_are_escaped_and_shortened() -> None:
    score = Score((Part("<script>alert(1)</script>", 0, (Note(0, 1, 60, 80),)),), title="<img src=x onerror=1>" + "a" * 10_000)
    shown = score._repr_html_()
    assert "<script" not in shown and "<img" not in shown and "&lt;script" in shown
    assert len(shown) < 10_000


def test_a_large_score_is_shown_in_part_and_that_is_said() -> None:
    notes = tuple(Note(i * 0.1, i * 0.1 + 0.1, 40 + i % 40, 80) for i in range(20_000))
    shown = Score((Part("a", 0, notes),))._repr_html_()
    assert len(bars(shown[shown.index("<svg") :])) == MOST_NOTES
    assert f"first {MOST_NOTES:,} of 20,000" in shown and len(shown) < 500_000


def test_one_note_and_none() -> None:
    assert "1 note," in Score((Part("a", 0, (Note(0, 1, 60, 80),)),))._repr_html_()
    assert "No notes" in Score(())._repr_html_()


def test_a_piano_roll_shows_its_notes() -> None:
    roll = PianoRoll.from_score(BUILTIN_TUNES["ode-to-joy"])
    shown = roll._repr_html_()
    assert len(bars(shown[shown.index("<svg") :])) == len(roll.to_score().notes)
    assert f"{roll.n_steps} steps" in shown
