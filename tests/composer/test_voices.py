import numpy as np
import pytest

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.voices import CHOIR, QUARTET, SILENT, assigned, parts_of
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from tests.composer.models import TINY_BAR, random_model


def rows_of(chords: list[list[int]], low: int = 36, n: int = 48) -> np.ndarray:
    rows = np.zeros((len(chords), n, 2), dtype=np.uint8)
    for step, chord in enumerate(chords):
        for pitch in chord:
            rows[step, pitch - low] = 1, step == 0 or pitch not in chords[step - 1]
    return rows


def test_four_notes_are_the_four_parts() -> None:
    assert assigned(rows_of([[48, 60, 64, 72]]), 36).tolist() == [[72, 64, 60, 48]]


def test_three_notes_are_shared_by_the_parts_that_move_least() -> None:
    found = assigned(rows_of([[48, 60, 64, 72], [48, 64, 72]]), 36)
    assert found[1].tolist() == [72, 64, 64, 48]
    assert assigned(rows_of([[], [60]]), 36).tolist() == [[SILENT] * 4, [60] * 4]


def test_parts_hold_every_note_once_and_never_cross() -> None:
    rng = np.random.default_rng(3)
    chords = [sorted(rng.choice(np.arange(40, 80), size=rng.integers(1, 5), replace=False).tolist()) for _ in range(40)]
    found = assigned(rows_of(chords), 36)
    for placed, chord in zip(found, chords, strict=True):
        assert set(placed.tolist()) == set(chord) and (np.diff(placed) <= 0).all()


def test_held_notes_are_one_note() -> None:
    parts = parts_of(rows_of([[48, 60, 64, 72], [48, 60, 64, 71], [48, 60, 64, 72]]), 36, 0.5)
    assert [part.name for part in parts] == list(CHOIR.names)
    assert [len(part.notes) for part in parts] == [3, 1, 1, 1]
    assert parts[3].notes[0].offset_s == 1.5


def test_a_composer_of_four_parts_writes_four_parts() -> None:
    composer = Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 4, "voices": 4}})
    score = compose(composer, Composing(bars=2))[0]
    assert [part.name for part in score.parts] == list(CHOIR.names)


def test_players_of_a_quartet_go_on_with_their_notes_and_rest() -> None:
    low = 36
    rows = rows_of([[76], [76, 83], [48, 76, 83], [48, 76]], low)
    found = assigned(rows, low, QUARTET)
    first, second = found[0].tolist().index(76), found[1].tolist().index(83)
    assert all(line[first] == 76 for line in found) and first != second  # held, though a higher note comes
    assert found[2, 3] == 48 and found[3].tolist().count(SILENT) == 2


def test_a_quartet_plays_every_note_once_and_in_range() -> None:
    rng = np.random.default_rng(4)
    chords = [sorted(rng.choice(np.arange(36, 96), size=rng.integers(0, 5), replace=False).tolist()) for _ in range(60)]
    for placed, chord in zip(assigned(rows_of(chords, n=61), 36, QUARTET), chords, strict=True):
        assert sorted(placed[placed != SILENT].tolist()) == chord
    triads = [[36, 55, 64, 79], [40, 55, 65, 77], [38, 50, 67, 95]]
    for placed in assigned(rows_of(triads, n=61), 36, QUARTET):
        assert all(low <= pitch <= high for pitch, (low, high) in zip(placed, QUARTET.ranges, strict=True))


def test_a_given_line_is_its_players_alone() -> None:
    rows = rows_of([[48, 60, 64, 72], [48, 60, 64], [48, 60, 64, 67, 72]])
    line = np.full((3, 4), SILENT)
    line[[0, 2], 0] = 72
    found = assigned(rows, 36, QUARTET, line)
    assert found[:, 0].tolist() == [72, SILENT, 72]
    assert set(found[1, 1:].tolist()) == {48, 60, 64}
    assert 48 in found[2, 1:] and len(set(found[2].tolist())) == 4  # one note more than there are players


def test_an_unknown_ensemble_is_refused() -> None:
    with pytest.raises(OrchestrionError, match="unknown ensemble"):
        compose(Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 4, "voices": 4, "ensemble": "band"}}), Composing(bars=1))


def test_a_composer_of_quartets_writes_for_strings() -> None:
    composer = Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 4, "voices": 4, "ensemble": "quartet"}})
    score = compose(composer, Composing(bars=2))[0]
    assert [part.name for part in score.parts] == list(QUARTET.names)
    assert [part.program for part in score.parts] == [40, 40, 41, 42]


def test_a_note_is_passed_on_before_another_player_has_to_leave_his_range() -> None:
    """The viola holds A3, the cello D3; then C#3 comes, which the violins lack: the cello takes it, and D3 goes to the viola."""
    found = assigned(rows_of([[50, 57], [49, 50, 57]]), 36, QUARTET)
    assert sorted(found[0, 2:].tolist()) == [50, 57]
    assert found[1, 3] == 49 and found[1, 2] == 50 and 57 in found[1, :2]
