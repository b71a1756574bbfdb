import numpy as np
import pytest

from orchestrion.composer.controls import allowed_pitches, parse_key
from orchestrion.errors import OrchestrionError


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


def test_range_and_key_are_intersected() -> None:
    allowed = allowed_pitches(50, 80, parse_key("C major"), (60, 65))
    assert list(np.flatnonzero(allowed) + 50) == [60, 62, 64, 65]
    with pytest.raises(OrchestrionError, match="No pitch is left"):
        allowed_pitches(50, 80, parse_key("C major"), (61, 61))
    with pytest.raises(OrchestrionError, match="low then high"):
        allowed_pitches(50, 80, None, (70, 60))
