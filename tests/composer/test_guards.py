import numpy as np

from orchestrion.composer.guards import Guards, repeats
from orchestrion.composer.sampler import Choices

CHOICES = Choices(np.ones(5, dtype=np.uint8), conservativity=2.0)


def rows_of(pattern: list[int], n: int) -> np.ndarray:
    """[n, 5, 2]: one attack at the pattern's pitch (-1: silence) in each step."""
    rows = np.zeros((n, 5, 2), dtype=np.uint8)
    for step in range(n):
        pitch = pattern[step % len(pattern)]
        if pitch >= 0:
            rows[step, pitch] = 1
    return rows


def watched(rows: np.ndarray, **settings: bool) -> Choices:
    guards = Guards(steps_per_bar=8, **settings)
    for step in range(len(rows)):
        guards.watch(rows[: step + 1])
    return guards.correct(CHOICES)


def test_silence_makes_every_note_likelier_until_one_sounds() -> None:
    quiet = rows_of([-1], 200)
    assert watched(quiet[:4]) is CHOICES  # half a bar
    assert watched(quiet[:5]).conservativity < 2.0
    assert 0.001 ** watched(quiet[:7]).conservativity > 50 * 0.001**2  # before the bar is over
    assert 0.01 ** watched(quiet).conservativity > 0.999  # even an improbable note must come
    assert watched(np.concatenate([quiet, rows_of([2], 1)])).conservativity == 2.0
    assert watched(quiet, silence=False) is CHOICES


def test_given_silence_does_not_count() -> None:
    quiet, guards = rows_of([-1], 200), Guards(steps_per_bar=8)
    for step in range(100):
        guards.watch(quiet[: step + 1], given=True)
    assert guards.correct(CHOICES) is CHOICES


def test_a_repeated_bar_heats_and_a_new_one_cools() -> None:
    bar = [0, 1, 2, 3, 4, 3, 2, 1]
    assert watched(rows_of(bar, 31)).temperature == 1.0
    stuck = rows_of(bar, 32)
    assert watched(stuck).temperature > 1.0
    assert watched(rows_of(bar, 400)).temperature == 3.0
    assert watched(np.concatenate([stuck, rows_of([4], 1)])).temperature == 1.0
    assert watched(stuck, loops=False) is CHOICES


def test_three_repeats_are_music() -> None:
    a, b = rows_of([0, 1, 2, 3, 4, 3, 2, 1], 24), rows_of([4, 3, 1, 2, 0, 0, 2, 3], 8)
    assert watched(np.concatenate([b, a])).temperature == 1.0


def test_repeats_needs_the_whole_span() -> None:
    rows = rows_of([0, 1], 12)
    assert repeats(rows, 2, 12) and not repeats(rows, 2, 13) and not repeats(rows, 3, 12)
