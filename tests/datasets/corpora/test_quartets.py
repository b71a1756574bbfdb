"""Passages of quartets: runs of bars on the grid, one line a player, whole works held out."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from orchestrion.composer.config import preset
from orchestrion.composer.features import BARS_BITS, BARS_LEFT, PLACES, clock_rows
from orchestrion.datasets.corpora import json_corpus, loading, quartets
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.music21_corpus import folder
from orchestrion.datasets.corpora.piece import SPLITS, CorpusPiece
from orchestrion.reading.notationfiles import read_written
from orchestrion.reading.written import Bar, Chord, Tone, Written, WrittenPart
from orchestrion.score.playingorder import BarMarks

PLAYERS = [WrittenPart(name) for name in ("Violin I", "Violin II", "Viola", "Cello")]
C_MAJOR = ((76,), (67,), (60,), (48,))


def bar(chords: tuple[tuple[int, ...], ...] = C_MAJOR, *, quarters: Fraction | int = 4, length: int = 4, **marks: object) -> Bar:
    """A bar of 4/4 in which each player has one chord."""
    row = {part: [Chord(Fraction(0), [Tone(pitch, Fraction(quarters)) for pitch in pitches])] for part, pitches in enumerate(chords)}
    return Bar(Fraction(length), BarMarks(**marks), (4, 4), chords=row)  # type: ignore[arg-type]


def found(bars: list[Bar]) -> list[CorpusPiece]:
    return list(quartets.passages(Written("", PLAYERS, bars), "haydn-opus1/movement1"))


def test_a_triplet_divides_a_movement_into_passages() -> None:
    first, second = found([bar()] * 9 + [bar(quarters=Fraction(1, 3))] + [bar()] * 8)
    assert (first.name, first.n_steps, first.ends) == ("haydn-opus1/movement1:1", 9 * 16, False)
    assert (second.name, second.n_steps, second.ends) == ("haydn-opus1/movement1:11", 8 * 16, True)
    assert first.notes[:4] == ((0, 16, 48), (0, 16, 60), (0, 16, 67), (0, 16, 76))
    assert first.meter == (4, 4) and first.tonic is None and second.tonic == 0


def test_short_runs_are_left_out_and_other_meters_are_passages_of_their_own() -> None:
    assert not found([bar()] * 7)
    waltz = [Bar(Fraction(3), meter=(3, 4), chords=bar().chords)] * 8
    assert [passage.meter for passage in found([bar()] * 8 + waltz)] == [(4, 4), (3, 4)]


def test_pickups_and_the_bars_that_complete_them_belong_to_a_passage() -> None:
    pickup, rest = bar(quarters=1, length=1), bar(quarters=3, length=3, repeat_end=2)
    (passage,) = found([pickup, *[bar()] * 8])
    assert passage.n_steps == 9 * 16 and passage.has_pickup and passage.notes[0] == (12, 16, 48)
    first, second = found([pickup, *[bar()] * 8, rest, pickup, *[bar()] * 8, bar(quarters=3, length=3)])
    assert (first.n_steps, first.n_whole_steps, first.ends) == (9 * 16 + 12, 10 * 16, True)
    assert (second.n_steps, second.has_pickup, second.ends) == (9 * 16 + 12, True, True)
    (cut,) = found([*[bar()] * 8, bar(quarters=3, length=3), bar(quarters=Fraction(1, 3))])
    assert (cut.n_steps, cut.ends) == (8 * 16, False)  # a short bar in the middle of things is no pickup, and ends nothing


def test_repeat_signs_cut_and_end_and_long_passages_are_divided() -> None:
    assert [(p.n_steps // 16, p.ends) for p in found([bar()] * 8 + [bar(repeat_end=2)] + [bar()] * 10)] == [(9, True), (10, True)]
    assert [(p.n_steps // 16, p.ends) for p in found([bar()] * 130)] == [(43, False), (43, False), (44, True)]


def test_a_player_has_one_line() -> None:
    double_stops = ((72, 76), (67,), (60,), (48, 55))
    (passage,) = found([bar(double_stops)] * 8)
    assert [pitch for onset, _, pitch in passage.notes if onset == 0] == [48, 60, 67, 76]
    held = bar()
    held.chords[0].append(Chord(Fraction(2), [Tone(79, Fraction(2))]))
    (passage,) = found([held] * 8)
    assert next((on, off) for on, off, pitch in passage.notes if pitch == 76) == (0, 8)


def test_the_key_is_that_of_the_passage() -> None:
    a_major = ((76,), (69,), (61,), (45,))
    (passage,) = found([bar(a_major), bar(((80,), (71,), (66,), (50,)))] * 4)
    assert passage.sharps == 3


def test_works_are_held_out_whole() -> None:
    names = ["mozart-k155/movement2:4", "beethoven-opus18no4:120", "beethoven-opus18no5:1", "mozart-k1556/movement1:1"]
    assert [quartets.split_of(CorpusPiece(name, ())) for name in names] == ["test", "test", "validation", "train"]


def test_a_movement_of_haydns() -> None:
    """Opus 1 no. 1, the second movement: a minuet in B flat and a trio, with triplets and a bar of four quarters, a misprint."""
    path = folder("haydn") / "opus1no1" / "movement2.mxl"
    passages = list(quartets.passages(read_written(path), "haydn-opus1no1/movement2"))
    assert [(p.name.split(":")[1], p.n_steps // 12, p.ends) for p in passages] == [("18", 10, False), ("35", 17, False), ("53", 10, True)]
    assert {p.meter for p in passages} == {(3, 4)} and [p.sharps for p in passages] == [-2, -3, -3]
    assert all(p.grid()[..., 0].sum(axis=1).max() <= 4 for p in passages)


def test_that_a_passage_does_not_end_is_kept_and_the_composer_is_not_told_of_an_end(tmp_path: Path) -> None:
    whole, cut = found([bar()] * 8 + [bar(repeat_end=2)] + [bar()] * 65)[:2]
    json_corpus.write_corpus(tmp_path / "c.json", [("train", whole), ("train", cut)], with_checksum=True)
    again = json_corpus.read_corpus(tmp_path / "c.json", "train")
    assert again == [whole, cut] and [piece.ends for piece in again] == [True, False]
    assert (whole.n_until_end, cut.n_until_end) == (9 * 16, None)
    rows = clock_rows(preset("compact-quartets"), cut.meter, 0, cut.n_steps, cut.n_until_end)
    left = rows[:, PLACES + BARS_BITS + 1 : PLACES + BARS_BITS + 1 + BARS_LEFT]
    assert not left.any() and (rows[:, -1] == 1).all()


def test_the_corpus_is_loaded_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path))
    pieces = [replace(found([bar()] * 8)[0], name=name) for name in ("mozart-k155/m:1", "mozart-k156/m:1", "haydn-opus1/m:1")]
    monkeypatch.setitem(loading.CORPORA, "quartets", lambda report: pieces)
    assert [piece.name for split in SPLITS for piece in load_corpus("quartets", split)] == [pieces[2].name, pieces[1].name, pieces[0].name]
