import numpy as np

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.voices import NAMES, SILENT, assigned, parts_of
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
    assert [part.name for part in parts] == list(NAMES)
    assert [len(part.notes) for part in parts] == [3, 1, 1, 1]
    assert parts[3].notes[0].offset_s == 1.5


def test_a_composer_of_four_parts_writes_four_parts() -> None:
    composer = Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 4, "voices": 4}})
    score = compose(composer, Composing(bars=2))[0]
    assert [part.name for part in score.parts] == list(NAMES)
