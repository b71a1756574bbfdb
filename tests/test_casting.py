"""Which instrument plays which part."""

from dataclasses import replace

import pytest

from orchestrion.casting import PROGRAMS, cast, performers, players_of
from orchestrion.ensemble import without_silent
from orchestrion.errors import OrchestrionError
from orchestrion.options import Playing
from orchestrion.score import Note, Part, Score

RANGES = {
    "piano": (21, 108), "violin": (55, 103), "viola": (48, 88), "cello": (36, 84), "double-bass": (24, 69), "flute": (60, 96), "tuba": (29, 55),
    "alto-sax": (49, 80), "horn": (35, 77), "trumpet": (54, 86), "guitar": (40, 83),
}  # fmt: skip


def part(name: str = "", program: int = 0, pitch: int = 64) -> Part:
    return Part(name, program, (Note(0.0, 1.0, pitch, 80),))


def players(*parts: Part) -> list[str]:
    return cast(Score(parts), RANGES, "piano")


def test_every_program_has_somebody():
    assert sorted(p for programs in PROGRAMS for p in programs) == list(range(128))


def test_a_string_quartet():
    assert players(part(program=40, pitch=76), part(program=40, pitch=67), part(program=41, pitch=60), part(program=42, pitch=45)) == [
        "violin", "violin", "viola", "cello",
    ]  # fmt: skip


@pytest.mark.parametrize(("pitch", "player"), [(76, "violin"), (50, "viola"), (40, "cello"), (28, "double-bass")])
def test_an_ensemble_patch_goes_to_who_reaches_the_notes(pitch, player):
    assert players(part(program=48, pitch=pitch)) == [player]


def test_a_name_says_more_than_no_program():
    assert players(part("Violoncello", pitch=48), part("Flöte 1", pitch=72), part("Alto Sax", pitch=60), part("Melody")) == [
        "cello", "flute", "alto-sax", "piano",
    ]  # fmt: skip


def test_a_program_says_more_than_a_name():
    assert players(part("Violin", program=73, pitch=72)) == ["flute"]


def test_who_does_not_ship_is_replaced_within_the_family():
    assert players(part(program=70, pitch=48)) == ["cello"] and players(part(program=19)) == ["piano"]


def test_longer_names_are_looked_for_first():
    ranges = RANGES | {"english-horn": (52, 81), "tenor-sax": (44, 76), "harpsichord": (29, 89), "bass-guitar": (28, 67), "harp": (24, 103)}
    named = (part("Englischhorn"), part("Tenor Sax"), part("Harpsichord"), part("Bass Guitar", pitch=40), part("Saxophone"))
    assert cast(Score(named), ranges, "piano") == ["english-horn", "tenor-sax", "harpsichord", "bass-guitar", "alto-sax"]


def test_drums_and_empty_parts_have_no_player():
    drums = Part("Drums", 0, (Note(0.0, 0.1, 36, 90),), is_drum=True)
    assert players(drums, Part("Silent", 40, ()), part(program=73, pitch=72)) == ["flute"]


def test_instruments_are_given_to_parts_by_name_number_and_rest():
    parts = tuple(Part(name, 0, (Note(0, 1, 60, 80),)) for name in ("Violin", "Tenor", "Bass"))
    score = Score((*parts, Part("Kit", 0, (Note(0, 1, 40, 80),), is_drum=True)))
    assert players_of(score, ["violin=violin", "piano=rest"]) == ["violin", "piano", "piano"]
    assert players_of(score, ["cello=2", "violin=0", "flute=Tenor"]) == ["violin", "flute", "cello"]
    assert players_of(score, ["oboe=Tenor"])[0] == "violin" and players_of(score, ["oboe=Tenor"])[1] == "oboe"
    assert players_of(score, ["piano=rest"]) == ["piano"]
    with pytest.raises(OrchestrionError, match="There is no part 'Alto'; this score has: 0 'Violin'"):
        players_of(score, ["violin=Alto"])
    with pytest.raises(OrchestrionError, match="given to two"):
        players_of(score, ["violin=0", "flute=Violin"])
    with pytest.raises(OrchestrionError, match="names no part"):
        players_of(score, ["violin", "flute=Violin"])


def test_who_plays_is_told_and_how_to_choose_where_nothing_was_chosen(capsys):
    from orchestrion.cli.rendering import players_of as told

    score = Score((Part("Tune", 40, (Note(0.0, 1.0, 72, 80),)), Part("Bass", 0, (Note(0.0, 1.0, 48, 80),))))
    told(score, say=True)
    assert capsys.readouterr().err == "Who plays: Tune violin, Bass piano (-i chooses others).\n"
    told(score, ["violin=Tune", "piano=rest"], say=True)
    assert capsys.readouterr().err == "Who plays: Tune violin, Bass piano.\n"


def test_a_composed_piece_is_played_by_who_is_asked_or_its_players_or_the_piano() -> None:
    quartet = Score((part(program=40, pitch=76), part(program=40, pitch=67), part(program=41, pitch=60), part(program=42, pitch=45)))
    assert performers(quartet, None, has_players=True) == ["violin", "violin", "viola", "cello"]
    assert performers(quartet, "organ", has_players=True) == ["organ"]
    assert performers(quartet, None, has_players=False) == ["piano"]


def test_who_has_no_note_in_a_composed_piece_has_no_gain_and_no_pan() -> None:
    """Four pans for a quartet of which the viola did not play were refused after the piece was written."""
    first, second, cello = part("Violin 1", 40, 76), part("Violin 2", 40, 67), part("Cello", 42, 45)
    asked = Playing(pans=(-0.6, -0.2, 0.2, 0.6), gains_db=(0.0, -1.0, -2.0, -3.0))
    quartet = Score((first, second, Part("Viola", 41, ()), cello))
    assert performers(quartet, None, has_players=True, mixed=True) == ["violin", "violin", "cello"]
    with pytest.warns(UserWarning, match="^No note in this piece, and so no gain or pan: Viola.$"):
        playing = without_silent(quartet, asked)
    assert playing == replace(asked, pans=(-0.6, -0.2, 0.6), gains_db=(0.0, -1.0, -3.0))


def test_two_violins_alone_keep_a_place_each() -> None:
    quartet = Score((part("Violin 1", 40, 76), part("Violin 2", 40, 67), Part("Viola", 41, ()), Part("Cello", 42, ())))
    assert performers(quartet, None, has_players=True, mixed=True) == ["violin", "violin"]
    with pytest.warns(UserWarning, match="Viola, Cello"):
        assert without_silent(quartet, Playing(pans=(-0.6, -0.2, 0.2, 0.6))).pans == (-0.6, -0.2)
