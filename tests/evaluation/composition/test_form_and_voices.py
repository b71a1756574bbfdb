"""Measures of form, endings and voice-leading on a few bars made by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orchestrion.evaluation.composition import endings, voice_leading
from orchestrion.evaluation.composition.classifier import told_apart
from orchestrion.evaluation.figures.form import draw_form, self_similarity

LOW = 48


def line(pitches: list[int], length: int = 4) -> np.ndarray:
    """[s, 40, 2]: one note after another."""
    grid = np.zeros((len(pitches) * length, 40, 2))
    for i, pitch in enumerate(pitches):
        grid[i * length : (i + 1) * length, pitch - LOW, 0] = 1
        grid[i * length, pitch - LOW, 1] = 1
    return grid


SCALE = line([60, 62, 64, 65, 67, 65, 64, 62, 60, 64, 67, 64, 60, 59, 60, 60])


def test_rhythm_heard_before() -> None:
    assert endings.rhythm_repetition(line([60] * 8), 16) == 0.5
    assert endings.rhythm_repetition(np.concatenate([line([60] * 4), line([60] * 2, 8)]), 16) == 0.0


def test_tonic_and_endings() -> None:
    assert endings.tonic(SCALE, LOW) == 0
    assert endings.tonic(np.roll(SCALE, 5, axis=1), LOW) == 5
    assert endings.ends_on_tonic(SCALE, LOW) == 1.0 and endings.ends_on_tonic(SCALE[:-8], LOW) == 0.0
    assert endings.ends_strongly(line([60, 62, 64]), (4, 4)) == 1.0
    assert endings.ends_strongly(np.concatenate([line([60, 62, 64]), line([60, 62], 1)]), (4, 4)) == 0.0
    assert endings.ends_in_last_bar(SCALE, 16) == 1.0
    assert endings.ends_in_last_bar(np.concatenate([SCALE, np.zeros_like(SCALE[:16])]), 16) == 0.0
    silent = np.zeros((16, 40, 2))
    assert endings.ends_on_tonic(silent, LOW) == endings.ends_strongly(silent, (3, 4)) == endings.final_triad(silent, LOW) == 0.0
    assert endings.final_triad(line([48]) + line([52]) + line([55]), LOW) == 1.0
    assert endings.final_triad(line([48]) + line([53]) + line([57]), LOW) == 0.0  # not in root position


def test_parallels_are_counted_where_both_parts_move() -> None:
    moving = np.array([[72, 67, 64, 60], [74, 69, 65, 62]])
    assert voice_leading.parallels(moving, voice_leading.FIFTH) == 100.0  # alto over bass
    assert voice_leading.parallels(moving, voice_leading.OCTAVE) == 100.0  # soprano over bass
    still = np.array([[72, 67, 64, 60], [76, 67, 64, 60]])
    assert voice_leading.parallels(still, voice_leading.FIFTH) == voice_leading.parallels(still, voice_leading.OCTAVE) == 0.0
    held = np.repeat(moving, 4, axis=0)
    assert voice_leading.parallels(held, voice_leading.FIFTH) == 100.0  # a chord counts once


def test_consonance_leaps_ranges_and_leading_notes() -> None:
    chords = np.array([[72, 67, 64, 60]] * 4 + [[72, 67, 65, 60]] * 4)
    assert voice_leading.consonance(chords) == 0.5
    assert voice_leading.leaps(np.array([[72, 67, 64, 60], [72, 67, 64, 47]])) == 100.0
    assert voice_leading.in_range(np.array([[72, 67, 64, 60], [90, 67, 64, 60]])) == 7 / 8
    cadence = np.array([[71, 67, 62, 55], [72, 67, 64, 48]])
    assert voice_leading.leading_notes(cadence, 0) == 1.0
    cadence[1, 0] = 67
    assert voice_leading.leading_notes(cadence, 0) == 0.0
    assert voice_leading.leading_notes(chords, 0) == 1.0
    empty = np.full((4, 4), -1)
    assert voice_leading.parallels(empty, 7) == voice_leading.consonance(empty) == voice_leading.leaps(empty) == 0.0


def test_a_classifier_tells_apart_what_differs_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    same, other = rng.normal(size=(120, 3)), rng.normal(size=(200, 3))
    assert 0.35 < told_apart(same, other)["accuracy"] < 0.65
    assert told_apart(same + [3, 0, 0], other)["f1"] > 0.85


def test_bars_alike_and_their_picture(tmp_path: Path) -> None:
    a, b = line([60, 62, 64, 65]), line([60, 62, 67, 69])
    grid = np.concatenate([a, b, a, np.zeros_like(a)])
    np.testing.assert_allclose(self_similarity(grid, 16), [[1, 0.5, 1, 0], [0.5, 1, 0.5, 0], [1, 0.5, 1, 0], [0, 0, 0, 0]])
    draw_form(tmp_path / "form.png", [("one", grid, 16), ("silence", np.zeros_like(grid), 12)])
    with Image.open(tmp_path / "form.png") as image:
        assert image.width > 800
    first = (tmp_path / "form.png").read_bytes()
    draw_form(tmp_path / "form.png", [("one", grid, 16), ("silence", np.zeros_like(grid), 12)])
    assert (tmp_path / "form.png").read_bytes() == first


@pytest.mark.parametrize("bars", [1, 3])
def test_a_bar_alone_is_like_itself(bars: int) -> None:
    assert (np.diag(self_similarity(np.concatenate([SCALE[:16]] * bars), 16)) == 1).all()
