import numpy as np
import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.score.keys import estimated_sharps, parse_key, pitch_classes


@pytest.mark.parametrize(
    ("text", "tonic", "classes"),
    [
        ("C major", 0, {0, 2, 4, 5, 7, 9, 11}),
        ("D major", 2, {2, 4, 6, 7, 9, 11, 1}),
        ("a minor", 9, {0, 2, 4, 5, 7, 9, 11}),
        ("Bb", 10, {10, 0, 2, 3, 5, 7, 9}),
        ("F#m", 6, {6, 8, 9, 11, 1, 2, 4}),
        ("E-flat major", 3, {3, 5, 7, 8, 10, 0, 2}),
        ("D dorian", 2, {0, 2, 4, 5, 7, 9, 11}),
        ("Cb major", 11, {11, 1, 3, 4, 6, 8, 10}),
    ],
)
def test_keys(text: str, tonic: int, classes: set[int]) -> None:
    key = parse_key(text)
    assert key.tonic == tonic and key.classes == classes


@pytest.mark.parametrize("text", ["", "H major", "C sideways", "12", "C major minor", "♭"])
def test_no_such_key(text: str) -> None:
    with pytest.raises(OrchestrionError, match="not a key"):
        parse_key(text)


@pytest.mark.parametrize(("sounding", "sharps"), [((62, 64, 66, 67, 69, 71, 73), 2), ((), 0), ((63, 65, 70), -2), ((66,), 1)])
def test_the_signature_is_that_of_the_scale_that_holds_the_notes(sounding, sharps) -> None:
    durations = np.zeros(128)
    durations[list(sounding)] = 3
    assert estimated_sharps(durations) == sharps


def test_pitch_classes_are_sums_over_octaves() -> None:
    values = np.arange(2 * 88).reshape(2, 88)
    classes = pitch_classes(values)
    assert classes.shape == (2, 12)
    assert all((classes[:, c] == values[:, c::12].sum(axis=1)).all() for c in range(12))
